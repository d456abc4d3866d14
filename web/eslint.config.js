import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';
import svelteConfig from './svelte.config.js';

/**
 * Rooms in layers: a room imports from itself, from its own layer where that is allowed, and from those below.
 * Files at the top of `src` (`i18n`, `log`, `router`) belong to nobody and are open to all.
 */
const ROOMS = ['api', 'gateway', 'keys', 'state', 'markdown', 'timeline', 'composer', 'voice', 'ui', 'views'];
const MAY_IMPORT = {
  api: [],
  gateway: ['api'],
  keys: ['ui'],
  state: ['api', 'gateway', 'keys'],
  ui: [],
  markdown: ['api', 'state', 'ui'],
  timeline: ['api', 'keys', 'state', 'markdown', 'ui'],
  composer: ['api', 'keys', 'state', 'markdown', 'ui'],
  voice: ['api', 'gateway', 'keys', 'state', 'ui'],
  views: ['api', 'keys', 'state', 'markdown', 'timeline', 'composer', 'voice', 'ui'],
};

const layers = ROOMS.map((room) => ({
  files: [`src/${room}/**/*.{ts,svelte}`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: ROOMS.filter((other) => other !== room && !MAY_IMPORT[room].includes(other)).map(
          (other) => ({
            group: [`../${other}/*`, `../../${other}/*`],
            message: `${room}/ does not import ${other}/ (STYLE.md, "Web client").`,
          }),
        ),
      },
    ],
  },
}));

/** One place each for what reaches outside the page: a global, and the files that may use it. */
const REACHING = {
  fetch: ['src/state/client.svelte.ts', 'src/api/http.ts', 'src/sw.ts'],
  XMLHttpRequest: ['src/api/http.ts'],
  WebSocket: ['src/gateway/socket.ts'],
  RTCPeerConnection: ['src/voice/rtc.ts'],
};
const forbid = (files, isFree) => ({
  files,
  rules: {
    'no-restricted-globals': [
      'error',
      ...Object.entries(REACHING)
        .filter(([, places]) => !places.some(isFree))
        .map(([name, places]) => ({ name, message: `only ${places.join(' and ')} may use ${name}` })),
    ],
  },
});
const reaching = [
  forbid(['src/**/*.{ts,svelte}'], () => false),
  ...[...new Set(Object.values(REACHING).flat())].map((file) => forbid([file], (place) => place === file)),
];

export default ts.config(
  { ignores: ['dist', 'src/paraglide', 'project.inlang', 'test/screens'] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  { languageOptions: { globals: { ...globals.browser, ...globals.node } } },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } },
  },
  {
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-invalid-void-type': ['error', { allowInGenericTypeArguments: true }],
      // TypeScript knows the globals; this rule does not know its types
      'no-undef': 'off',
      'no-eval': 'error',
      'svelte/no-at-html-tags': 'error',
      // a literal style attribute is refused by the content policy; style: directives go through script and are not
      'no-restricted-syntax': [
        'error',
        { selector: 'SvelteAttribute[key.name="style"]', message: 'Use a class or a style: directive.' },
      ],
      // what a view watches is a rune or a SvelteMap; the rest is plain on purpose
      'svelte/prefer-svelte-reactivity': 'off',
      // for SvelteKit's router, which this client does not use
      'svelte/no-navigation-without-resolve': 'off',
    },
  },
  ...layers,
  ...reaching,
);
