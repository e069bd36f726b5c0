import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Interoperability tests need other toolchains; `.ci/run` runs them by name, with TEEMU_INTEROP set.
    exclude: process.env.TEEMU_INTEROP ? [] : ['test/interop/**'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
