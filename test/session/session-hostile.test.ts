import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { utf8 } from '../../src/base/bytes.ts';
import { PACKET } from '../../src/session/packet.ts';
import type { MemoryLink } from './memory-link.ts';
import { End, TwoEnds } from './two-ends.ts';

function firstOf(link: MemoryLink, type: number): Uint8Array {
  const packet = link.sent.find((one) => one[0] === type);
  if (packet === undefined) throw new Error(`no packet of type ${type} was sent`);
  return packet;
}

describe('initiations played again', () => {
  test('do not disturb the session that they opened', () => {
    const ends = new TwoEnds();
    ends.low.session.open([utf8('early')]);
    ends.clock.advance(100);
    const played = firstOf(ends.lowLink, PACKET.initiation);
    ends.high.session.receive(Uint8Array.from(played));
    ends.clock.advance(1000);
    ends.low.say('still here');
    ends.clock.advance(100);
    expect(ends.high.messages).toEqual(['still here']);
    expect(ends.high.early).toEqual([['early']]);
    expect(ends.high.drops('replayed')).toBe(1);
  });

  test('of an earlier session do not disturb a later one, whatever their number', () => {
    const ends = new TwoEnds();
    const played: Uint8Array[] = [];
    for (let i = 0; i < 6; i++) {
      ends.restartLow().session.open();
      ends.clock.advance(3000);
      played.push(...ends.lowLink.sent.filter((packet) => packet[0] === PACKET.initiation));
    }
    const before = ends.high.events.length;
    for (const packet of played) ends.high.session.receive(Uint8Array.from(packet));
    ends.clock.advance(100);
    ends.low.say('still here');
    ends.clock.advance(100);
    expect(ends.high.messages).toEqual(['still here']);
    expect(ends.high.events).toHaveLength(before);
    // Half-open handshakes and their keys are gone after a while.
    ends.low.session.close();
    ends.clock.advance(60_000);
    expect(ends.clock.pendingTimers).toBe(0);
  });

  test('between an initiation and its confirmation do not push it out', () => {
    const ends = new TwoEnds();
    ends.low.session.open();
    ends.clock.advance(1000);
    const played = firstOf(ends.lowLink, PACKET.initiation);
    ends.restartLow().session.open();
    ends.clock.advance(1000);
    const low = ends.restartLow();
    low.session.open();
    ends.clock.advance(10); // answered, not confirmed
    ends.high.session.receive(Uint8Array.from(played));
    expect(ends.high.early).toHaveLength(4); // it was read, and answered too
    ends.clock.advance(20);
    expect(ends.high.events.slice(-2)).toEqual(['closed: replaced', 'opened']);
    low.say('hello');
    ends.clock.advance(100);
    expect(ends.high.messages).toEqual(['hello']);
  });

  test('a doubled initiation gets the same answer, without curve arithmetic', () => {
    const ends = new TwoEnds();
    ends.lowLink.fate = (packet) => [packet, packet, packet];
    ends.low.session.open([utf8('early')]);
    ends.clock.advance(15);
    const [one, two, three] = ends.highLink.sent;
    expect(two).toEqual(one);
    expect(three).toEqual(one);
    expect(ends.high.session.counters.initiationsRead).toBe(1);
    expect(ends.high.early).toHaveLength(1);
    ends.clock.advance(100);
    expect([ends.low.events, ends.high.events]).toEqual([['opened, early delivered'], ['opened']]);
  });
});

describe('handshake flood', () => {
  test('mac1 comes before any curve arithmetic', () => {
    const ends = new TwoEnds();
    ends.low.session.open();
    const packet = firstOf(ends.lowLink, PACKET.initiation);
    for (let i = 0; i < 500; i++) {
      const forged = Uint8Array.from(packet);
      forged[8 + (i % 16)] = (forged[8 + (i % 16)] ?? 0) ^ (1 + (i % 255));
      ends.high.session.receive(forged);
    }
    expect(ends.high.drops('bad_mac')).toBe(500);
    expect(ends.high.session.counters.initiationsRead).toBe(0);
    expect(ends.highLink.sent).toEqual([]);
  });

  test('more than 10 at once, and 1 a second, are not read', () => {
    const ends = new TwoEnds();
    const low = ends.low.identity;
    const packets = Array.from({ length: 30 }, (_, i) => {
      const { session } = new End({
        identity: low,
        remote: ends.high.identity.chain,
        clock: ends.clock,
        seed: 100 + i,
      });
      const sent: Uint8Array[] = [];
      session.setLink({
        kind: 'relay',
        maxPacketBytes: 2 ** 21,
        send: (packet) => sent.push(packet),
      });
      session.open();
      session.close();
      return sent[0] ?? new Uint8Array();
    });
    for (const packet of packets.slice(0, 20)) ends.high.session.receive(packet);
    expect(ends.high.session.counters.initiationsRead).toBe(10);
    expect(ends.high.drops('rate_limited')).toBe(10);
    ends.clock.advance(2000);
    for (const packet of packets.slice(20)) ends.high.session.receive(packet);
    expect(ends.high.session.counters.initiationsRead).toBe(12);
  });

  test('under load a cookie is asked for, and a real initiator shows it at once', () => {
    const ends = new TwoEnds();
    ends.high.isUnderLoad = true;
    ends.low.session.open([utf8('early')]);
    ends.clock.advance(10);
    expect(ends.high.drops('cookie_required')).toBe(1);
    expect(ends.high.session.counters.initiationsRead).toBe(0);
    expect(ends.highLink.sent.map((packet) => packet[0])).toEqual([PACKET.cookie]);
    // Not more than was received, so that nobody is flooded through us.
    expect(ends.highLink.sent[0]?.length).toBeLessThan(ends.lowLink.sent[0]?.length ?? 0);
    ends.clock.advance(50);
    expect(ends.low.events).toEqual(['opened, early delivered']);
    expect(ends.high.events).toEqual(['opened']);
  });

  test('a forged cookie reply is counted and changes nothing', () => {
    const ends = new TwoEnds();
    ends.high.isUnderLoad = true;
    ends.low.session.open();
    ends.highLink.fate = (packet) => {
      const forged = Uint8Array.from(packet);
      forged[30] = (forged[30] ?? 0) ^ 1;
      return [forged];
    };
    ends.clock.advance(20);
    expect(ends.low.drops('unreadable_handshake')).toBe(1);
    expect(ends.lowLink.sent).toHaveLength(1);
  });
});

