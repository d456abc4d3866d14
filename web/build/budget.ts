// Fails the build when what a first conversation needs outgrows its budget (bytes as sent: brotli, fonts as they are).
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import type { Manifest, Plugin } from 'vite';

const KIB = 1024;
const LIMITS = { js: 110 * KIB, css: 20 * KIB, fonts: 32 * KIB, lazyChunk: 60 * KIB, dist: 1536 * KIB };

/** What must have arrived before a conversation can be read and answered. */
export const FIRST_CONVERSATION = ['index.html'];

/** Bytes by kind, as they travel. */
export interface Weight {
  js: number;
  css: number;
  fonts: number;
  /** The heaviest part that is fetched when it is needed. */
  lazyChunk: number;
  /** All of it, without WebAssembly and the emoji font. */
  dist: number;
}

/** The files that entries of a build need: themselves and what they import statically, with styles and fonts. */
export function filesOf(manifest: Manifest, entries: readonly string[]): Set<string> {
  const files = new Set<string>();
  const walk = (key: string): void => {
    const chunk = manifest[key];
    if (!chunk || files.has(chunk.file)) return;
    files.add(chunk.file);
    for (const css of chunk.css ?? []) files.add(css);
    for (const asset of chunk.assets ?? []) files.add(asset);
    for (const next of chunk.imports ?? []) walk(next);
  };
  entries.forEach(walk);
  return files;
}

/** Weighs a finished build. */
export function weigh(outDir: string): Weight {
  const manifest = JSON.parse(readFileSync(join(outDir, '.vite/manifest.json'), 'utf8')) as Manifest;
  const files = filesOf(manifest, FIRST_CONVERSATION);
  const brotli = (name: string): number => brotliCompressSync(readFileSync(join(outDir, name))).length;
  const total = (ending: string, size: (name: string) => number): number =>
    [...files].filter((name) => name.endsWith(ending)).reduce((sum, name) => sum + size(name), 0);
  const lazy = Object.values(manifest)
    .filter((chunk) => chunk.file.endsWith('.js') && !files.has(chunk.file))
    .map((chunk) => brotli(chunk.file));
  return {
    js: total('.js', brotli),
    css: total('.css', brotli),
    fonts: total('.woff2', (name) => statSync(join(outDir, name)).size),
    lazyChunk: Math.max(0, ...lazy),
    dist: readdirSync(outDir, { recursive: true, encoding: 'utf8' })
      .filter((name) => !/^\.vite|\.(?:wasm|br|gz)$|emoji.*\.woff2$/.test(name))
      .filter((name) => statSync(join(outDir, name)).isFile())
      .reduce((sum, name) => sum + brotli(name), 0),
  };
}

/** The Vite plugin. */
export function budget(): Plugin {
  let outDir = 'dist';
  return {
    name: 'hearth-budget',
    apply: 'build',
    enforce: 'post',
    configResolved(config) {
      outDir = join(config.root, config.build.outDir);
    },
    closeBundle: {
      sequential: true,
      handler() {
        const weight = weigh(outDir);
        rmSync(join(outDir, '.vite'), { recursive: true }); // the manifest is ours, not the server's to hand out
        const line = Object.entries(weight).map(([kind, bytes]) => `${kind} ${(bytes / KIB).toFixed(1)} KiB`);
        this.info(`first conversation: ${line.join(', ')}`);
        for (const [kind, limit] of Object.entries(LIMITS)) {
          const bytes = weight[kind as keyof Weight];
          if (bytes > limit) this.error(`${kind} is ${bytes} bytes, its budget ${limit}`);
        }
      },
    },
  };
}
