import { beforeAll, expect, test } from 'vitest';

import { Sandbox } from '../support/sandbox.ts';
import { describeWithLab } from './describe-with-lab.ts';
import { expectedPath } from './expected-path.ts';
import { Lab } from './lab.ts';
import { type Cell, rounds, runMatrix } from './matrix.ts';
import type { PlaceKind } from './matrix-world.ts';

/** On the lab's wires, to a trusted peer without a session. */
const MAX_FIRST_MESSAGE_MS = 1500;
/** On a machine that does nothing else it takes half a second. */
const MAX_DIRECT_MS = 10_000;

function directWithinMs(from: PlaceKind, to: PlaceKind): number {
  return expectedPath(from, to) === 'direct' ? MAX_DIRECT_MS : 0;
}

describeWithLab('every kind of site reaches every other', () => {
  const cells = new Map<string, Cell>();

  beforeAll(async () => {
    await Lab.run(async (lab) =>
      Sandbox.run(async (sandbox) => {
        for (const cell of await runMatrix(lab, sandbox, { directWithinMs })) {
          cells.set(`${cell.from} to ${cell.to}`, cell);
        }
      }),
    );
  }, 240_000);

  test.each(rounds().flat())('%s to %s', (from, to) => {
    const cell = cells.get(`${from} to ${to}`);
    expect(cell).toMatchObject({ path: expectedPath(from, to), failure: '' });
    expect(cell?.firstMessageMs).toBeLessThan(MAX_FIRST_MESSAGE_MS);
  });
});
