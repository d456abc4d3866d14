// Bundles src/sw.ts to dist/sw.js, with the list of files the app starts from: the page, what it loads first, every language.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, type Manifest, type Plugin } from 'vite';
import { FIRST_CONVERSATION, filesOf } from './budget.ts';

/** Kept besides what the manifest names. */
const PLAIN = ['/', '/first-paint.js', '/manifest.webmanifest', '/icons/hearth.svg', '/icons/hearth-192.png'];

/** Fetched when it is needed, and needed without a network, what shows the files that wait for it, or at once: what a call is made of. */
const LATER = [
  'src/composer/Tray.svelte',
  ...['Host', 'Stage', 'Dock'].map((part) => `src/voice/${part}.svelte`),
];

/** The Vite plugin; runs before the budget's, which takes the manifest away. */
export function serviceWorker(): Plugin {
  let root = '.';
  let outDir = 'dist';
  return {
    name: 'hearth-service-worker',
    apply: 'build',
    enforce: 'post',
    configResolved(config) {
      root = config.root;
      outDir = join(config.root, config.build.outDir);
    },
    closeBundle: {
      sequential: true,
      async handler() {
        const manifest = JSON.parse(readFileSync(join(outDir, '.vite/manifest.json'), 'utf8')) as Manifest;
        const languages = Object.keys(manifest).filter((key) =>
          /paraglide\/messages\/[a-z]{2}(?:-[A-Z]{2})?\.js$/.test(key),
        );
        const shown = [...filesOf(manifest, [...FIRST_CONVERSATION, ...LATER, ...languages])].filter(
          (file) => !/\/en-XA-/.test(file),
        );
        const files = [...PLAIN, ...shown.map((file) => `/${file}`)].sort();
        const hash = createHash('sha256').update(JSON.stringify(files));
        for (const file of PLAIN) hash.update(readFileSync(join(outDir, file === '/' ? 'index.html' : file)));
        const version = hash.digest('hex').slice(0, 12);
        await build({
          root,
          configFile: false,
          logLevel: 'warn',
          publicDir: false,
          define: { BUILD: JSON.stringify({ version, files }) },
          build: {
            outDir,
            emptyOutDir: false,
            target: ['chrome111', 'firefox116', 'safari17'],
            modulePreload: false,
            rollupOptions: {
              input: join(root, 'src/sw.ts'),
              output: { format: 'iife', entryFileNames: 'sw.js' },
            },
          },
        });
      },
    },
  };
}
