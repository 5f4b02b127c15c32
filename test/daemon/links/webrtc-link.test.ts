import { afterEach, expect, test } from 'vitest';

import { toHex } from '../../../src/base/bytes.ts';
import { WebRtcProcess } from '../../../src/daemon/links/webrtc-process.ts';
import { MIN_LINK_PACKET_BYTES } from '../../../src/session/packet.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { until } from './until.ts';
import { connectedEnds, newProcess, twoEnds, WebRtcEnd } from './webrtc-pair.ts';

/** The promise is about 100 (`PILOT_WEBRTC_CONNECTS=100`). */
const CONNECTS = Number(process.env['PILOT_WEBRTC_CONNECTS'] ?? 10);
const random = seededRandom(7);

const processes: WebRtcProcess[] = [];

afterEach(async () => {
  await Promise.all(processes.splice(0).map(async (one) => one.stop()));
});

function twoProcesses(): [WebRtcProcess, WebRtcProcess] {
  const [alices, bobs] = [newProcess(), newProcess()];
  processes.push(alices, bobs);
  return [alices, bobs];
}

test('packets of every size arrive in order, both ways', async () => {
  const [alice, bob] = await connectedEnds(...twoProcesses());
  const packets = [1, 2, 1200, 65_533, 65_534, 200_000, MIN_LINK_PACKET_BYTES, 3].map((length) =>
    random(length),
  );
  for (const packet of packets) alice.link.send(packet);
  bob.link.send(Buffer.from('back'));
  await until('all of them', () => bob.packets.length === packets.length);
  await until('the other way', () => alice.packets.length === 1);
  expect(bob.packets.map(toHex)).toEqual(packets.map(toHex));
  expect(alice.link.packetsLost).toBe(0);
});

test(`${CONNECTS} connects, none of which loses a second`, async () => {
  const [alices, bobs] = twoProcesses();
  await connectedEnds(alices, bobs); // starts the processes
  const timesMs: number[] = [];
  for (let i = 0; i < CONNECTS; i++) {
    const startMs = performance.now();
    const [alice, bob] = await connectedEnds(alices, bobs);
    timesMs.push(performance.now() - startMs);
    await alice.link.close();
    await until('the peer knows', () => bob.ends.length === 1);
  }
  expect(Math.max(...timesMs)).toBeLessThan(1000);
}, 60_000);

test('more than the channel takes waits, is bounded, and arrives in order', async () => {
  const [alice, bob] = await connectedEnds(...twoProcesses());
  let next = 0;
  bob.onPacket = (packet) => {
    expect(Buffer.from(packet).readUInt32BE(0)).toBe(next);
    next += 1;
  };
  const count = 400;
  for (let i = 0; i < count; i++) {
    const packet = Buffer.alloc(60_000);
    packet.writeUInt32BE(i, 0);
    alice.link.send(packet);
  }
  const { packetsLost } = alice.link;
  // 24 MB offered at once: 8 MiB wait here, one with the child.
  expect(packetsLost).toBeGreaterThan(200);
  await until('what was taken', () => next === count - packetsLost);
});

test('SIGKILL of the process ends its links alone, and the next link starts another', async () => {
  const [alices, bobs] = twoProcesses();
  const [alice, bob] = await connectedEnds(alices, bobs);
  const [carol, dave] = await connectedEnds(...twoProcesses());
  const { pid } = alices;
  if (pid === undefined) throw new Error('no process');
  process.kill(pid, 'SIGKILL');
  await until('the end', () => alice.ends.length === 1);
  expect(alice.ends).toEqual(['process_ended']);
  expect(alices.pid).toBeUndefined();
  alice.link.send(Buffer.from('to nobody'));
  await bob.link.close();

  carol.link.send(Buffer.from('still here'));
  await until('others live', () => dave.packets.length === 1);
  const [again, peer] = await connectedEnds(alices, bobs);
  expect(alices.pid).not.toBe(pid);
  again.link.send(Buffer.from('anew'));
  await until('anew', () => peer.packets.length === 1);
});

test('what was sent last arrives, and the peer hears of the end', async () => {
  const [alice, bob] = await connectedEnds(...twoProcesses());
  const packets = [3000, 400_000, 5].map((length) => random(length));
  for (const packet of packets) alice.link.send(packet);
  await alice.link.close();
  await until('all of them', () => bob.packets.length === packets.length);
  expect(bob.packets.map(toHex)).toEqual(packets.map(toHex));
  await until('the end', () => bob.ends.length === 1);
  expect(bob.ends).toEqual(['channel_closed']);
  expect(alice.ends).toEqual([]);
});

