import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
    exclude: ['test/e2e/**'],
    environment: 'node',
    // Processes, not threads: native addons (onnxruntime, SQLite) abort the process when a thread ends under them.
    pool: 'forks',
    maxWorkers: 2,
    // Two slow, shared cores must not turn an honest test into a failure.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Tests import what they use; nothing is global.
    globals: false,
    passWithNoTests: true,
  },
});
