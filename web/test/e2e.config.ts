import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/e2e/**/*.e2e.ts'],
    testTimeout: 180_000,
    hookTimeout: 60_000,
    fileParallelism: false,
    // a busy machine is slow, not wrong: what is waited for may take as long as Playwright waits
    expect: { poll: { timeout: 30_000 } },
  },
});
