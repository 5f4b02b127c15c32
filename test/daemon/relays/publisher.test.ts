import { setImmediate } from 'node:timers/promises';

import { beforeEach, describe, expect, test } from 'vitest';

import { silentLog } from '../../../src/daemon/log/log.ts';
import { Publisher } from '../../../src/daemon/relays/publisher.ts';
import type { RelayPort } from '../../../src/daemon/relays/relay-port.ts';
import { Identity } from '../../../src/identity/identity.ts';
import { decodeNodeRecord, encodeNodeRecord } from '../../../src/identity/node-record.ts';
import { RelayError } from '../../../src/relay/relay-error.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { FakeRelay } from '../fake-relay.ts';
import { MemoryStorage } from '../store/memory-storage.ts';

const HOUR_MS = 3_600_000;

let clock: ManualClock;
let storage: MemoryStorage;
let identity: Identity;
let online: RelayPort[];
beforeEach(() => {
  clock = new ManualClock();
  storage = new MemoryStorage();
  identity = Identity.create(seededRandom(1), clock.now());
  online = [];
});

function publisher(): Publisher {
  return new Publisher({
    ...{ identity, storage, clock, log: silentLog, hostname: '', relayUrls: [] },
    online: () => online,
  });
}

type Answer = 'ok' | RelayError['code'];

interface ScriptedRelay {
  readonly port: RelayPort;
  /** When the records that it was offered were issued. */
  readonly offered: number[];
}

/** A relay that answers publications as it is told, and lookups with one record. */
function relay(answer: (issuedAtMs: number) => Answer, found?: Uint8Array): ScriptedRelay {
  const offered: number[] = [];
  const port = new FakeRelay('wss://relay.example/', clock).port(identity.firstKey);
  port.publish = async (bytes) => {
    const { issuedAtMs } = decodeNodeRecord(bytes);
    offered.push(issuedAtMs);
    const code = answer(issuedAtMs);
    return code === 'ok' ? Promise.resolve(code) : Promise.reject(new RelayError(code, code));
  };
  port.lookup = async () => Promise.resolve(found);
  online.push(port);
  return { port, offered };
}

const issued = (by: Identity, issuedAtMs: number): Uint8Array =>
  encodeNodeRecord(by, { addressCounter: 0, hostname: '', relays: [], issuedAtMs });

describe('the time of a record', () => {
  test('goes after that of the one a relay has', async () => {
    const known = clock.now() + HOUR_MS;
    const { port, offered } = relay(
      (issuedAtMs) => (issuedAtMs > known ? 'ok' : 'stale_record'),
      issued(identity, known),
    );
    expect(await publisher().publish(port)).toBe('published');
    expect(offered.at(-1)).toBe(known + 1);
  });

  test('follows no record of another node, whatever a relay says', async () => {
    const stranger = Identity.create(seededRandom(2), clock.now());
    const late = issued(stranger, Number.MAX_SAFE_INTEGER);
    const { port, offered } = relay(() => 'stale_record', late);
    expect(await publisher().publish(port)).toBe('failed');
    expect(Math.max(...offered)).toBeLessThan(clock.now() + HOUR_MS);
    // The next start reads what was kept.
    expect(decodeNodeRecord(publisher().record()).issuedAtMs).toBeLessThan(clock.now() + HOUR_MS);
  });

  test('comes back with a clock that was ahead, also after a restart', async () => {
    const ahead = new ManualClock(clock.now() + 24 * HOUR_MS);
    const { port, offered } = relay((issuedAtMs) =>
      issuedAtMs > clock.now() + 600_000 ? 'bad_record' : 'ok',
    );
    const early = new Publisher({
      ...{ identity, storage, clock: ahead, log: silentLog, hostname: '', relayUrls: [] },
      online: () => [],
    });
    await early.setTags(['gpu']);
    expect(await publisher().publish(port)).toBe('published');
    expect(offered).toHaveLength(2);
    expect(offered.at(-1)).toBe(clock.now());
    expect(publisher().tags).toEqual(['gpu']);
  });

  test('a record that is refused for something else is not made anew', async () => {
    const { port, offered } = relay(() => 'bad_record');
    expect(await publisher().publish(port)).toBe('failed');
    expect(offered).toHaveLength(1);
  });
});

test('changes that are asked for at once are all made', async () => {
  const made = publisher();
  await Promise.all([made.setHostname('alpha'), made.setTags(['gpu'])]);
  expect(made.names().hostname).toBe('alpha');
  expect(made.tags).toEqual(['gpu']);
  const again = publisher();
  expect(again.names().hostname).toBe('alpha');
  expect(again.tags).toEqual(['gpu']);
});

test('a change that the disk refused does not hold up the next one', async () => {
  const made = publisher();
  storage.isFull = true;
  await expect(made.setTags(['gpu'])).rejects.toThrow();
  storage.isFull = false;
  await made.setTags(['cpu']);
  expect(made.tags).toEqual(['cpu']);
});

test('however often it has failed, a relay is tried again once', async () => {
  const { port, offered } = relay(() => 'unavailable');
  const made = publisher();
  // As a relay that comes and goes has it.
  for (let i = 0; i < 10; i++) await made.publish(port);
  expect(offered).toHaveLength(10);
  clock.advance(30_000);
  await setImmediate();
  expect(offered).toHaveLength(11);
  clock.advance(30_000);
  await setImmediate();
  expect(offered).toHaveLength(12);
});

test('a relay whose URL is too long for a record is left out of it', () => {
  const near = 'wss://relay.example/';
  const long = `wss://relay.example/${'a'.repeat(256)}`;
  const made = new Publisher({
    ...{ identity, storage, clock, log: silentLog, hostname: '', relayUrls: [long, near] },
    online: () => online,
  });
  expect(decodeNodeRecord(made.record()).relays).toEqual([near]);
});
