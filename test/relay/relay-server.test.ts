import { randomBytes } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { toHex } from '../../src/base/bytes.ts';
import { nextNodeNumber } from '../../src/identity/address.ts';
import type { Identity } from '../../src/identity/identity.ts';
import { encodeNodeRecord } from '../../src/identity/node-record.ts';
import { DEFAULT_LIMITS } from '../../src/relay/limits.ts';
import { MemoryDirectory } from '../../src/relay/memory-directory.ts';
import { ManualClock } from '../support/manual-clock.ts';
import {
  type LoggedIn,
  logIn,
  logInPair,
  newClient,
  newIdentity,
  next,
  refusal,
  startRelay,
} from './support/relay-fixture.ts';

const DAY_MS = 86_400_000;

function recordOf(identity: Identity, hostname: string, issuedAtMs = Date.now()): Uint8Array {
  const addressCounter = nextNodeNumber(identity.firstKey)?.counter ?? 0;
  return encodeNodeRecord(identity, { addressCounter, hostname, relays: [], issuedAtMs });
}
const envelopeFor = (
  to: Identity,
  fill: number,
  size = 100,
): { to: Uint8Array; id: Uint8Array; body: Uint8Array; expiresAtMs: number } => ({
  to: to.firstKey,
  id: new Uint8Array(16).fill(fill),
  body: new Uint8Array(size).fill(fill),
  expiresAtMs: Date.now() + 60_000,
});

describe('the welcome', () => {
  test('tells where STUN is answered', async () => {
    const stun = [
      { host: '127.0.0.1', port: 0 },
      { host: '127.0.0.2', port: 0 },
    ];
    const relay = await startRelay({ stun });
    const { client } = await logIn(relay);
    expect(client.stunPort).toBe(relay.server.stunEndpoints[0]?.port);
    expect(client.stunPort).toBeGreaterThan(0);
  });

  test('tells nothing of STUN where there is none', async () => {
    const { client } = await logIn(await startRelay());
    expect(client.stunPort).toBeUndefined();
  });
});

test('a node keeps its names for as long as it is logged in', async () => {
  const clock = new ManualClock();
  const directory = new MemoryDirectory({ maxRecords: 10, nameIdleMs: 90 * DAY_MS });
  const relay = await startRelay({ clock, directory, limits: { maxSilenceSeconds: 1e9 } });
  const [alice, bob] = [await logIn(relay), await logIn(relay)];
  const publish = async ({ client, identity }: LoggedIn): Promise<string> =>
    client.publish(recordOf(identity, 'alice', clock.now()));
  expect(await publish(alice)).toBe('ok');
  clock.advance(100 * DAY_MS);
  expect(await publish(bob)).toBe('hostname_taken');
  await alice.client.stop();
  clock.advance(92 * DAY_MS);
  expect(await publish(bob)).toBe('ok');
});

