import { beforeAll, expect, test } from 'vitest';

import { Sandbox } from '../support/sandbox.ts';
import { type ChangeRow, CHANGES, runChanges } from './change.ts';
import { describeWithLab } from './describe-with-lab.ts';
import { Lab } from './lab.ts';

/** 3 s are promised, of a machine that does not test other things at the same time. */
const MAX_TRAFFIC_MS = 5000;
const MAX_DIRECT_MS = 15_000;

describeWithLab('the network changes under a direct path', () => {
  let rows: readonly ChangeRow[] = [];

  beforeAll(async () => {
    await Lab.run(async (lab) =>
      Sandbox.run(async (sandbox) => {
        rows = await runChanges(lab, sandbox, {
          ...{ from: 'home', to: 'home', changes: CHANGES },
          // Longer than a path in use is held to be alive.
          ...{ suspendMs: 5000, blockMs: 5000 },
        });
      }),
    );
  }, 240_000);

  test.each(CHANGES)('%s', (change) => {
    const row = rows.find((one) => one.change === change);
    expect(row).toMatchObject({ failure: '' });
    expect(row?.trafficMs).toBeLessThan(MAX_TRAFFIC_MS);
    expect(row?.directMs).toBeLessThan(MAX_DIRECT_MS);
  });
});
