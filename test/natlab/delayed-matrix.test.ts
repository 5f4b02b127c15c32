import { beforeAll, expect, test } from 'vitest';

import { Sandbox } from '../support/sandbox.ts';
import { describeWithLab } from './describe-with-lab.ts';
import { expectedPath, needsPunching } from './expected-path.ts';
import { Lab } from './lab.ts';
import { type Cell, type MatrixKind, rounds, runMatrix } from './matrix.ts';
import { SAME_NAT } from './matrix-world.ts';

/** One of each sort of its own; `npm run natlab -- --delay 25` has them all. */
const KINDS: readonly MatrixKind[] = [
  ...(['open', 'address-restricted', 'home', 'carrier-grade'] as const),
  ...(['symmetric-random', 'udp-blocked', 'ipv6-only'] as const),
];
const EACH_WAY_MS = 25;
const MAX_FIRST_MESSAGE_MS = 1500;
const MAX_DIRECT_MS = 10_000;

describeWithLab('sites that are 25 ms away from each other', () => {
  const cells = new Map<string, Cell>();

  beforeAll(async () => {
    await Lab.run(async (lab) =>
      Sandbox.run(async (sandbox) => {
        const measured = await runMatrix(lab, sandbox, {
          ...{ kinds: KINDS, eachWayMs: EACH_WAY_MS },
          directWithinMs: (from, to) =>
            expectedPath(from, to) === 'direct' && !needsPunching(from, to) ? MAX_DIRECT_MS : 0,
        });
        for (const cell of measured) cells.set(`${cell.from} to ${cell.to}`, cell);
      }),
    );
  }, 240_000);

  test.each(rounds(KINDS).flat())('%s to %s', (from, to) => {
    const cell = cells.get(`${from} to ${to}`);
    expect(cell).toMatchObject({ failure: '' });
    if (!needsPunching(from, to)) expect(cell?.path).toBe(expectedPath(from, to));
    expect(cell?.firstMessageMs).toBeLessThan(MAX_FIRST_MESSAGE_MS);
    // Behind one router nothing is on the way.
    if (from !== SAME_NAT) expect(cell?.rttMs).toBeGreaterThan(2 * EACH_WAY_MS - 1);
  });
});
