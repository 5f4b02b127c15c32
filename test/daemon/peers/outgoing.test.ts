import { expect, test } from 'vitest';

import { toHex, utf8 } from '../../../src/base/bytes.ts';
import { Outbox } from '../../../src/daemon/messages/outbox.ts';
import { newUuid } from '../../../src/daemon/messages/uuid-bytes.ts';
import { Outgoing } from '../../../src/daemon/peers/outgoing.ts';
import { Identity } from '../../../src/identity/identity.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { MemoryStorage } from '../store/memory-storage.ts';

const PEER = toHex(Identity.create(seededRandom(5), 0).firstKey);
const IDS = [
  '01890a5d-ac96-774b-bcce-b302099a8057',
  '01890a5d-ac96-774b-bcce-b302099a8058',
] as const;
const quiet = (): void => undefined;

function setUp(): { clock: ManualClock; outbox: Outbox; outgoing: Outgoing; wakes: () => number } {
  const clock = new ManualClock();
  let wakes = 0;
  const outbox = new Outbox({
    storage: new MemoryStorage(),
    clock,
    limits: { maxMessages: 5000, maxBytes: 100_000 },
    whyExpired: () => 'expired',
    changed: quiet,
  });
  const outgoing = new Outgoing(PEER, {
    clock,
    random: seededRandom(1),
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    outbox,
    retry: { maxAttempts: 3, initialMs: 1000, maxMs: 60_000, multiplier: 2, jitter: false },
    trace: () => ({}),
    roundTrip: quiet,
    wake: () => {
      wakes += 1;
    },
  });
  for (const id of IDS) {
    outbox.add({
      ...{ id, correlationId: id, replyTo: '', peer: PEER, type: 'text' },
      payload: utf8('hello'),
      expiresAtMs: clock.now() + 86_400_000,
    });
  }
  return { clock, outbox, outgoing, wakes: () => wakes };
}

function sendAll(outgoing: Outgoing): number {
  let sent = 0;
  for (let next = outgoing.sessionRun.next; next; next = outgoing.sessionRun.next) {
    outgoing.sent(next);
    sent += 1;
  }
  return sent;
}

test('messages without a receipt go out again after 30 s, in order, as a new run', () => {
  const { clock, outbox, outgoing, wakes } = setUp();
  expect(sendAll(outgoing)).toBe(2);
  const run = outgoing.sessionRun.number;
  clock.advance(20_000);
  outgoing.delivered([IDS[0]]);
  const before = wakes();
  clock.advance(29_999);
  expect(outgoing.sessionRun.next).toBeUndefined();
  clock.advance(1);
  expect(wakes()).toBe(before + 1);
  expect(outgoing.sessionRun.next?.id).toBe(IDS[1]);
  expect(outgoing.sessionRun.number).not.toBe(run);
  expect(outbox.find(IDS[1])?.state).toBe('queued');
  expect(sendAll(outgoing)).toBe(1);
  outgoing.delivered([IDS[1]]);
  const after = wakes();
  clock.advance(120_000);
  expect(wakes()).toBe(after);
  expect(clock.pendingTimers).toBe(0);
});

test('a session that ended is not waited for', () => {
  const { clock, outgoing } = setUp();
  sendAll(outgoing);
  outgoing.sessionEnded('the session ended');
  expect(clock.pendingTimers).toBe(0);
});

test('what was dropped without an answer makes room', async () => {
  const { outbox, outgoing } = setUp();
  for (const entry of [...(outbox.queueOf(PEER) ?? [])]) await outbox.drop(entry.id);
  const add = (): void => {
    outbox.add({
      ...{ id: newUuid(clock, random), correlationId: IDS[0], replyTo: '', peer: PEER },
      ...{ type: 'text', payload: utf8('x'), expiresAtMs: clock.now() + 1000 },
    });
  };
  const clock = new ManualClock();
  const random = seededRandom(2);
  let next = outgoing.sessionRun.next;
  do {
    add();
    next = outgoing.sessionRun.next;
    if (next === undefined || !outgoing.hasRoomFor(next)) break;
    outgoing.sent(next);
  } while (outbox.size < 5000);
  if (next === undefined) throw new Error('nothing to send');
  expect(outbox.size).toBe(1025);
  expect(outgoing.hasRoomFor(next)).toBe(false);
  const [first, second] = [...(outbox.queueOf(PEER) ?? [])];
  if (first === undefined || second === undefined) throw new Error('nothing under way');
  await outbox.drop(second.id);
  expect(outgoing.hasRoomFor(next)).toBe(false);
  await outbox.drop(first.id);
  expect(outgoing.hasRoomFor(next)).toBe(true);
});
