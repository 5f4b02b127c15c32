import { beforeEach, describe, expect, test } from 'vitest';

import type { TrustItem } from '../../../src/daemon/messages/app-message.ts';
import type { TrustSettings } from '../../../src/daemon/trust/trust.ts';
import { TrustStore } from '../../../src/daemon/trust/trust-store.ts';
import { decodeNodeRecord } from '../../../src/identity/node-record.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { MemoryStorage } from '../store/memory-storage.ts';
import { carry, TrustSide } from './trust-side.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
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

const states = (): string => `${alice.stateOf(bob)} ${bob.stateOf(alice)}`;

async function makeTrusted(): Promise<void> {
  await ask(alice, bob);
  await carry(alice, bob);
  await bob.trust.approve(alice.key);
  await carry(bob, alice);
  expect(states()).toBe('trusted trusted');
}

describe('who asked first', () => {
  test('one asks, the other approves', async () => {
    await expect(ask(alice, bob, 'let me in')).resolves.toBe('asked');
    expect(states()).toBe('asked none');
    await carry(alice, bob);
    expect(states()).toBe('asked pending');
    expect(bob.store.get(alice.key)).toMatchObject({
      hostname: 'alice',
      justification: 'let me in',
      sinceMs: clock.now(),
    });
    clock.advance(1000);
    await bob.trust.approve(alice.key);
    expect(states()).toBe('asked trusted');
    await carry(bob, alice);
    expect(states()).toBe('trusted trusted');
    expect(alice.owedTo(bob)).toBeUndefined();
    expect(bob.owedTo(alice)).toBeUndefined();
    expect(alice.store.get(bob.key)?.isConfirmed).toBe(true);
    expect(bob.store.get(alice.key)?.isConfirmed).toBe(false);
    bob.trust.confirm(alice.key);
    expect(bob.store.get(alice.key)?.isConfirmed).toBe(true);
  });

  test('both ask before they hear each other', async () => {
    await ask(alice, bob);
    await ask(bob, alice);
    const request = alice.owedTo(bob);
    await carry(bob, alice);
    if (request !== undefined) await bob.trust.hear(alice.identity.chain, request);
    expect(states()).toBe('trusted trusted');
    await carry(alice, bob);
    await carry(bob, alice);
    expect(states()).toBe('trusted trusted');
  });

  test('the second asks after it has heard the first', async () => {
    await ask(alice, bob);
    await carry(alice, bob);
    await expect(ask(bob, alice)).resolves.toBe('trusted');
    await carry(bob, alice);
    expect(states()).toBe('trusted trusted');
  });

  test('with auto-approve nobody has to answer', async () => {
    bob = new TrustSide('bob', 2, { ...SETTINGS, autoApprove: true }, clock);
    await ask(alice, bob);
    await carry(alice, bob);
    await carry(bob, alice);
    expect(states()).toBe('trusted trusted');
  });
});

describe('over restarts', () => {
  test('an asker keeps owing its request until a relay has it, then waits', async () => {
    await ask(alice, bob);
    const before = alice.owedTo(bob);
    alice.restart();
    expect(alice.owedTo(bob)).toMatchObject({ kind: 'request', atMs: before?.atMs });
    expect(alice.store.get(bob.key)?.owed).toBe('request');
    await carry(alice, bob);
    alice.restart();
    expect(alice.store.get(bob.key)).toMatchObject({ state: 'asked', owed: '' });
    // For relays that have not got it yet.
    expect(alice.owedTo(bob)).toEqual(before);
  });

  test('a pending request and an acceptance that is owed are still there', async () => {
    await ask(alice, bob);
    await carry(alice, bob);
    bob.restart();
    await bob.trust.approve(alice.key);
    bob.restart();
    await carry(bob, alice);
    expect(states()).toBe('trusted trusted');
  });

  test('a request that may have expired is made again, with a new time', async () => {
    await ask(alice, bob, 'why');
    await carry(alice, bob);
    clock.advance(DAY_MS);
    await alice.trust.askAgain(bob.key);
    expect(alice.owedTo(bob)).toMatchObject({ kind: 'request', why: 'why', atMs: clock.now() });
    await carry(alice, bob);
    expect(bob.events).toEqual(['none > pending: asked for trust']);
  });
});