test('over a path that takes nothing any more the end comes after a second', async () => {
  const [alice, bob] = await connectedEnds(...twoProcesses());
  alice.carries = () => false;
  bob.carries = () => false;
  for (let i = 0; i < 100; i++) alice.link.send(random(60_000));
  const startMs = performance.now();
  await alice.link.close();
  expect(performance.now() - startMs).toBeLessThan(1500);
});

test('DTLS that begins before the peer’s library hears loses no second', async () => {
  const [alice, bob] = twoEnds(...twoProcesses());
  bob.reach();
  await until('certificates', () => alice.fingerprints.length + bob.fingerprints.length === 2);
  const startMs = performance.now();
  alice.reach();
  await Promise.all([alice.opened, bob.opened]);
  expect(performance.now() - startMs).toBeLessThan(900);
});

test('a certificate that is not the one the peer told of is refused', async () => {
  const [alice, bob] = twoEnds(...twoProcesses());
  // Somebody else's.
  alice.link.accept('ab'.repeat(32));
  alice.reach();
  bob.reach();
  await until('the end', () => alice.ends.length === 1);
  expect(alice.ends).toEqual(['channel_closed']);
});

test('no process before it is needed, none a minute after the last link', async () => {
  const clock = new ManualClock();
  const lazy = newProcess(clock);
  processes.push(lazy);
  expect(lazy.pid).toBeUndefined();
  const end = new WebRtcEnd(lazy, true, clock);
  await until('a certificate', () => end.fingerprints.length > 0);
  expect(lazy.pid).toBeDefined();
  await end.link.close();
  clock.advance(59_999);
  expect(lazy.pid).toBeDefined();
  clock.advance(1);
  expect(lazy.pid).toBeUndefined();
  await lazy.stop();
  expect(end.ends).toEqual([]);
  expect(clock.pendingTimers).toBe(0);
});

test('a link that is wanted while the idle process ends gets another one', async () => {
  const clock = new ManualClock();
  const alices = newProcess(clock);
  processes.push(alices);
  const first = new WebRtcEnd(alices, true, clock);
  await until('a certificate', () => first.fingerprints.length > 0);
  const { pid } = alices;
  await first.link.close();
  clock.advance(60_000);
  const next = new WebRtcEnd(alices, true, clock);
  await until('a certificate or the end', () => next.fingerprints.length + next.ends.length > 0);
  expect(next.ends).toEqual([]);
  expect(alices.pid).not.toBe(pid);
  await Promise.all([alices.stop(), alices.stop()]);
  expect(next.ends).toEqual(['process_ended']);
  if (pid === undefined) throw new Error('no process');
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});

test('a peer that says nothing: over 10 s after there is a way to it', async () => {
  const clock = new ManualClock();
  const alices = newProcess(clock);
  processes.push(alices);
  const { link, ends, fingerprints } = new WebRtcEnd(alices, true, clock);
  await until('a certificate', () => fingerprints.length > 0);
  link.send(random(9));
  expect(link.packetsLost).toBe(1);
  clock.advance(20_000);
  link.use(() => undefined);
  clock.advance(9999);
  expect(ends).toEqual([]);
  clock.advance(1);
  expect(ends).toEqual(['timed_out']);
});

test('rubbish in place of DTLS ends nothing', async () => {
  const [alice, bob] = await connectedEnds(...twoProcesses());
  for (let length = 1; length < 1500; length += 7) {
    const rubbish = random(length);
    rubbish[0] = 20 + (length % 44);
    bob.link.receive(rubbish);
  }
  alice.link.send(random(30));
  await until('it arrives', () => bob.packets.length === 1);
  expect(bob.ends).toEqual([]);
});

test('a process that hangs is replaced', async () => {
  const clock = new ManualClock();
  const alices = newProcess(clock);
  processes.push(alices);
  const hung = new WebRtcEnd(alices, true, clock);
  await until('a certificate', () => hung.fingerprints.length > 0);
  const { pid } = alices;
  if (pid === undefined) throw new Error('no process');
  process.kill(pid, 'SIGSTOP');
  const closed = hung.link.close();
  clock.advance(1000);
  await closed;
  clock.advance(4000);
  await until('it is gone', () => alices.pid === undefined);
  const next = new WebRtcEnd(alices, true, clock);
  await until('a certificate', () => next.fingerprints.length > 0);
});

test('a program that is none: the link is told', async () => {
  const broken = new WebRtcProcess(new ManualClock(), '/nowhere/webrtc-child.js');
  const { ends } = new WebRtcEnd(broken, true);
  await until('the end', () => ends.length === 1);
  expect(ends).toEqual(['process_ended']);
});
