import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { encodeCbor } from '../../src/base/cbor.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { newUuid } from '../../src/daemon/messages/uuid-bytes.ts';
import { eventually } from '../support/processes.ts';
import { HostilePeer } from './hostile-peer.ts';
import { counted } from './metrics.ts';
import { messageOf, Outsider, requestOf } from './outsider.ts';
import { FRAME_ROWS, PACKET_ROWS } from './session-rows.ts';
import type { DaemonVitals } from './vitals.ts';
import { World } from './world.ts';

vi.setConfig({ testTimeout: 60_000 });

/** A node that bob trusts, and should not: it may talk to him, and does so without any manners. */
let world: World;
let bob: DaemonVitals;
let mallory: Outsider;
let peer: HostilePeer;

beforeAll(async () => {
  world = await World.open();
  ({ bob } = await world.vitals());
  mallory = await new Outsider(world.relay.url, await world.bob.nodeId()).logIn();
  const { client, identity, victim } = mallory;
  peer = new HostilePeer({
    ...{ identity, victim, clock: systemClock, random: randomBytes },
    send: (packet) => {
      client.send(victim.firstKey, packet);
    },
  });
  client.on('packet', ({ packet }) => {
    peer.receive(packet);
  });
  await mallory.put(mallory.seal([requestOf(identity)]));
  await eventually('bob has been asked', async () => {
    const { pending } = await world.bob.json<{ pending: unknown[] }>('pending');
    return pending.length === 1 || undefined;
  });
  await world.bob.pilotctl('approve', identity.nodeId);
  client.watch([victim.firstKey]);
  await eventually('they see each other', () => client.isPresent(victim.firstKey) || undefined);
  await openSession();
}, 60_000);
afterAll(async () => {
  peer.stop();
  await mallory.stop();
  await world.close();
});

async function openSession(): Promise<void> {
  peer.open();
  await eventually('the session is open', () => peer.isOpen || undefined);
}

function send(packet: Uint8Array): void {
  mallory.client.send(mallory.victim.firstKey, packet);
}

async function drops(reason: string): Promise<number> {
  return counted(await bob.metrics(), `pilot_drops_total{reason="${reason}"}`);
}

async function untilDropped(before: number, reason: string): Promise<void> {
  await eventually(`${reason} is counted`, async () => (await drops(reason)) > before || undefined);
}

/** What is all right still arrives, in the same session. */
async function expectHeard(): Promise<void> {
  const id = newUuid(systemClock, randomBytes);
  peer.sendMessage(messageOf({ id, correlationId: id }));
  const client = world.bob.client();
  try {
    await eventually('bob has the message', async () => {
      const { messages } = await client.inbox();
      return messages.some((one) => one.id === id) || undefined;
    });
    await client.clearInbox();
  } finally {
    client.close();
  }
  await bob.check();
}

describe.each([
  ['packets', PACKET_ROWS],
  ['frames in sealed packets', FRAME_ROWS],
])('%s', (_what, rows) => {
  test.each(rows)('$name', async ({ packets, counted: reason, endsSession = false }) => {
    const before = await drops(reason);
    for (const packet of packets(peer, mallory.victim)) send(packet);
    await untilDropped(before, reason);
    if (endsSession) await openSession();
    await expectHeard();
  });
});

describe('items in messages', () => {
  test.each<[string, () => Uint8Array, string]>([
    ['that are no CBOR', () => Uint8Array.of(0xff, 0xff), 'malformed_item'],
    ['that are cut off', () => messageOf().subarray(0, -3), 'malformed_item'],
    ['of unknown kind', () => encodeCbor({ k: 'z' }), 'unknown_item'],
    ['with an unknown type', () => encodeCbor({ k: 'm', t: 9 }), 'malformed_item'],
    ['over the payload limit', () => messageOf({ payload: new Uint8Array(263_168) }), 'too_large'],
    ['that have expired', () => messageOf({ expiresAtMs: Date.now() - 1 }), 'expired'],
    ['that never expire', () => messageOf({ expiresAtMs: 2 ** 52 }), 'malformed'],
  ])('%s', async (_what, item, reason) => {
    const before = await drops(reason);
    peer.sendMessage(item());
    await untilDropped(before, reason);
    await expectHeard();
  });

  test('that come again and again are received once', async () => {
    const item = messageOf();
    for (let i = 0; i < 50; i++) peer.sendMessage(item);
    const client = world.bob.client();
    try {
      await eventually('it is there', async () => {
        return (await client.inbox()).total > 0 || undefined;
      });
      expect((await client.inbox()).total).toBe(1);
      await client.clearInbox();
    } finally {
      client.close();
    }
    await expectHeard();
  });
});