describe('forwarding', () => {
  test('packets reach a peer that watches back, in order and under the name of the sender', async () => {
    const [alice, bob] = await logInPair(await startRelay());
    const got: string[] = [];
    bob.client.on('packet', ({ from, packet }) => {
      expect(toHex(from)).toBe(toHex(alice.identity.firstKey));
      got.push(Buffer.from(packet).toString());
    });
    const last = next(bob.client, 'packet', ({ packet }) => packet.length === 3);
    const sent = Array.from({ length: 1000 }, (_, i) => `${i}`.padStart(4, '0'));
    for (const text of [...sent, 'end']) {
      expect(alice.client.send(bob.identity.firstKey, Buffer.from(text))).toBe(true);
    }
    await last;
    expect(got).toEqual([...sent, 'end']);
  });

  test('unknown, offline and one-sided peers give the same answer', async () => {
    const relay = await startRelay();
    const [alice, bob] = await logInPair(relay);
    const carol = await logIn(relay);
    const dave = await logIn(relay);
    carol.client.watch([alice.identity.firstKey]);
    alice.client.watch([dave.identity.firstKey, newIdentity().firstKey]);
    const gone = next(alice.client, 'presence', ({ online }) => !online);
    await bob.client.stop();
    await gone;
    for (const peer of [newIdentity(), bob.identity, carol.identity, dave.identity]) {
      const answer = next(alice.client, 'unreachable');
      alice.client.send(peer.firstKey, new Uint8Array(10));
      expect(toHex((await answer).key)).toBe(toHex(peer.firstKey));
    }
    expect(alice.client.isPresent(carol.identity.firstKey)).toBe(false);
    expect(alice.client.isPresent(dave.identity.firstKey)).toBe(false);
  });

  test('presence ends when either side stops watching, and returns with it', async () => {
    const [alice, bob] = await logInPair(await startRelay());
    const gone = Promise.all([next(alice.client, 'presence'), next(bob.client, 'presence')]);
    bob.client.watch([], [alice.identity.firstKey]);
    for (const { online } of await gone) expect(online).toBe(false);
    const back = Promise.all([next(alice.client, 'presence'), next(bob.client, 'presence')]);
    bob.client.watch([alice.identity.firstKey]);
    for (const { online } of await back) expect(online).toBe(true);
  });

  test('more watched peers than the list holds are left out, and the node is told nothing breaks', async () => {
    const relay = await startRelay({ limits: { maxWatch: 1 } });
    const alice = await logIn(relay);
    const bob = await logIn(relay);
    alice.client.watch([newIdentity().firstKey, bob.identity.firstKey]);
    bob.client.watch([alice.identity.firstKey]);
    const answer = next(alice.client, 'unreachable');
    alice.client.send(bob.identity.firstKey, new Uint8Array(1));
    await answer;
    expect(alice.client.isPresent(bob.identity.firstKey)).toBe(false);
  });
});

describe('directory', () => {
  test('a published record is found by every name', async () => {
    const relay = await startRelay();
    const { client, identity } = await logIn(relay);
    const other = await logIn(relay);
    const record = recordOf(identity, 'alpha');
    expect(await client.publish(record)).toBe('ok');
    const node = nextNodeNumber(identity.firstKey)?.node ?? 0;
    for (const by of [{ key: identity.firstKey }, { node }, { hostname: 'alpha' }]) {
      expect(toHex((await other.client.lookup(by)) ?? new Uint8Array())).toBe(toHex(record));
    }
    expect(await other.client.lookup({ hostname: 'nobody' })).toBeUndefined();
    expect(await other.client.publish(recordOf(other.identity, 'alpha'))).toBe('hostname_taken');
  });

  test('records of others, from the future, older ones and noise are refused', async () => {
    const relay = await startRelay();
    const { client, identity } = await logIn(relay);
    const foreign = recordOf(newIdentity(), '');
    const future = recordOf(identity, '', Date.now() + 3_600_000);
    for (const record of [foreign, future, new Uint8Array(50)]) {
      await expect(client.publish(record)).rejects.toMatchObject({ code: 'bad_record' });
    }
    await client.publish(recordOf(identity, ''));
    const older = recordOf(identity, '', Date.now() - 60_000);
    await expect(client.publish(older)).rejects.toMatchObject({ code: 'stale_record' });
    expect(Object.fromEntries(relay.server.counters.drops)).toEqual({
      bad_record: 3,
      stale_record: 1,
    });
  });

  test('a key that was rotated away does not log in again', async () => {
    const relay = await startRelay();
    const old = newIdentity();
    const rotated = old.rotate(randomBytes, Date.now());
    const { client } = await logIn(relay, { identity: rotated });
    await client.publish(recordOf(rotated, ''));
    await client.stop();
    expect(await refusal(relay, { identity: old })).toBe('stale_key');
    await logIn(relay, { identity: rotated });
  });
});

