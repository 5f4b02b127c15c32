import { describe, expect, test } from 'vitest';

import { utf8 } from '../../src/base/bytes.ts';
import { PACKET } from '../../src/session/packet.ts';
import { MAX_PINGS } from '../../src/session/pings.ts';
import type { MemoryLink } from './memory-link.ts';
import { StreamEnds } from './stream-ends.ts';
import { TwoEnds } from './two-ends.ts';

const MINUTE_MS = 60_000;
const sealed = (link: MemoryLink): number =>
  link.sent.filter((packet) => packet[0] === PACKET.sealed).length;
const LOSE = (): Uint8Array[] => [];

describe('is the peer there', () => {
  test('asked after 20 s of silence, while the session is in use; then not any more', () => {
    const ends = new TwoEnds().open();
    ends.low.say('hello');
    ends.clock.advance(100);
    const before = sealed(ends.lowLink) + sealed(ends.highLink);
    ends.clock.advance(19_000);
    expect(sealed(ends.lowLink) + sealed(ends.highLink)).toBe(before);
    ends.clock.advance(1000);
    expect(sealed(ends.lowLink) + sealed(ends.highLink)).toBe(before + 2);

    ends.clock.advance(6 * MINUTE_MS);
    const afterwards = sealed(ends.lowLink) + sealed(ends.highLink);
    ends.clock.advance(2 * MINUTE_MS);
    expect(sealed(ends.lowLink) + sealed(ends.highLink)).toBe(afterwards);
    expect([ends.low.session.state, ends.high.session.state]).toEqual(['open', 'open']);
  });

  test('dead after three unanswered probes, 5 s apart', () => {
    const ends = new TwoEnds().open();
    ends.clock.advance(1000);
    ends.low.say('hello');
    ends.clock.advance(100); // the last packet from high: its acknowledgement, after 40 ms
    ends.lowLink.fate = LOSE;
    ends.highLink.fate = LOSE;
    ends.clock.advance(34_900);
    expect(ends.low.session.state).toBe('open');
    ends.clock.advance(100);
    expect(ends.low.events).toEqual(['opened', 'closed: dead']);
    expect(ends.low.session.state).toBe('idle');
    ends.clock.advance(100);
    expect(ends.high.events).toEqual(['opened', 'closed: dead']);
    expect(ends.clock.pendingTimers).toBe(0);
  });

  test('an idle session that is used again notices that the peer has gone', () => {
    const ends = new TwoEnds({ settings: { rekeyAfterMs: 1e8, rejectAfterMs: 1e9 } }).open();
    ends.clock.advance(30 * MINUTE_MS);
    ends.lowLink.fate = LOSE;
    ends.low.say('hello?');
    ends.clock.advance(40_000);
    expect(ends.low.events).toEqual(['opened', 'closed: dead']);
  });

  test('no link for a minute ends the session', () => {
    const ends = new TwoEnds().open();
    ends.cut();
    ends.clock.advance(MINUTE_MS - 1);
    expect(ends.low.session.state).toBe('open');
    ends.clock.advance(1);
    expect(ends.low.events).toEqual(['opened', 'closed: dead']);
    expect(ends.clock.pendingTimers).toBe(0);
  });

  test('a link within that minute does not', () => {
    const ends = new TwoEnds().open();
    ends.cut();
    ends.clock.advance(MINUTE_MS - 1);
    ends.connect();
    ends.clock.advance(10 * MINUTE_MS);
    expect(ends.low.session.state).toBe('open');
  });
});

describe('ping', () => {
  test('gives the round trip', async () => {
    const ends = new TwoEnds().open();
    const rtt = ends.low.session.ping(1000);
    ends.clock.advance(100);
    await expect(rtt).resolves.toBe(20);
  });

  test('times out', async () => {
    const ends = new TwoEnds().open();
    ends.lowLink.fate = LOSE;
    const rtt = ends.low.session.ping(1000);
    ends.clock.advance(1000);
    await expect(rtt).rejects.toMatchObject({ code: 'timeout' });
  });

  test('fails without a session, and when it ends', async () => {
    const ends = new TwoEnds();
    await expect(ends.low.session.ping(1000)).rejects.toMatchObject({ code: 'connection_failed' });
    ends.open();
    const rtt = ends.low.session.ping(1000);
    ends.low.session.close();
    await expect(rtt).rejects.toMatchObject({ code: 'connection_failed' });
    expect(ends.low.session.rttMs).toBeUndefined();
  });

  test('is bounded in number', async () => {
    const ends = new TwoEnds().open();
    const pings = Array.from({ length: MAX_PINGS }, async () => ends.low.session.ping(1000));
    await expect(ends.low.session.ping(1000)).rejects.toMatchObject({ code: 'unavailable' });
    ends.clock.advance(100);
    await expect(Promise.all(pings)).resolves.toHaveLength(MAX_PINGS);
  });
});

describe('datagrams', () => {
  test('go beside the messages, and are lost with their link', () => {
    const ends = new TwoEnds().open();
    expect(ends.low.session.sendDatagram(utf8('one'))).toBe(true);
    ends.clock.advance(20);
    expect(ends.high.datagrams).toEqual(['one']);
    ends.low.session.sendDatagram(utf8('two'));
    ends.cut();
    expect(ends.low.session.sendDatagram(utf8('three'))).toBe(false);
    ends.connect();
    ends.clock.advance(5000);
    expect(ends.high.datagrams).toEqual(['one']);
  });

  test('that are too large are refused', () => {
    const ends = new TwoEnds().open();
    expect(() => ends.low.session.sendDatagram(new Uint8Array(65_508))).toThrow(/not fit/);
    expect(() => ends.low.session.send(new Uint8Array(1.25 * 2 ** 20 + 1))).toThrow(/not fit/);
  });

  test('that would only wait are refused, and a message does not wait behind them', () => {
    const ends = new StreamEnds({ delayMs: 10, bytesPerMs: 1000, showsLoad: true });
    const body = new Uint8Array(16 * 1024);
    const flood = (): number =>
      Array.from({ length: 1000 }, () => ends.low.session.sendDatagram(body)).filter(Boolean)
        .length;
    expect(flood()).toBeLessThan(200);
    ends.low.say('message');
    ends.clock.advance(3500);
    expect(ends.high.messages).toEqual(['message']);
    expect(flood()).toBeGreaterThan(100);
  });
});

test('a link that cannot carry the largest body is refused', () => {
  const { low } = new TwoEnds();
  expect(() => {
    low.session.setLink({ kind: 'direct', maxPacketBytes: 1200, send: () => undefined });
  }).toThrow(RangeError);
});

test('the largest body arrives', () => {
  const ends = new TwoEnds().open();
  const body = 'x'.repeat(1.25 * 2 ** 20);
  expect(ends.low.say(body)).toBe(true);
  ends.clock.advance(100);
  expect(ends.high.messages[0]?.length).toBe(body.length);
});
