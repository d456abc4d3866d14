// Serves a built client as the server does: same policy, same fallbacks. For the stand-in server of the look tests.
import { existsSync, readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { extname, join } from 'node:path';

const DIST = new URL('../../dist', import.meta.url).pathname;
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.webmanifest': 'application/manifest+json',
};

/** The Content-Security-Policy of WEB.md section 2. */
export const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; require-trusted-types-for 'script'; " +
  "trusted-types svelte-trusted-html hearth; img-src 'self' blob: data:; media-src 'self' blob: data:; " +
  "connect-src 'self'; worker-src 'self'; font-src 'self'; manifest-src 'self'; frame-ancestors 'none'; " +
  "base-uri 'none'; form-action 'self'";

/** Answers with a file of the build, or the page itself. */
export function serveClient(path: string, response: ServerResponse): void {
  const isFile = /^\/(?:assets|icons)\/[\w.-]+$|^\/(?:manifest\.webmanifest|first-paint\.js|sw\.js)$/.test(
    path,
  );
  const file = join(DIST, isFile ? path : 'index.html');
  if (!existsSync(file)) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, {
    'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream',
    'Content-Security-Policy': POLICY,
  });
  response.end(readFileSync(file));
}
