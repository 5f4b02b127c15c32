import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';

import { newIdentity } from '../relay/support/relay-fixture.ts';
import { eventually } from '../support/processes.ts';
import { counted } from './metrics.ts';
import { messageOf, Outsider, recordOf, requestOf } from './outsider.ts';
import { STRANGER_ROWS } from './stranger-rows.ts';
import type { DaemonVitals, RelayVitals } from './vitals.ts';
import { World } from './world.ts';

vi.setConfig({ testTimeout: 60_000 });

const MAX_PENDING = 256;
const REQUESTS_PER_SOURCE_HOUR = 16;

let world: World;
let bob: DaemonVitals;
let relay: RelayVitals;
let bobId: string;
let stranger: Outsider;

beforeAll(async () => {
  world = await World.open();
  ({ bob, relay } = await world.vitals());
  bobId = await world.bob.nodeId();
}, 60_000);
beforeEach(async () => {
  stranger = await new Outsider(world.relay.url, bobId).logIn();
  return async () => stranger.stop();
});
afterAll(async () => {
  await world.close();
});

async function drops(...reasons: string[]): Promise<number> {
  const metrics = await bob.metrics();
  const counts = reasons.map((reason) => counted(metrics, `pilot_drops_total{reason="${reason}"}`));
  return counts.reduce((sum, count) => sum + count, 0);
}

async function untilDropped(total: number, ...reasons: string[]): Promise<void> {
  await eventually(`${reasons.join(', ')} are counted`, async () => {
    return (await drops(...reasons)) >= total || undefined;
  });
  expect(await drops(...reasons)).toBe(total);
}

async function mailboxIsEmpty(): Promise<void> {
  await eventually('all envelopes are taken', async () => {
    return (await relay.metrics()).get('pilot_relay_mailbox_envelopes') === 0 || undefined;
  });
}

async function pendingCount(): Promise<number> {
  return (await bob.metrics()).get('pilot_pending_trust') ?? Number.NaN;
}

/** Bob trusts alice and nobody else, has no message, and what alice sends still arrives. */
async function expectUntouched(): Promise<void> {
  await bob.check();
  await relay.check(3);
  const client = world.bob.client();
  try {
    expect((await client.trusted()).map(({ hostname }) => hostname)).toEqual(['alice']);
  } finally {
    client.close();
  }
}

describe('what a stranger leaves in the mailbox', () => {
  test.each(STRANGER_ROWS)('$name', async ({ envelope, counted: reason }) => {
    const before = reason === undefined ? 0 : await drops(reason);
    await stranger.put(envelope(stranger));
    if (reason !== undefined) await untilDropped(before + 1, reason);
    await mailboxIsEmpty();
    expect(await pendingCount()).toBe(0);
    await expectUntouched();
  });

  test('a message is answered with what it needs, but not again and again', async () => {
    const before = await drops('untrusted');
    for (let i = 0; i < 5; i++) await stranger.put(stranger.seal([messageOf()]));
    await untilDropped(before + 5, 'untrusted');
    await mailboxIsEmpty();
    await eventually('the stranger is told', () => stranger.answers.length >= 2 || undefined);
    expect(stranger.answers).toMatchObject(
      Array(2).fill({ kind: 'refused', code: 'trust_required' }),
    );
    await expectUntouched();
  });

  test("a request with another node's record gets none of its names", async () => {
    const record = recordOf(newIdentity(), 'alice');
    await stranger.put(stranger.seal([requestOf(stranger.identity, { record })]));
    await eventually('the request is heard', async () => (await pendingCount()) === 1 || undefined);
    const { pending } = await world.bob.json<{ pending: unknown[] }>('pending');
    expect(pending).toMatchObject([{ id: stranger.identity.nodeId, hostname: '' }]);
    await world.bob.pilotctl('reject', stranger.identity.nodeId);
    await expectUntouched();
  });

  test('packets do not get past the relay', async () => {
    const before = await drops('untrusted', 'malformed');
    const { firstKey } = stranger.victim;
    stranger.client.watch([firstKey]);
    const unreachable = new Promise((resolve) => {
      stranger.client.on('unreachable', resolve);
    });
    stranger.client.send(firstKey, new Uint8Array(100));
    await unreachable;
    expect(stranger.client.isPresent(firstKey)).toBe(false);
    expect(await drops('untrusted', 'malformed')).toBe(before);
    await expectUntouched();
  });
});

describe('a flood', () => {
  test('of requests by one node: sixteen an hour are heard', async () => {
    const before = await drops('rate_limited');
    const startMs = Date.now();
    for (let i = 0; i < REQUESTS_PER_SOURCE_HOUR + 4; i++) {
      const why = `request ${i}`;
      await stranger.put(stranger.seal([requestOf(stranger.identity, { why, atMs: startMs + i })]));
    }
    await untilDropped(before + 4, 'rate_limited');
    const { pending } = await world.bob.json<{ pending: { justification: string }[] }>('pending');
    expect(pending.map(({ justification }) => justification)).toEqual(['request 15']);
    // The first one played again is not news either.
    const replayed = await drops('replayed');
    await stranger.put(stranger.seal([requestOf(stranger.identity, { atMs: startMs })]));
    await untilDropped(replayed + 1, 'replayed');
    await world.bob.pilotctl('reject', stranger.identity.nodeId);
    await expectUntouched();
  });

  test('of requests by many nodes: two hundred and fifty-six wait, and no more', async () => {
    const ask = async (count: number): Promise<void> => {
      const envelopes = Array.from({ length: count }, () => {
        const identity = newIdentity();
        return stranger.seal([requestOf(identity)], { identity });
      });
      await Promise.all(envelopes.map(async (envelope) => stranger.put(envelope)));
      await mailboxIsEmpty();
    };
    while ((await pendingCount()) < MAX_PENDING) await ask(40);
    const before = await drops('pending_full', 'rate_limited');
    await ask(20);
    await untilDropped(before + 20, 'pending_full', 'rate_limited');
    expect(await drops('pending_full')).toBeGreaterThan(0);
    expect(await pendingCount()).toBe(MAX_PENDING);
    const { pending } = await world.bob.json<{ pending: unknown[] }>('pending');
    expect(pending).toHaveLength(MAX_PENDING);

    const sent = await world.alice.json('send-message', 'bob', '--data', 'still here');
    expect(sent).toMatchObject({ status: 'delivered' });
    await world.bob.pilotctl('inbox', '--clear');
    await expectUntouched();
  });

  test('of messages costs a little reading and leaves nothing', async () => {
    const before = await drops('untrusted', 'rate_limited');
    const payload = new Uint8Array(4096);
    const envelopes = Array.from({ length: 300 }, () =>
      stranger.seal([messageOf({ payload, type: 'binary' })]),
    );
    await Promise.all(envelopes.map(async (envelope) => stranger.put(envelope)));
    await untilDropped(before + envelopes.length, 'untrusted', 'rate_limited');
    await mailboxIsEmpty();
    expect(stranger.answers.length).toBeLessThanOrEqual(2);
    await expectUntouched();
  });
});
