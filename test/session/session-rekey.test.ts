import { describe, expect, test } from 'vitest';

import { PACKET } from '../../src/session/packet.ts';
import { PREVIOUS_KEYS_LIFE_MS } from '../../src/session/session-keys.ts';
import type { MemoryLink } from './memory-link.ts';
import { TwoEnds } from './two-ends.ts';

const MINUTE_MS = 60_000;
const initiations = (link: MemoryLink): number =>
  link.sent.filter((packet) => packet[0] === PACKET.initiation).length;
const receivers = (link: MemoryLink): number =>
  new Set(link.sent.filter((packet) => packet[0] === PACKET.sealed).map(receiverOf)).size;
const receiverOf = (packet: Uint8Array): number => Buffer.from(packet).readUInt32BE(4);

describe('new keys', () => {
  test('are asked for by the initiator after 10 minutes, when something is sent', () => {
    const ends = new TwoEnds();
    ends.high.session.open();
    ends.clock.advance(10 * MINUTE_MS - 1);
    ends.high.say('a');
    ends.clock.advance(100);
    expect(initiations(ends.highLink)).toBe(1);
    ends.clock.advance(1);
    ends.high.say('b');
    ends.clock.advance(100);
    expect(initiations(ends.highLink)).toBe(2);
    expect(initiations(ends.lowLink)).toBe(0);
    expect(ends.low.messages).toEqual(['a', 'b']);
    expect([ends.low.events, ends.high.events]).toEqual([['opened'], ['opened']]);
  });

  test('are asked for by the responder when the initiator had nothing to say until 12.5 minutes', () => {
    const ends = new TwoEnds().open();
    ends.clock.advance(12 * MINUTE_MS);
    ends.high.say('a');
    ends.clock.advance(5);
    expect(initiations(ends.highLink)).toBe(0);
    ends.clock.advance(MINUTE_MS);
    expect(ends.low.messages).toEqual(['a']);
    ends.high.say('b');
    ends.clock.advance(100);
    expect(ends.low.messages).toEqual(['a', 'b']);
    // The acknowledgement of `a` made the initiator ask: the responder need not.
    expect([initiations(ends.lowLink), initiations(ends.highLink)]).toEqual([2, 0]);
  });

  test.each(['low', 'high'] as const)('frames of %s flow on over many changes', (who) => {
    const ends = new TwoEnds({ settings: { rekeyAfterPackets: 20 } }).open();
    const said: string[] = [];
    for (let i = 0; i < 200; i++) {
      said.push(String(i));
      ends[who].say(String(i));
      ends.clock.advance(3);
    }
    ends.clock.advance(1000);
    expect(ends[who === 'low' ? 'high' : 'low'].messages).toEqual(said);
    expect(receivers(ends.lowLink)).toBeGreaterThan(3);
    expect(ends.low.drops('unknown_receiver') + ends.high.drops('unknown_receiver')).toBe(0);
    expect([ends.low.events, ends.high.events]).toEqual([['opened'], ['opened']]);
  });

  test.each([PACKET.initiation, PACKET.response, PACKET.sealed])(
    'a lost packet of type %i only delays the change',
    (type) => {
      const ends = new TwoEnds({ settings: { rekeyAfterPackets: 20 } }).open();
      let left = 2;
      for (const link of [ends.lowLink, ends.highLink]) {
        link.fate = (packet) => (packet[0] === type && left-- > 0 ? [] : [packet]);
      }
      const said: string[] = [];
      for (let i = 0; i < 100; i++) {
        said.push(String(i));
        ends.low.say(String(i));
        ends.clock.advance(30);
      }
      ends.clock.advance(20_000);
      expect(ends.high.messages).toEqual(said);
      expect(receivers(ends.lowLink)).toBeGreaterThan(1);
    },
  );

  test('both asking at once end with the same keys', () => {
    const ends = new TwoEnds().open();
    ends.clock.advance(14 * MINUTE_MS);
    ends.low.say('from low');
    ends.high.say('from high');
    ends.clock.advance(5 * MINUTE_MS);
    ends.low.say('again from low');
    ends.high.say('again from high');
    ends.clock.advance(100);
    expect(ends.low.messages).toEqual(['from high', 'again from high']);
    expect(ends.high.messages).toEqual(['from low', 'again from low']);
    expect(ends.low.drops('simultaneous')).toBe(1);
  });

  test('an idle session has none after 15 minutes, and makes some when it is used', () => {
    const ends = new TwoEnds().open();
    const lastPacket = ends.lowLink.sent.findLast((packet) => packet[0] === PACKET.sealed);
    ends.clock.advance(60 * MINUTE_MS);
    expect(ends.clock.pendingTimers).toBe(0);
    expect(lastPacket).toBeDefined();
    ends.high.session.receive(lastPacket ?? new Uint8Array());
    expect(ends.high.drops('unknown_receiver')).toBe(1);
    ends.high.say('after an hour');
    ends.clock.advance(100);
    expect(ends.low.messages).toEqual(['after an hour']);
    expect([ends.low.events, ends.high.events]).toEqual([['opened'], ['opened']]);
  });

  test('that cannot be had in time end the session', () => {
    const ends = new TwoEnds().open();
    ends.clock.advance(16 * MINUTE_MS);
    ends.lowLink.fate = () => [];
    ends.low.say('anyone?');
    ends.clock.advance(5000);
    expect(ends.low.events).toEqual(['opened', 'closed: handshake_timeout']);
  });

  test('leave the keys before them for what is still under way, for a minute', () => {
    const ends = new TwoEnds({ settings: { rekeyAfterPackets: 5 } }).open();
    const late: Uint8Array[] = [];
    ends.lowLink.fate = (packet) => {
      if (packet[0] === PACKET.sealed && late.length < 2) {
        late.push(Uint8Array.from(packet));
        return [];
      }
      return [packet];
    };
    for (let i = 0; i < 6; i++) {
      ends.low.session.sendDatagram(Buffer.from(String(i)));
      ends.clock.advance(30);
    }
    const [first, second] = late;
    if (first === undefined || second === undefined) throw new Error('nothing was held back');
    ends.high.session.receive(first);
    expect(ends.high.datagrams).toContain('0');
    ends.clock.advance(PREVIOUS_KEYS_LIFE_MS);
    ends.high.session.receive(second);
    expect(ends.high.drops('unknown_receiver')).toBe(1);
  });
});