describe('mailbox', () => {
  test('envelopes wait for a node that is offline and come in order until taken', async () => {
    const relay = await startRelay();
    const alice = await logIn(relay);
    const bob = newIdentity();
    for (const fill of [1, 2, 3]) await alice.client.put(envelopeFor(bob, fill));
    await alice.client.put(envelopeFor(bob, 1));

    const first = await collect(relay, bob, 3);
    expect(first.fills).toEqual([1, 2, 3]);
    expect(first.from).toEqual(Array(3).fill(toHex(alice.identity.firstKey)));
    const again = await collect(relay, bob, 3, true);
    expect(again.fills).toEqual([1, 2, 3]);
    const { client } = await logIn(relay, { identity: bob });
    const later = next(client, 'envelope');
    await alice.client.put(envelopeFor(bob, 4));
    expect((await later).body[0]).toBe(4);
  });

  test('unknown recipients are answered as known ones', async () => {
    const { client } = await logIn(await startRelay());
    await expect(client.put(envelopeFor(newIdentity(), 1))).resolves.toBeUndefined();
  });

  test('a full mailbox, a late and a large envelope are refused with their codes', async () => {
    const relay = await startRelay({ limits: { maxPairEnvelopes: 1 } });
    const { client } = await logIn(relay);
    const bob = newIdentity();
    await client.put(envelopeFor(bob, 1));
    await expect(client.put(envelopeFor(bob, 2))).rejects.toMatchObject({ code: 'mailbox_full' });
    const late = { ...envelopeFor(bob, 3), expiresAtMs: Date.now() - 1 };
    await expect(client.put(late)).rejects.toMatchObject({ code: 'expired' });
    const large = envelopeFor(bob, 4, DEFAULT_LIMITS.maxFrameBytes - 100);
    await expect(client.put(large)).rejects.toMatchObject({ code: 'too_large' });
    // The large one never left: the client knows the limit from its login.
    const counted = { mailbox_full: 1, expired: 1 };
    expect(Object.fromEntries(relay.server.counters.drops)).toEqual(counted);
  });

  test('a window larger than what may wait for a receiver cuts nobody off', async () => {
    const limits = { maxUntakenBytes: 64e6, maxSendBufferBytes: 5e6 };
    const relay = await startRelay({ limits });
    const alice = await logIn(relay);
    const identity = newIdentity();
    const fills = [1, 2, 3, 4, 5, 6];
    for (const fill of fills) await alice.client.put(envelopeFor(identity, fill, 1.2e6));
    const bob = newClient(relay, { identity });
    const got: (number | undefined)[] = [];
    const last = next(bob, 'envelope', ({ from, id }) => {
      bob.taken(from, id);
      got.push(id[0]);
      return id[0] === fills.at(-1);
    });
    bob.start();
    await last;
    expect(got).toEqual(fills);
    expect(relay.server.counters.drops.get('slow_receiver')).toBeUndefined();
  });

  test('a window of envelopes is under way; taking them brings the next', async () => {
    const relay = await startRelay({ limits: { maxUntakenEnvelopes: 2 } });
    const alice = await logIn(relay);
    const bob = newIdentity();
    for (const fill of [1, 2, 3, 4, 5]) await alice.client.put(envelopeFor(bob, fill));
    const { fills } = await collect(relay, bob, 5, true);
    expect(fills).toEqual([1, 2, 3, 4, 5]);
  });
});

async function collect(
  relay: { readonly url: string },
  identity: Identity,
  count: number,
  take = false,
): Promise<{ fills: (number | undefined)[]; from: string[] }> {
  const client = newClient(relay, { identity });
  const fills: (number | undefined)[] = [];
  const from: string[] = [];
  const done = next(client, 'envelope', (envelope) => {
    fills.push(envelope.body[0]);
    from.push(toHex(envelope.from));
    if (take) client.taken(envelope.from, envelope.id);
    return fills.length === count;
  });
  client.start();
  await done;
  // What was sent before a reply has been handled when the reply is there.
  await client.lookup({ hostname: 'nobody' });
  await client.stop();
  return { fills, from };
}
