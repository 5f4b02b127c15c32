import { test } from 'vitest';

import { Sandbox } from '../support/sandbox.ts';
import { runCrashRounds } from './crash-rounds.ts';

const ROUNDS = 20;
const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));

test(
  `nothing is lost or doubled when daemons and relay are killed, ${ROUNDS} rounds (SEED=${seed})`,
  { timeout: ROUNDS * 20_000 },
  async () => {
    const lines: string[] = [];
    await Sandbox.run(async (sandbox) => {
      try {
        await runCrashRounds(sandbox, {
          rounds: ROUNDS,
          messages: 500,
          seed,
          report: (line) => lines.push(line),
        });
      } catch (error) {
        throw new Error(`SEED=${seed}\n${lines.join('\n')}`, { cause: error });
      }
    });
  },
);
