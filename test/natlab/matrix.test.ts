import { beforeAll, expect, test } from 'vitest';

import { Sandbox } from '../support/sandbox.ts';
import { describeWithLab } from './describe-with-lab.ts';
import { Lab } from './lab.ts';
import { type Cell, rounds, runMatrix } from './matrix.ts';

/** On the lab's wires, to a trusted peer without a session. */
const MAX_FIRST_MESSAGE_MS = 1500;

describeWithLab('every kind of site reaches every other', () => {
  const cells = new Map<string, Cell>();

  beforeAll(async () => {
    await Lab.run(async (lab) =>
      Sandbox.run(async (sandbox) => {
        for (const cell of await runMatrix(lab, sandbox)) {
          cells.set(`${cell.from} to ${cell.to}`, cell);
        }
      }),
    );
  }, 240_000);

  test.each(rounds().flat())('%s to %s', (from, to) => {
    const cell = cells.get(`${from} to ${to}`);
    expect(cell).toMatchObject({ path: 'relay', failure: '' });
    expect(cell?.firstMessageMs).toBeLessThan(MAX_FIRST_MESSAGE_MS);
  });
});
