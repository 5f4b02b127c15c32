import { beforeAll, expect, test } from 'vitest';

import { Sandbox } from '../support/sandbox.ts';
import { describeWithLab } from './describe-with-lab.ts';
import { expectedPath, needsPunching } from './expected-path.ts';
import { Lab } from './lab.ts';
import { type Cell, rounds, runMatrix } from './matrix.ts';
import type { PlaceKind } from './matrix-world.ts';

/** On the lab's wires, to a trusted peer without a session. */
const MAX_FIRST_MESSAGE_MS = 1500;
/** On a machine that does nothing else it takes half a second. */
const MAX_DIRECT_MS = 10_000;

/** Ports are guessed for one peer in 20 s, so those cells are waited for by `npm run natlab` alone. */
function directWithinMs(from: PlaceKind, to: PlaceKind): number {
  return expectedPath(from, to) === 'direct' && !needsPunching(from, to) ? MAX_DIRECT_MS : 0;
}

function possiblePaths(from: PlaceKind, to: PlaceKind): readonly string[] {
  return needsPunching(from, to) ? ['relay', 'direct'] : [expectedPath(from, to)];
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
    expect(cell).toMatchObject({ failure: '' });
    expect(possiblePaths(from, to)).toContain(cell?.path);
    expect(cell?.firstMessageMs).toBeLessThan(MAX_FIRST_MESSAGE_MS);
  });
});
