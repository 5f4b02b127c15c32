/** The simulated sockets do what the real ones promise; others rely on that. */
import { beforeEach, expect, test } from 'vitest';

import { utf8 } from '../../../src/base/bytes.ts';
import type { Endpoint } from '../../../src/base/endpoint.ts';
import type { UnderlayLink } from '../../../src/daemon/paths/underlay.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { SimUnderlay } from '../../support/nat/sim-underlay.ts';
import { Internet, type SiteKind } from '../../support/nat/sites.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const [ALICE, BOB]: [Endpoint, Endpoint] = [
  { host: '203.0.113.10', port: 4000 },
  { host: '203.0.113.11', port: 4000 },
];

class Pair {
  readonly clock = new ManualClock();
  readonly internet: Internet;
  readonly alice: SimUnderlay;
  readonly bob: SimUnderlay;
  readonly received: string[] = [];
  readonly ends: string[] = [];

  constructor(kinds: readonly [SiteKind, SiteKind], seed = 3) {
    const { clock } = this;
    const random = seededRandom(seed);
    this.internet = new Internet({ clock, random });
    const [alice, bob] = kinds.map((kind) => {
      const [host = []] = this.internet.addSite(kind).hosts;
      return new SimUnderlay(host, { clock, random });
    }) as [SimUnderlay, SimUnderlay];
    this.alice = alice;
    this.bob = bob;
  }

  connect(): readonly [UnderlayLink, UnderlayLink] {
    const ids = [this.alice.newStreamId(), this.bob.newStreamId()] as const;
    const open = (
      from: SimUnderlay,
      remote: Endpoint,
      [localId, remoteId]: readonly [number, number],
      who: string,
    ): UnderlayLink =>
      from.openLink(
        { base: 'v4', remote, localId, remoteId },
        {
          packet: (packet) => this.received.push(new TextDecoder().decode(packet)),
          closed: (reason) => this.ends.push(`${who} ${reason}`),
        },
      );
    return [open(this.alice, BOB, ids, 'alice'), open(this.bob, ALICE, [ids[1], ids[0]], 'bob')];
  }
}

const NUMBERS = Array.from({ length: 300 }, (_, i) => String(i));
let pair: Pair;
beforeEach(() => {
  pair = new Pair(['open', 'open']);
});

test('packets arrive in order, also of a wire that loses a fifth', () => {
  pair.internet.wire.loss = 0.2;
  const [link] = pair.connect();
  for (const text of NUMBERS) link.send(utf8(text));
  pair.clock.advance(60_000);
  expect(pair.received).toEqual(NUMBERS);
  expect(pair.clock.pendingTimers).toBe(0);
});

test('the round trip is measured', () => {
  const [link] = pair.connect();
  expect(link.rttMs).toBeUndefined();
  link.send(utf8('a'));
  pair.clock.advance(100);
  expect(link.rttMs).toBe(10);
});

test('what was sent before a close arrives, and the other end is told', async () => {
  const [link] = pair.connect();
  for (const text of NUMBERS) link.send(utf8(text));
  const closed = Promise.all([link.close(), link.close()]);
  pair.clock.advance(1_000);
  await closed;
  link.send(utf8('too late'));
  pair.clock.advance(10_000);
  expect(pair.received).toEqual(NUMBERS);
  expect(pair.ends).toEqual(['bob peer_closed']);
  expect([pair.alice.linkCount, pair.bob.linkCount]).toEqual([0, 0]);
});

test('a NAT cuts a link that nobody punched', () => {
  pair = new Pair(['home', 'home']);
  const [link] = pair.connect();
  link.send(utf8('a'));
  pair.clock.advance(20_000);
  expect(pair.received).toEqual([]);
  expect(pair.ends).toEqual(['alice timed_out']);
});

test('both ends that send punch their NATs; blocked UDP cuts the link again', () => {
  pair = new Pair(['home', 'home']);
  const [a, b] = pair.connect();
  a.send(utf8('from alice'));
  b.send(utf8('from bob'));
  pair.clock.advance(5_000);
  expect([...pair.received].sort()).toEqual(['from alice', 'from bob']);
  pair.internet.wire.loss = 1;
  a.send(utf8('lost'));
  pair.clock.advance(20_000);
  expect(pair.ends).toEqual(['alice timed_out']);
});

test('sockets that close end their links', () => {
  pair.connect();
  pair.alice.close();
  expect(pair.ends).toEqual(['alice port_closed']);
});
