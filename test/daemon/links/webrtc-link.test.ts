import { randomBytes } from 'node:crypto';

import { afterEach, expect, test } from 'vitest';

import { toHex } from '../../../src/base/bytes.ts';
import { candidateHost } from '../../../src/daemon/links/webrtc-link.ts';
import { WebRtcProcess } from '../../../src/daemon/links/webrtc-process.ts';
import { MIN_LINK_PACKET_BYTES } from '../../../src/session/packet.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { until } from './until.ts';
import { connectedEnds, newProcess, WebRtcEnd } from './webrtc-pair.ts';

/** The promise is about 100 (`PILOT_WEBRTC_CONNECTS=100`). */
const CONNECTS = Number(process.env['PILOT_WEBRTC_CONNECTS'] ?? 10);

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
    randomBytes(length),
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
    alice.link.close();
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
  expect(alice.ends).toEqual(['the WebRTC process ended (SIGKILL)']);
  expect(alices.pid).toBeUndefined();
  alice.link.send(Buffer.from('to nobody'));
  bob.link.close();

  carol.link.send(Buffer.from('still here'));
  await until('others live', () => dave.packets.length === 1);
  const [again, peer] = await connectedEnds(alices, bobs);
  expect(alices.pid).not.toBe(pid);
  again.link.send(Buffer.from('anew'));
  await until('anew', () => peer.packets.length === 1);
});

test('no process before it is needed, none a minute after the last link', async () => {
  const clock = new ManualClock();
  const lazy = newProcess(clock);
  processes.push(lazy);
  expect(lazy.pid).toBeUndefined();
  const end = new WebRtcEnd(lazy, 'offer', clock);
  await until('an offer', () => end.descriptions.length > 0);
  expect(lazy.pid).toBeDefined();
  end.link.close();
  clock.advance(59_999);
  expect(lazy.pid).toBeDefined();
  clock.advance(1);
  await until('it is gone', () => lazy.pid === undefined);
  expect(end.ends).toEqual([]);
  expect(clock.pendingTimers).toBe(0);
});

test('a peer that does not answer: over after 15 s', async () => {
  const clock = new ManualClock();
  const alices = newProcess();
  processes.push(alices);
  const { link, ends, descriptions } = new WebRtcEnd(alices, 'offer', clock);
  await until('an offer', () => descriptions.length > 0);
  link.send(Buffer.from('too early'));
  expect(link.packetsLost).toBe(1);
  clock.advance(15_000);
  expect(ends).toEqual(['no channel within 15 s']);
});

test('rubbish for a description or a candidate ends one link, not the process', async () => {
  const [alices] = twoProcesses();
  const long = new WebRtcEnd(alices, 'answer');
  long.link.setDescription('x'.repeat(20_000));
  expect(long.ends).toHaveLength(1);
  const rubbish = new WebRtcEnd(alices, 'answer');
  rubbish.link.setDescription('v=0 what?\r\n\0\xff');
  rubbish.link.addCandidate('candidate:1 1 udp 1 127.0.0.1 99999 typ nonsense');
  await until('the end', () => rubbish.ends.length === 1);
  const sound = new WebRtcEnd(alices, 'offer');
  await until('an offer', () => sound.descriptions.length > 0);
});

test('a program that is none: the link is told', async () => {
  const broken = new WebRtcProcess(new ManualClock(), '/nowhere/webrtc-child.js');
  const { ends } = new WebRtcEnd(broken, 'offer');
  await until('the end', () => ends.length === 1);
  expect(ends).toEqual(['the WebRTC process ended (1)']);
});

test.each([
  ['candidate:1 1 UDP 2122317823 192.0.2.1 40000 typ host', '192.0.2.1'],
  ['a=candidate:1 1 udp 1 2001:db8::1 40000 typ host', '2001:db8::1'],
  ['candidate:1 1 UDP 1 b1f0.local 40000 typ host', undefined],
  ['candidate:1 1 TCP 1 192.0.2.1 9 typ host tcptype active', undefined],
  ['candidate:1 1 UDP 1 192.0.2.1 port typ host', undefined],
  ['', undefined],
])('candidate %j', (line, host) => {
  expect(candidateHost(line)).toBe(host);
});

test('an endless candidate is none', () => {
  const line = `candidate:1 1 UDP 1 192.0.2.1 1 typ host ${'x'.repeat(600)}`;
  expect(candidateHost(line)).toBeUndefined();
});