describe('saying no', () => {
  test('a rejection ends the request, with its reason; asking again is possible', async () => {
    await ask(alice, bob);
    await carry(alice, bob);
    await bob.trust.reject(alice.key, 'do not know you');
    expect(states()).toBe('asked none');
    clock.advance(1);
    await carry(bob, alice);
    expect(states()).toBe('none none');
    expect(alice.events.at(-1)).toBe('asked > none: rejected: do not know you');
    await ask(alice, bob);
    await carry(alice, bob);
    expect(states()).toBe('asked pending');
  });

  test.each(['alice', 'bob'])('%s revokes', async (who) => {
    await makeTrusted();
    const [from, to] = who === 'alice' ? [alice, bob] : [bob, alice];
    clock.advance(1);
    await from.trust.revoke(to.key);
    expect(from.stateOf(to)).toBe('none');
    await carry(from, to);
    expect(states()).toBe('none none');
    expect(to.events.at(-1)).toBe('trusted > none: revoked by the other side');
    await makeTrusted();
  });

  test('an asker takes its request back', async () => {
    await ask(alice, bob);
    await carry(alice, bob);
    clock.advance(1);
    await alice.trust.revoke(bob.key);
    await carry(alice, bob);
    expect(states()).toBe('none none');
  });

  test('what nobody asked for cannot be approved, rejected or revoked', async () => {
    await expect(alice.trust.approve(bob.key)).rejects.toMatchObject({ code: 'not_found' });
    await expect(alice.trust.reject(bob.key, '')).rejects.toMatchObject({ code: 'not_found' });
    await expect(alice.trust.revoke(bob.key)).rejects.toMatchObject({ code: 'not_found' });
    await ask(alice, bob);
    await expect(alice.trust.approve(bob.key)).rejects.toMatchObject({ code: 'conflict' });
    await makeTrusted();
    await expect(alice.trust.approve(bob.key)).resolves.toMatchObject({ state: 'trusted' });
  });
});

describe('played again', () => {
  test('an old acceptance does not bring trust back', async () => {
    await ask(alice, bob);
    await carry(alice, bob);
    await bob.trust.approve(alice.key);
    const acceptance = await carry(bob, alice);
    clock.advance(1);
    await bob.trust.revoke(alice.key);
    await carry(bob, alice);
    await ask(alice, bob);
    await alice.trust.hear(bob.identity.chain, acceptance);
    expect(alice.stateOf(bob)).toBe('asked');
    expect(alice.drops).toEqual(['replayed']);
  });

  test('an old revocation does not end trust that was made since', async () => {
    await makeTrusted();
    clock.advance(1);
    await alice.trust.revoke(bob.key);
    const revocation = await carry(alice, bob);
    await makeTrusted();
    await bob.trust.hear(alice.identity.chain, revocation);
    expect(states()).toBe('trusted trusted');
  });

  test('the same request over two relays is one', async () => {
    await ask(alice, bob);
    const item = await carry(alice, bob);
    await bob.trust.hear(alice.identity.chain, item);
    expect(bob.events).toHaveLength(1);
    expect(bob.drops).toEqual([]);
  });
});

