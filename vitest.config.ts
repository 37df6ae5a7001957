import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'webview/**/*.test.ts', 'test/integration/**/*.test.ts'],
    testTimeout: 60_000,
    // onnxruntime-node is native code: a process a file, never worker threads.
    pool: 'forks',
    maxWorkers: 2,
  },
});