describe('a restarted peer', () => {
  test('replaces the session, and numbering starts afresh', () => {
    const ends = new TwoEnds().open();
    ends.low.say('before');
    ends.clock.advance(100);
    const low = ends.restartLow();
    low.session.open();
    ends.clock.advance(100);
    expect(ends.high.events).toEqual(['opened', 'closed: replaced', 'opened']);
    low.say('after');
    ends.high.say('welcome back');
    ends.clock.advance(100);
    expect(ends.high.messages).toEqual(['before', 'after']);
    expect(low.messages).toEqual(['welcome back']);
  });

  test('may be told in the callback of the one that it replaced', () => {
    const ends = new TwoEnds().open();
    const low = ends.restartLow();
    ends.high.onClosed = () => {
      ends.high.session.close();
    };
    low.session.open();
    ends.clock.advance(100);
    expect(ends.high.events).toEqual(['opened', 'closed: replaced', 'closed: local']);
    expect(ends.high.session.state).toBe('closed');
  });

  test('that says nothing is noticed within 6 s when there is something for it', () => {
    const ends = new TwoEnds().open();
    ends.clock.advance(1000);
    ends.restartLow();
    ends.high.say('are you there?');
    ends.clock.advance(5999);
    expect(ends.high.session.state).toBe('open');
    ends.clock.advance(50);
    expect(ends.high.events).toEqual(['opened', 'closed: peer_closed']);
    expect(ends.high.session.state).toBe('idle');
  });
});
