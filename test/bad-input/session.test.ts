import { describe, expect, test } from 'vitest';

import { utf8 } from '../../src/base/bytes.ts';
import { End, twoIdentities } from '../session/two-ends.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { HostilePeer } from './hostile-peer.ts';
import { FRAME_ROWS, PACKET_ROWS } from './session-rows.ts';

/** Timers of a session at work; what packets make is not among them for ever. */
const MAX_TIMERS = 16;

interface Stage {
  readonly victim: End;
  readonly peer: HostilePeer;
  readonly clock: ManualClock;
}

/** A session between a peer that keeps no rules and one that does, in memory. */
function openStage(): Stage {
  const clock = new ManualClock();
  const [identity, other] = twoIdentities();
  const victim = new End({ identity: other, remote: identity.chain, clock, seed: 3 });
  const deps = { identity, victim: other.chain, clock, random: seededRandom(4) };
  const peer = new HostilePeer({
    ...deps,
    send: (packet) => {
      victim.session.receive(Uint8Array.from(packet));
    },
  });
  victim.session.setLink({
    ...{ kind: 'relay', maxPacketBytes: 2 ** 21 },
    send: (packet) => {
      peer.receive(packet);
    },
  });
  peer.open();
  clock.advance(100);
  expect([peer.isOpen, victim.session.state]).toEqual([true, 'open']);
  return { victim, peer, clock };
}

describe.each([
  ['packets', PACKET_ROWS],
  ['frames in sealed packets', FRAME_ROWS],
])('%s', (_what, rows) => {
  test.each(rows)('$name', ({ packets, counted, endsSession = false }) => {
    const { victim, peer, clock } = openStage();
    const { session } = victim;
    for (const packet of packets(peer, victim.identity.chain)) {
      session.receive(Uint8Array.from(packet));
    }
    expect(victim.drops(counted)).toBe(1);
    expect(session.state).toBe(endsSession ? 'idle' : 'open');
    expect(victim.events).toEqual(endsSession ? ['opened', 'closed: violation'] : ['opened']);
    if (endsSession) peer.open();
    clock.advance(1000);
    session.receive(peer.sealMessage(utf8('still here')));
    expect(victim.messages).toEqual(['still here']);
    expect(clock.pendingTimers).toBeLessThan(MAX_TIMERS);
    session.close();
    peer.stop();
    clock.advance(120_000);
    expect(clock.pendingTimers).toBe(0);
  });
});

test('the same over and over is counted each time and adds up to nothing', () => {
  const { victim, peer, clock } = openStage();
  const { chain } = victim.identity;
  const { counters } = victim.session;
  const last = PACKET_ROWS.map(({ packets }) => packets(peer, chain).at(-1) ?? new Uint8Array());
  for (const packet of last) victim.session.receive(Uint8Array.from(packet));
  const before = sum(counters.drops.values());
  for (let i = 0; i < 100; i++) {
    for (const packet of last) victim.session.receive(Uint8Array.from(packet));
  }
  expect(sum(counters.drops.values())).toBe(before + 100 * last.length);
  expect(victim.events).toEqual(['opened']);
  expect(clock.pendingTimers).toBeLessThan(MAX_TIMERS);
  victim.session.receive(peer.sealMessage(utf8('still here')));
  expect(victim.messages).toEqual(['still here']);
});

function sum(counts: Iterable<number>): number {
  return [...counts].reduce((total, count) => total + count, 0);
}
