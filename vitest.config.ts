import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** A minute or more each: begun last, one would run beside an idle core. */
const LONGEST = ['test/crash/', 'test/natlab/switching'];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean =>
      LONGEST.some((name) => moduleId.includes(name));
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Two cores: one worker more only makes the tests with real processes wait for each other.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
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
