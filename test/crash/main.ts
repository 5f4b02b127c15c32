/** `npm run crash -- [--rounds N] [--seed N] [--messages N]`: the crash test for as long as one likes. */
import { parseArgs } from 'node:util';

import { Sandbox } from '../support/sandbox.ts';
import { runCrashRounds } from './crash-rounds.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    messages: { type: 'string', default: '500' },
  },
});
const numbers = [values.rounds, values.seed, values.messages].map(Number);
const [rounds = 0, seed = 0, messages = 0] = numbers;
if (!numbers.every(Number.isSafeInteger) || rounds < 1 || messages < 2) {
  process.stderr.write('usage: npm run crash -- [--rounds N] [--seed N] [--messages N]\n');
  process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

const report = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
report(`seed ${seed}`);
await Sandbox.run(async (sandbox) => runCrashRounds(sandbox, { rounds, messages, seed, report }));
report(`${rounds} rounds: every message once and in order`);
