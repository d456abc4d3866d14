// Compiles messages/*.json to src/paraglide: one module of functions per language, so a browser loads only the one it shows.
// Two things happen on the way: a language that lacks a key shows the English words, and a pseudo-locale is made of English
// (longer by 40 % and marked, so that cut, untranslated and glued texts show; https://www.w3.org/International/questions/qa-pseudo).
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile } from '@inlang/paraglide-js';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const OUT = join(ROOT, 'src/paraglide');
const PSEUDO = 'en-XA';

/** @param {string} path */
const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

const PLAIN = 'aeioucnsyzAEIOUCNSYZ';
const ACCENTED = 'áéíóúçñšýžÁÉÍÓÚÇÑŠÝŽ';

/** @param {string} letter */
const accented = (letter) => ACCENTED[PLAIN.indexOf(letter)] ?? letter;

/**
 * A text as the pseudo-locale shows it; what stands in braces stays.
 * @param {string} text
 */
function pseudo(text) {
  const words = text
    .split(/(\{[^}]*\})/u)
    .map((part) => (part.startsWith('{') ? part : part.replace(/[a-z]/gi, accented)))
    .join('');
  const letters = text.replace(/\{[^}]*\}/gu, '').length;
  return `⟦${words}${'·'.repeat(Math.ceil(letters * 0.4))}⟧`;
}

/** @param {unknown} message */
function pseudoMessage(message) {
  if (typeof message === 'string') return pseudo(message);
  return message.map((variant) => ({
    ...variant,
    match: Object.fromEntries(Object.entries(variant.match).map(([on, text]) => [on, pseudo(text)])),
  }));
}

const settings = readJson(join(ROOT, 'project.inlang/settings.json'));
// most runs come right after one with the same words
const inputs = [
  fileURLToPath(import.meta.url),
  ...settings.locales.map((/** @type {string} */ locale) => join(ROOT, `messages/${locale}.json`)),
];
const hash = createHash('sha256');
for (const input of inputs) hash.update(readFileSync(input)).update('\0');
const fingerprint = hash.digest('hex');
const stamp = join(OUT, 'fingerprint');
if (existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint) process.exit(0);

const { $schema, ...base } = readJson(join(ROOT, `messages/${settings.baseLocale}.json`));
const WORK = mkdtempSync(join(tmpdir(), 'hearth-messages-'));
mkdirSync(join(WORK, 'messages'));
mkdirSync(join(WORK, 'project.inlang'));
for (const locale of settings.locales) {
  const own = readJson(join(ROOT, `messages/${locale}.json`));
  const known = Object.fromEntries(Object.keys(base).map((key) => [key, own[key] ?? base[key]]));
  writeFileSync(join(WORK, `messages/${locale}.json`), JSON.stringify({ $schema, ...known }));
}
const made = Object.fromEntries(Object.entries(base).map(([key, message]) => [key, pseudoMessage(message)]));
writeFileSync(join(WORK, `messages/${PSEUDO}.json`), JSON.stringify({ $schema, ...made }));
writeFileSync(
  join(WORK, 'project.inlang/settings.json'),
  JSON.stringify({
    ...settings,
    locales: [...settings.locales, PSEUDO],
    modules: [join(ROOT, 'node_modules/@inlang/plugin-message-format/dist/index.js')],
    'plugin.inlang.messageFormat': { pathPattern: './messages/{locale}.json' },
  }),
);
await compile({
  project: join(WORK, 'project.inlang'),
  outdir: OUT,
  strategy: ['globalVariable', 'baseLocale'],
  outputStructure: 'locale-modules',
});
// the base language as one object, which the app can hold without the bundler's help for namespaces (a request of its own)
const keys = Object.keys(base).join(', ');
writeFileSync(
  join(OUT, 'english.js'),
  `import { ${keys} } from './messages/${settings.baseLocale}.js';\nexport default { ${keys} };\n`,
);
writeFileSync(stamp, fingerprint);
rmSync(WORK, { recursive: true });
