import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Two cores: one worker more only makes the tests with real processes wait for each other.
    maxWorkers: 2,
    // A daemon that a test starts sends to loopback alone, unless the test made a network for it.
    env: { PILOT_NAT_TRAVERSAL: 'off' },
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: ['src/*/main.ts'],
      thresholds: { lines: 90, branches: 85 },
    },
  },
});