describe('strangers', () => {
  test('cannot make themselves trusted, nor leave anything behind', async () => {
    for (const item of [
      { kind: 'accept', record: alice.record, atMs: clock.now() },
      { kind: 'reject', why: 'x', atMs: clock.now() },
      { kind: 'revoke', atMs: clock.now() },
    ] as const) {
      await bob.trust.hear(alice.identity.chain, item);
    }
    expect(bob.stateOf(alice)).toBe('none');
    expect([...bob.store.all()]).toEqual([]);
    expect(bob.drops).toEqual(['unsolicited', 'unsolicited', 'unsolicited']);
  });

  test('who waits for our answer cannot give it', async () => {
    await ask(alice, bob);
    await carry(alice, bob);
    clock.advance(1);
    const acceptance = { kind: 'accept', record: alice.record, atMs: clock.now() } as const;
    await bob.trust.hear(alice.identity.chain, acceptance);
    await bob.trust.hear(alice.identity.chain, acceptance);
    expect(bob.stateOf(alice)).toBe('pending');
    expect(bob.drops).toEqual(['unsolicited']);
  });

  test('ask a few times an hour', async () => {
    const request = (atMs: number): TrustItem => ({
      kind: 'request',
      record: alice.record,
      why: '',
      atMs,
    });
    for (let i = 1; i <= 5; i++) {
      await bob.trust.hear(alice.identity.chain, request(clock.now() + i));
    }
    expect(bob.drops).toEqual(['rate_limited', 'rate_limited']);
    clock.advance(HOUR_MS / 3);
    await bob.trust.hear(alice.identity.chain, request(clock.now() + 6));
    expect(bob.drops).toHaveLength(2);
  });

  test('wait in a bounded number, the first ones first', async () => {
    const strangers = Array.from(
      { length: 6 },
      (_, i) => new TrustSide(`s${i}`, 100 + i, SETTINGS, clock),
    );
    for (const stranger of strangers) {
      await ask(stranger, bob);
      await carry(stranger, bob);
    }
    expect(strangers.map((stranger) => bob.stateOf(stranger))).toEqual([
      ...Array.from({ length: 4 }, () => 'pending'),
      'none',
      'none',
    ]);
    expect(bob.drops).toEqual(['pending_full', 'pending_full']);
  });

  test.each([
    ['x'.repeat(1024), 'pending'],
    ['x'.repeat(1025), 'none'],
    ['two\nlines', 'none'],
  ])('a justification %#', async (why, state) => {
    const item = { kind: 'request', record: alice.record, why, atMs: clock.now() } as const;
    await bob.trust.hear(alice.identity.chain, item);
    expect(bob.stateOf(alice)).toBe(state);
  });

  test('cannot bring somebody else’s record, nor a broken one', async () => {
    const carol = new TrustSide('carol', 3, SETTINGS, clock);
    const atMs = clock.now();
    await bob.trust.hear(alice.identity.chain, {
      ...{ kind: 'request', record: carol.record, why: '', atMs },
    });
    expect(bob.store.get(alice.key)).toMatchObject({ state: 'pending', hostname: '' });
    const broken = { kind: 'request', record: new Uint8Array(3), why: '', atMs } as const;
    await expect(bob.trust.hear(carol.identity.chain, broken)).rejects.toMatchObject({
      name: 'WireError',
    });
  });
});

test('a full disk undoes the change, and says so to who watches', async () => {
  await ask(alice, bob);
  await carry(alice, bob);
  bob.storage.isFull = true;
  await expect(bob.trust.approve(alice.key)).rejects.toMatchObject({ name: 'StoreError' });
  expect(bob.stateOf(alice)).toBe('pending');
  expect(bob.events.slice(1)).toEqual([
    'pending > trusted: approved',
    'trusted > pending: the change could not be written to disk',
  ]);
  bob.storage.isFull = false;
  await bob.trust.approve(alice.key);
  expect(bob.stateOf(alice)).toBe('trusted');
});

test('a hostname that the directory gives to another node is not shown', async () => {
  await ask(alice, bob);
  await carry(alice, bob);
  await bob.trust.denyHostname(alice.key);
  expect(bob.store.get(alice.key)?.hostname).toBe('');
});

test('former peers are remembered in a bounded number', async () => {
  const store = new TrustStore(new MemoryStorage());
  await ask(alice, bob);
  const record = alice.store.get(bob.key);
  if (record === undefined) throw new Error('missing');
  for (let i = 0; i < 1100; i++) {
    const peer = i.toString(16).padStart(64, '0');
    await store.put({ ...record, peer, state: 'none', owed: '' });
  }
  expect([...store.all()]).toHaveLength(1024);
});
