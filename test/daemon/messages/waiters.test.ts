import { expect, test } from 'vitest';

import { PilotError } from '../../../src/base/pilot-error.ts';
import { type Reply, Waiters } from '../../../src/daemon/messages/waiters.ts';

const ALICE = 'aa'.repeat(32);
const BOB = 'bb'.repeat(32);

function reply(sender: string, correlationId: string, replyTo: string): Reply {
  const entry = {
    sequence: 1,
    sender,
    id: 'r',
    correlationId,
    replyTo,
    type: 'text',
    bytes: 0,
    preview: '',
    sentAtMs: 0,
    receivedAtMs: 0,
    isRead: false,
  } as const;
  return { entry, payload: new Uint8Array() };
}

test('a reply is claimed only when sender, correlation id and answered message fit', async () => {
  const waiters = new Waiters();
  const waiter = waiters.add(ALICE, 'c', 'm');
  for (const wrong of [reply(BOB, 'c', 'm'), reply(ALICE, 'd', 'm'), reply(ALICE, 'c', 'n')]) {
    expect(waiters.isAwaited(wrong.entry)).toBe(false);
    expect(waiters.claim(wrong)).toBe(false);
  }
  const right = reply(ALICE, 'c', 'm');
  expect(waiters.isAwaited(right.entry)).toBe(true);
  expect(waiters.claim(right)).toBe(true);
  await expect(waiter.reply).resolves.toBe(right);
  expect(waiters.claim(right)).toBe(false);
  expect(waiters.size).toBe(0);
});

test('who has stopped waiting gets nothing, and a later waiter keeps its place', () => {
  const waiters = new Waiters();
  const first = waiters.add(ALICE, 'c', 'm');
  first.end();
  expect(waiters.size).toBe(0);
  waiters.add(ALICE, 'c', 'm');
  first.end();
  expect(waiters.size).toBe(1);
  expect(() => waiters.add(ALICE, 'c', 'm')).toThrow('already');
});

test('waiting ends when the message dies, when trust does, and when the node stops', async () => {
  const waiters = new Waiters();
  const [one, two, three] = [
    waiters.add(ALICE, 'c', '1'),
    waiters.add(ALICE, 'c', '2'),
    waiters.add(BOB, 'c', '3'),
  ];
  waiters.fail('1', new PilotError('expired', 'expired'));
  await expect(one.reply).rejects.toMatchObject({ code: 'expired' });
  waiters.failAll(new PilotError('trust_required', 'revoked'), ALICE);
  await expect(two.reply).rejects.toMatchObject({ code: 'trust_required' });
  waiters.failAll(new PilotError('not_running', 'stopping'));
  await expect(three.reply).rejects.toMatchObject({ code: 'not_running' });
  expect(waiters.size).toBe(0);
});

test('there are at most 1,024', () => {
  const waiters = new Waiters();
  for (let i = 0; i < 1024; i++) waiters.add(ALICE, 'c', String(i));
  expect(() => waiters.add(ALICE, 'c', 'one more')).toThrow('1024 callers');
});
