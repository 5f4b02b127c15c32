import { expect, test } from 'vitest';

import { Sandbox } from '../support/sandbox.ts';
import { describeWithLab } from './describe-with-lab.ts';
import { Lab } from './lab.ts';
import { runSwitching } from './switching.ts';

/** Some 35 s of faults; `npm run natlab -- switching` sends 10,000 and 200 MB. */
const MESSAGES = 3000;
const STREAM_BYTES = 30_000_000;
/**
 * With what they keep, 8 MiB in each direction at most, and what the garbage collector leaves for later; it was
 * 30 to 60 MiB.
 */
const MAX_GROWTH_MIB = 160;
const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));

describeWithLab('switching', () => {
  test(
    `${MESSAGES} messages once and in order, and a stream, while the network changes at random (SEED=${seed})`,
    { timeout: 240_000 },
    async () => {
      const lines: string[] = [];
      await Lab.run(async (lab) =>
        Sandbox.run(async (sandbox) => {
          try {
            const result = await runSwitching(lab, sandbox, {
              ...{ kinds: ['home', 'full-cone'], rounds: 1, messages: MESSAGES, seed },
              streamBytes: STREAM_BYTES,
              report: (line) => lines.push(line),
            });
            expect(result.faults).toBeGreaterThanOrEqual(3);
            expect(result.switches).toBeGreaterThanOrEqual(2);
            expect(result.mostRssMiB - result.firstRssMiB).toBeLessThan(MAX_GROWTH_MIB);
          } catch (error) {
            throw new Error(`SEED=${seed}\n${lines.join('\n')}`, { cause: error });
          }
        }),
      );
    },
  );
});
