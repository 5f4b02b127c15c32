/** `npm run natlab -- [--json] [--delay MS] [--direct-within MS]`: the matrix of NATs, with real programs on real wires. */
import { parseArgs } from 'node:util';

import { Sandbox } from '../support/sandbox.ts';
import { expectedPath, needsPunching } from './expected-path.ts';
import { Lab, missingForLab } from './lab.ts';
import { type Cell, runMatrix } from './matrix.ts';
import { formatMatrix } from './matrix-table.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    delay: { type: 'string', default: '0' },
    'direct-within': { type: 'string', default: '10000' },
  },
});
const [eachWayMs = 0, directWithinMs = 0] = [values.delay, values['direct-within']].map(Number);
if (![eachWayMs, directWithinMs].every((ms) => Number.isFinite(ms) && ms >= 0)) {
  process.stderr.write(
    'usage: npm run natlab -- [--json] [--delay MS each way] [--direct-within MS]\n',
  );
  process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

const missing = missingForLab();
if (missing !== undefined) {
  process.stderr.write(`no NAT laboratory on this host: ${missing}\n`);
  process.exit(1);
}
const report = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
let cells: readonly Cell[] = [];
await Lab.run(async (lab) =>
  Sandbox.run(async (sandbox) => {
    cells = await runMatrix(lab, sandbox, {
      eachWayMs,
      directWithinMs: (from, to) => (expectedPath(from, to) === 'direct' ? directWithinMs : 0),
      ...{ needsPunching, report },
    });
  }),
);
process.stdout.write(
  values.json ? `${JSON.stringify(cells, undefined, 2)}\n` : formatMatrix(cells),
);
process.exitCode = cells.every(({ failure }) => failure === '') ? 0 : 1;
