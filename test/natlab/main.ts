/**
 * `npm run natlab -- [PART ...] [options]`: real programs on real wires. `matrix` and `change` unless named:
 *
 *     matrix      every kind of site with every other          --delay MS --direct-within MS
 *     change      the network changes under a direct path      --delay MS
 *     tries       the hard pairs, as often as one likes        --delay MS --direct-within MS --tries N
 *     switching   10,000 messages and a stream of 200 MB while it changes at random
 *                                                          --messages N --megabytes N --rounds N --seed N
 */
import { parseArgs } from 'node:util';

import { Sandbox } from '../support/sandbox.ts';
import { CHANGES, runChanges } from './change.ts';
import { formatChanges } from './change-table.ts';
import { expectedPath, needsPunching } from './expected-path.ts';
import { Lab, missingForLab } from './lab.ts';
import { runMatrix } from './matrix.ts';
import { formatMatrix } from './matrix-table.ts';
import { describeSwitching, runSwitching } from './switching.ts';
import { describeTried, isGoodEnough, runTries } from './tries.ts';

interface Outcome {
  readonly json: unknown;
  readonly text: string;
  readonly isGood: boolean;
}

/** It was 130 to 150 MiB; with a stream of 200 MB that is kept it would be 190 MiB more. */
const MAX_SWITCHING_GROWTH_MIB = 240;
const NUMBERS = {
  delay: 0,
  'direct-within': 10_000,
  tries: 20,
  messages: 10_000,
  megabytes: 200,
  rounds: 1,
  seed: Math.floor(Math.random() * 2 ** 31),
};
type Numbers = Readonly<Record<keyof typeof NUMBERS, number>>;
type Part = (
  lab: Lab,
  sandbox: Sandbox,
  numbers: Numbers,
  report: (line: string) => void,
) => Promise<Outcome>;

const PARTS: Readonly<Record<string, Part>> = {
  matrix: async (lab, sandbox, numbers, report) => {
    const cells = await runMatrix(lab, sandbox, {
      eachWayMs: numbers.delay,
      directWithinMs: (from, to) =>
        expectedPath(from, to) === 'direct' ? numbers['direct-within'] : 0,
      ...{ needsPunching, report },
    });
    return {
      json: cells,
      text: formatMatrix(cells),
      isGood: cells.every(
        ({ from, to, path, failure }) => failure === '' && path === expectedPath(from, to),
      ),
    };
  },
  change: async (lab, sandbox, numbers, report) => {
    const rows = await runChanges(lab, sandbox, {
      ...{ from: 'home', to: 'home', changes: CHANGES, eachWayMs: numbers.delay },
      ...{ suspendMs: 40_000, blockMs: 10_000, report },
    });
    return {
      json: rows,
      text: formatChanges(rows),
      isGood: rows.every(({ failure }) => failure === ''),
    };
  },
  tries: async (lab, sandbox, numbers, report) => {
    const { tries, delay: eachWayMs, 'direct-within': withinMs } = numbers;
    const pairs = await runTries(lab, sandbox, { tries, eachWayMs, withinMs, report });
    const text = pairs.map((pair) => `${describeTried(pair)}\n`).join('');
    return { json: pairs, text, isGood: pairs.every(isGoodEnough) };
  },
  switching: async (lab, sandbox, numbers, report) => {
    const { messages, megabytes, rounds, seed } = numbers;
    report(`seed ${seed}`);
    const result = await runSwitching(lab, sandbox, {
      ...{ kinds: ['home', 'home'], messages, rounds, seed, report },
      streamBytes: megabytes * 1e6,
    });
    const isBounded = result.mostRssMiB - result.firstRssMiB < MAX_SWITCHING_GROWTH_MIB;
    return { json: { seed, ...result }, text: describeSwitching(result), isGood: isBounded };
  },
};

function usage(): never {
  const options = Object.keys(NUMBERS).map((name) => `[--${name} N]`);
  const parts = Object.keys(PARTS).join('|');
  process.stderr.write(`usage: npm run natlab -- [${parts} ...] [--json] ${options.join(' ')}\n`);
  process.exit(2);
}

function numbersOf(values: Readonly<Record<string, unknown>>): Numbers {
  const given = Object.entries(NUMBERS).map(([name, standard]) => {
    const number = Number(values[name] ?? standard);
    if (!Number.isFinite(number) || number < 0) usage();
    return [name, number];
  });
  return Object.fromEntries(given) as Numbers;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    ...Object.fromEntries(Object.keys(NUMBERS).map((name) => [name, { type: 'string' } as const])),
  },
});
const numbers = numbersOf(values);
const names = positionals.length === 0 ? ['matrix', 'change'] : positionals;
for (const name of names) if (!(name in PARTS)) usage();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

const missing = missingForLab();
if (missing !== undefined) {
  process.stderr.write(`no NAT laboratory on this host: ${missing}\n`);
  process.exit(1);
}
const report = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
const json: Record<string, unknown> = {};
for (const name of names) {
  await Lab.run(async (lab) =>
    Sandbox.run(async (sandbox) => {
      const outcome = await PARTS[name]?.(lab, sandbox, numbers, report);
      if (outcome === undefined) return;
      json[name] = outcome.json;
      if (!values.json) process.stdout.write(`${outcome.text}\n`);
      if (!outcome.isGood) process.exitCode = 1;
    }),
  );
}
if (values.json) process.stdout.write(`${JSON.stringify(json, undefined, 2)}\n`);
