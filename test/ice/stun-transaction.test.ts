import { beforeEach, describe, expect, test } from 'vitest';

import { fromHex } from '../../src/base/bytes.ts';
import type { Endpoint } from '../../src/base/endpoint.ts';
import { encodeBindingRequest, encodeBindingResponse } from '../../src/ice/stun-message.ts';
import { StunRouter } from '../../src/ice/stun-router.ts';
import {
  type StunAnswer,
  type StunTimers,
  StunTransaction,
  type StunTransactionHandlers,
} from '../../src/ice/stun-transaction.ts';
import { ManualClock } from '../support/manual-clock.ts';

const ID = fromHex('b7e7a701bc34d686fa87dfae');
const SERVER: Endpoint = { host: '192.0.2.1', port: 3478 };
const REQUEST = encodeBindingRequest(ID);
const RESPONSE = encodeBindingResponse(ID, { host: '198.51.100.7', port: 4711 });

let clock: ManualClock;
let router: StunRouter;
let sentAtMs: number[];
let answers: StunAnswer[];
let timedOutAtMs: number[];
beforeEach(() => {
  clock = new ManualClock();
  router = new StunRouter();
  sentAtMs = [];
  answers = [];
  timedOutAtMs = [];
});

function start(
  handlers: Partial<StunTransactionHandlers> = {},
  timers?: StunTimers,
): StunTransaction {
  const send = (bytes: Uint8Array, base: string, to: Endpoint): void => {
    expect([bytes, base, to]).toEqual([REQUEST, 'v4', SERVER]);
    sentAtMs.push(clock.monotonic());
  };
  const request = { transactionId: ID, bytes: REQUEST, base: 'v4', to: SERVER };
  return new StunTransaction(
    { clock, router, send },
    timers === undefined ? request : { ...request, timers },
    {
      answered: (answer) => answers.push(answer),
      timedOut: () => timedOutAtMs.push(clock.monotonic()),
      ...handlers,
    },
  );
}

const answer = (): void => {
  router.receive(RESPONSE, 'v4', SERVER);
};

describe('retransmission', () => {
  test('RFC 8489, 6.2.1: the example of the text', () => {
    const transaction = start();
    clock.advance(60_000);
    expect(sentAtMs).toEqual([0, 500, 1500, 3500, 7500, 15_500, 31_500]);
    expect(timedOutAtMs).toEqual([39_500]);
    expect(transaction.requests).toBe(7);
    expect(clock.pendingTimers).toBe(0);
  });

  test('other timers', () => {
    start({}, { rtoMs: 100, maxRequests: 3, lastWaitFactor: 2 });
    clock.advance(60_000);
    expect(sentAtMs).toEqual([0, 100, 300]);
    expect(timedOutAtMs).toEqual([500]);
  });
});

describe('the answer', () => {
  test('ends it, and says how long it took', () => {
    start();
    clock.advance(42);
    answer();
    answer();
    clock.advance(60_000);
    expect(answers).toMatchObject([{ rttMs: 42, requests: 1, base: 'v4', from: SERVER }]);
    expect(answers[0]?.message.xorMappedAddress?.port).toBe(4711);
    expect([sentAtMs, timedOutAtMs, clock.pendingTimers]).toEqual([[0], [], 0]);
  });

  test('after a retransmission', () => {
    start();
    clock.advance(520);
    answer();
    expect(answers).toMatchObject([{ rttMs: 520, requests: 2 }]);
  });

  test('in the last wait', () => {
    start();
    clock.advance(39_499);
    answer();
    clock.advance(10);
    expect([answers.length, timedOutAtMs]).toEqual([1, []]);
  });

  test('too late', () => {
    start();
    clock.advance(39_500);
    answer();
    expect([answers.length, timedOutAtMs]).toEqual([0, [39_500]]);
    expect(router.dropped.unknown_transaction).toBe(1);
  });

  test('one that is not authentic changes nothing, the right one behind it counts', () => {
    let isAuthentic = false;
    start({ isAuthentic: () => isAuthentic });
    clock.advance(10);
    answer();
    clock.advance(490);
    expect([answers.length, sentAtMs]).toEqual([0, [0, 500]]);
    isAuthentic = true;
    answer();
    expect(answers).toHaveLength(1);
  });
});

describe('ends early', () => {
  test('cancelled', () => {
    const transaction = start();
    transaction.cancel();
    transaction.cancel();
    answer();
    clock.advance(60_000);
    expect([sentAtMs, answers, timedOutAtMs, clock.pendingTimers]).toEqual([[0], [], [], 0]);
  });

  test('sends no more, but still takes an answer', () => {
    const transaction = start();
    transaction.stopSending();
    clock.advance(7_999);
    answer();
    transaction.stopSending();
    clock.advance(60_000);
    expect([sentAtMs, answers.length, timedOutAtMs]).toEqual([[0], 1, []]);
  });

  test('sends no more, and times out after the last wait', () => {
    start().stopSending();
    clock.advance(60_000);
    expect([sentAtMs, timedOutAtMs]).toEqual([[0], [8_000]]);
  });

  test('a budget that is spent stops retransmission', () => {
    let left = 3;
    start({ maySend: () => left-- > 0 });
    clock.advance(60_000);
    expect(sentAtMs).toEqual([0, 500, 1500]);
    expect(timedOutAtMs).toEqual([3_500 + 8_000]);
  });
});

test('an answer that was asked to come from elsewhere counts only from there (RFC 5780)', () => {
  const elsewhere = { host: '192.0.2.2', port: 3479 };
  const request = { transactionId: ID, bytes: REQUEST, base: 'v4', to: SERVER };
  const handlers = { answered: (it: StunAnswer) => answers.push(it), timedOut: () => undefined };
  new StunTransaction(
    { clock, router, send: () => undefined },
    { ...request, answerFrom: elsewhere },
    handlers,
  );
  answer();
  expect(answers).toEqual([]);
  router.receive(RESPONSE, 'v4', elsewhere);
  expect(answers).toHaveLength(1);
});
