import { expect, test } from 'vitest';

import type { Link } from '../../src/session/link.ts';
import { MAX_PINGS } from '../../src/session/pings.ts';
import { TwoEnds } from './two-ends.ts';

/** Another link between the same two, which the session does not use: packets take `delayMs`. */
function beside(ends: TwoEnds, delayMs: number): { readonly low: Link; readonly sent: string[] } {
  const sent: string[] = [];
  const linkTo = (name: 'low' | 'high', back: () => Link): Link => ({
    kind: 'direct',
    maxPacketBytes: 2 ** 21,
    send: (packet) => {
      sent.push(name);
      const copy = Uint8Array.from(packet);
      ends.clock.after(delayMs, () => {
        ends[name].session.receive(copy, back());
      });
    },
  });
  const low: Link = linkTo('high', () => high);
  const high: Link = linkTo('low', () => low);
  return { low, sent };
}

test('measures the way there and back by the link named, and leaves the session on its own', async () => {
  const ends = new TwoEnds().open();
  const rttBefore = ends.low.session.rttMs;
  const { low, sent } = beside(ends, 35);
  const packetsBefore = [ends.lowLink.sent.length, ends.highLink.sent.length];
  const rtt = ends.low.session.pingOver(low, 1000);
  ends.clock.advance(100);
  await expect(rtt).resolves.toBe(70);
  expect(sent).toEqual(['high', 'low']);
  expect([ends.lowLink.sent.length, ends.highLink.sent.length]).toEqual(packetsBefore);
  expect(ends.low.session.rttMs).toBe(rttBefore);
});

test('what was sent before it and comes after it is not lost', async () => {
  const ends = new TwoEnds().open();
  const { low } = beside(ends, 1);
  ends.low.say('slow');
  const rtt = ends.low.session.pingOver(low, 1000);
  ends.clock.advance(2);
  await expect(rtt).resolves.toBe(2);
  expect(ends.high.messages).toEqual([]);
  ends.clock.advance(100);
  expect(ends.high.messages).toEqual(['slow']);
});

test('an owner that does not know where it came from answers over the link in use', async () => {
  const ends = new TwoEnds().open();
  const oneWay: Link = {
    kind: 'direct',
    maxPacketBytes: 2 ** 21,
    send: (packet) => {
      ends.high.session.receive(Uint8Array.from(packet));
    },
  };
  const rtt = ends.low.session.pingOver(oneWay, 1000);
  ends.clock.advance(100);
  await expect(rtt).resolves.toBe(10);
});

test('times out when the link is dead, and needs a session', async () => {
  const ends = new TwoEnds();
  const dead: Link = { kind: 'relay', maxPacketBytes: 2 ** 21, send: () => undefined };
  await expect(ends.low.session.pingOver(dead, 1000)).rejects.toMatchObject({
    code: 'connection_failed',
  });
  ends.open();
  const rtt = ends.low.session.pingOver(dead, 1000);
  ends.clock.advance(1000);
  await expect(rtt).rejects.toMatchObject({ code: 'timeout' });
  expect(ends.low.session.state).toBe('open');
});

test('is bounded in number, together with the others', async () => {
  const ends = new TwoEnds().open();
  const { low } = beside(ends, 1);
  const pings = Array.from({ length: MAX_PINGS }, async () => ends.low.session.pingOver(low, 100));
  await expect(ends.low.session.ping(100)).rejects.toMatchObject({ code: 'unavailable' });
  ends.clock.advance(100);
  await expect(Promise.all(pings)).resolves.toHaveLength(MAX_PINGS);
});