describe('bad packets', () => {
  test('are counted by reason and never thrown', () => {
    const ends = new TwoEnds().open();
    ends.low.say('real');
    ends.clock.advance(100);
    const { high } = ends;
    const real = ends.lowLink.sent.findLast((packet) => packet[0] === PACKET.sealed);
    if (real === undefined) throw new Error('nothing was sealed');
    const changed = (at: number, value: number): Uint8Array => {
      const copy = Uint8Array.from(real);
      copy[at] = value;
      return copy;
    };
    const table: [string, Uint8Array][] = [
      ['malformed', new Uint8Array(0)],
      ['malformed', Uint8Array.of(9)],
      ['malformed', Uint8Array.of(PACKET.envelope, 1, 0, 0)],
      ['malformed', real.subarray(0, 31)],
      ['malformed', changed(1, 7)],
      ['malformed', new Uint8Array(2 ** 21).fill(4, 0, 1)],
      ['replayed', Uint8Array.from(real)],
      ['unknown_receiver', changed(4, (real[4] ?? 0) ^ 1)],
      ['unauthentic', changed(real.length - 1, (real.at(-1) ?? 0) ^ 1)],
      ['unauthentic', changed(8, 0xff)],
      ['unsupported_version', Uint8Array.of(PACKET.initiation, 2, ...new Uint8Array(200))],
      ['malformed', Uint8Array.of(PACKET.initiation, 1, ...new Uint8Array(50))],
      ['malformed', Uint8Array.of(PACKET.response, 1, 1, ...new Uint8Array(100))],
      ['unexpected_answer', Uint8Array.of(PACKET.response, 1, ...new Uint8Array(100))],
      ['unexpected_answer', Uint8Array.of(PACKET.cookie, 1, ...new Uint8Array(54))],
    ];
    // A replayed counter is seen before its tag is checked: the changed copies need a fresh one.
    for (const [reason, packet] of table) {
      if (reason === 'unauthentic') packet[15] = 0xf0;
      const before = high.drops(reason);
      high.session.receive(packet);
      expect([reason, high.drops(reason)]).toEqual([reason, before + 1]);
    }
    ends.low.say('more');
    ends.clock.advance(100);
    expect(high.messages).toEqual(['real', 'more']);
  });

  test('random bytes, and real packets with random changes, never throw out of receive', () => {
    const ends = new TwoEnds();
    ends.low.session.open([utf8('early')]);
    ends.clock.advance(100);
    for (let i = 0; i < 5; i++) ends.low.say(String(i));
    const real = [...ends.lowLink.sent, ...ends.highLink.sent];
    const changed = fc
      .record({
        which: fc.nat(real.length - 1),
        at: fc.nat(400),
        byte: fc.nat(255),
        length: fc.nat(500),
      })
      .map(({ which, at, byte, length }) => {
        const packet = Uint8Array.from(real[which] ?? []).subarray(0, length);
        if (at < packet.length) packet[at] = byte;
        return packet;
      });
    const typed = fc
      .tuple(fc.integer({ min: 0, max: 6 }), fc.uint8Array({ maxLength: 300 }))
      .map(([type, rest]) => Uint8Array.of(type, 1, 0, 0, ...rest));
    fc.assert(
      fc.property(fc.oneof(changed, typed, fc.uint8Array({ maxLength: 100 })), (packet) => {
        ends.high.session.receive(Uint8Array.from(packet));
        ends.low.session.receive(Uint8Array.from(packet));
      }),
      { numRuns: 2000 },
    );
    ends.clock.advance(1000);
    ends.low.say('alive');
    ends.clock.advance(3000);
    expect(ends.high.messages.at(-1)).toBe('alive');
  });
});
