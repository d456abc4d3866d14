import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { budget } from './build/budget.ts';
import { emojiTable } from './build/emoji-table.ts';
import { precompress } from './build/precompress.ts';
import { serviceWorker } from './build/service-worker.ts';

export default defineConfig({
  plugins: [svelte(), emojiTable(), serviceWorker(), budget(), precompress()],
  resolve: process.env['VITEST'] ? { conditions: ['browser'] } : {},
  build: {
    target: ['chrome111', 'firefox116', 'safari17'],
    manifest: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // all that the page starts from travels as one file: on a slow line a request costs more than its bytes
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'app', tags: ['$initial'] }] } } },
  },
  server: { proxy: { '/api': process.env['HEARTH_URL'] ?? 'http://127.0.0.1:8080' } },
  test: { include: ['test/unit/**/*.test.ts'] },
});
