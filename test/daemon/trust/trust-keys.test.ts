import { beforeEach, expect, test } from 'vitest';

import type { TrustSettings } from '../../../src/daemon/trust/trust.ts';
import type { KeyChain } from '../../../src/identity/key-chain.ts';
import { decodeNodeRecord, encodeNodeRecord } from '../../../src/identity/node-record.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { carry, TrustSide } from './trust-side.ts';

const SETTINGS: TrustSettings = { autoApprove: false, maxPending: 4, requestsPerSourceHour: 3 };

let clock: ManualClock;
let alice: TrustSide;
let bob: TrustSide;
beforeEach(() => {
  clock = new ManualClock();
  alice = new TrustSide('alice', 1, SETTINGS, clock);
  bob = new TrustSide('bob', 2, SETTINGS, clock);
});

async function ask(from: TrustSide, to: TrustSide, why = 'hello'): Promise<string> {
  clock.advance(1);
  const node = decodeNodeRecord(to.record);
  return from.trust.ask(node.chain, why, node);
}

async function makeTrusted(): Promise<void> {
  await ask(alice, bob);
  await carry(alice, bob);
  await bob.trust.approve(alice.key);
  await carry(bob, alice);
}

const rotated = (): KeyChain => alice.identity.rotate(seededRandom(50), clock.now()).chain;

test('a longer chain is adopted, and the old key is worth nothing from then on', async () => {
  await makeTrusted();
  const next = rotated();
  expect(bob.trust.accepts(next)).toBe(true);
  expect(bob.trust.accepts(alice.identity.chain)).toBe(false);
  expect(bob.drops).toEqual(['retired_key']);
  await bob.storage.commit([]);
  bob.restart();
  expect(bob.store.get(alice.key)?.chain.currentKey).toEqual(next.currentKey);
});

test('a fork is refused', async () => {
  await makeTrusted();
  expect(bob.trust.accepts(rotated())).toBe(true);
  const fork = alice.identity.rotate(seededRandom(51), clock.now()).chain;
  expect(bob.trust.accepts(fork)).toBe(false);
  expect(bob.drops).toEqual(['forked_key']);
});

test('a directory that has a fork is not believed', async () => {
  await ask(bob, alice);
  bob.trust.accepts(rotated());
  const fork = alice.identity.rotate(seededRandom(51), clock.now());
  const record = encodeNodeRecord(fork, {
    addressCounter: 0,
    hostname: 'alice',
    relays: [],
    issuedAtMs: clock.now() + 1,
  });
  const node = decodeNodeRecord(record);
  await expect(bob.trust.ask(node.chain, '', node)).rejects.toMatchObject({
    code: 'conflict',
  });
});
