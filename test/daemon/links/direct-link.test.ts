import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

import UDX from 'udx-native';
import { afterEach, expect, test } from 'vitest';

import { toHex } from '../../../src/base/bytes.ts';
import type { Clock } from '../../../src/base/clock.ts';
import { systemClock } from '../../../src/base/system-clock.ts';
import { DirectLink, type DirectLinkEnd } from '../../../src/daemon/links/direct-link.ts';
import { LENGTH_BYTES, writeLength } from '../../../src/daemon/links/frame-reader.ts';
import type { Base, UdpPort } from '../../../src/daemon/links/udp-port.ts';
import { MIN_LINK_PACKET_BYTES } from '../../../src/session/packet.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { DirectPair, endpointOf, openPort } from './direct-ends.ts';
import { until } from './until.ts';

const BODY_BYTES = 64 * 1024;

function encodeLength(length: number): Uint8Array {
  const bytes = new Uint8Array(LENGTH_BYTES);
  writeLength(bytes, length);
  return bytes;
}

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

class LinkEnd {
  readonly packets: Uint8Array[] = [];
  readonly ends: DirectLinkEnd[] = [];
  readonly link: DirectLink;

  constructor(options: {
    port: UdpPort;
    base: Base;
    remote: { host: string; port: number };
    ids: readonly [number, number];
    clock?: Clock;
  }) {
    const { port, base, remote, ids, clock = systemClock } = options;
    this.link = new DirectLink({
      ...{ port, base, remote, clock, localId: ids[0], remoteId: ids[1] },
      handlers: {
        packet: (packet) => this.packets.push(packet),
        closed: (reason) => this.ends.push(reason),
      },
    });
  }
}

function newPort(): UdpPort {
  const port = openPort();
  cleanUps.push(async () => port.close());
  return port;
}

function twoLinks(base: Base = 'v4'): { alice: LinkEnd; bob: LinkEnd; ports: [UdpPort, UdpPort] } {
  const ports: [UdpPort, UdpPort] = [newPort(), newPort()];
  const [one, two] = ports;
  const alice = new LinkEnd({ port: one, base, remote: endpointOf(two, base), ids: [1, 2] });
  const bob = new LinkEnd({ port: two, base, remote: endpointOf(one, base), ids: [2, 1] });
  return { alice, bob, ports };
}

async function boundSocket(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  cleanUps.push(() => socket.close());
  return socket;
}

test.each(['v4', 'v6'] as const)('packets of every size arrive in order over %s', async (base) => {
  const { alice, bob } = twoLinks(base);
  const packets = [1, 2, 1200, 4095, 4096, 65_536, MIN_LINK_PACKET_BYTES, 3].map((length) =>
    randomBytes(length),
  );
  for (const packet of packets) alice.link.send(packet);
  bob.link.send(Buffer.from('back'));
  await until('all of them', () => bob.packets.length === packets.length);
  await until('the other way', () => alice.packets.length === 1);
  expect(bob.packets.map(toHex)).toEqual(packets.map(toHex));
  expect(alice.link.rttMs ?? 0).toBeLessThan(1000);
  expect([...alice.ends, ...bob.ends]).toEqual([]);
});

test('what was sent before close arrives, and the peer learns of the end', async () => {
  const { alice, bob } = twoLinks();
  bob.link.send(Buffer.from('hello'));
  await until('hello', () => alice.packets.length === 1);
  for (let i = 0; i < 50; i++) alice.link.send(Buffer.alloc(BODY_BYTES, i));
  alice.link.send(Buffer.from('last'));
  await alice.link.close();
  await alice.link.close();
  alice.link.send(Buffer.from('too late'));
  await until('the end', () => bob.ends.length === 1);
  expect(bob.ends).toEqual(['peer_closed']);
  expect(Buffer.from(bob.packets.at(-1) ?? []).toString()).toBe('last');
  expect(bob.packets).toHaveLength(51);
  expect(alice.ends).toEqual([]);
  expect(alice.link.rttMs).toBeUndefined();
});

test('a port that closes while a link sends ends the link, at once', async () => {
  const { alice, bob, ports } = twoLinks();
  for (let i = 0; i < 50; i++) alice.link.send(Buffer.alloc(BODY_BYTES));
  await until('something has arrived', () => bob.packets.length > 0);
  await ports[0].close();
  expect(alice.ends).toEqual(['port_closed']);
  await until('the peer knows', () => bob.ends.length === 1);
  expect(bob.ends).toEqual(['peer_closed']);
});

test('nobody there: what waits is bounded, close takes a second', async () => {
  const silent = await boundSocket();
  const clock = new ManualClock();
  const remote = { host: '127.0.0.1', port: silent.address().port };
  const { link, ends } = new LinkEnd({ port: newPort(), base: 'v4', remote, ids: [1, 2], clock });
  const packet = Buffer.alloc(BODY_BYTES);
  for (let sent = 0; sent < 256; sent++) link.send(packet);
  // 16 MiB offered: 8 MiB wait, and what UDX took before it said stop.
  expect(link.packetsLost).toBeGreaterThan(120);
  const closed = link.close();
  clock.advance(1000);
  await closed;
  expect(ends).toEqual([]);
  expect(clock.pendingTimers).toBe(0);
});

test('no socket of that family, no address: refused when it is made', () => {
  const port = newPort();
  const remote = { host: '127.0.0.1', port: 9 };
  expect(() => new LinkEnd({ port, base: 'v6', remote, ids: [1, 2] })).toThrow('no socket v6');
  expect(() => new LinkEnd({ port, base: 'punch-9', remote, ids: [1, 2] })).toThrow('no socket');
});

test.each([
  ['0', encodeLength(0)],
  ['one more than there can be', encodeLength(MIN_LINK_PACKET_BYTES + 1)],
])('a frame of length %s ends the link', async (_what, bytes) => {
  const udx = new UDX();
  const socket = udx.createSocket();
  socket.bind(0, '127.0.0.1');
  const from = socket.address();
  const port = newPort();
  const remote = { host: '127.0.0.1', port: from?.port ?? 0 };
  const { packets, ends } = new LinkEnd({ port, base: 'v4', remote, ids: [1, 2] });
  const stream = udx.createStream(2);
  stream.on('error', () => undefined);
  stream.connect(socket, 1, port.portOf('v4') ?? 0, '127.0.0.1');
  stream.write(Buffer.from('0100000a', 'hex'));
  stream.write(bytes);
  stream.write(Buffer.from('0100000b', 'hex'));
  await until('the end', () => ends.length === 1);
  expect(ends).toEqual(['bad_frame']);
  expect(packets.map(toHex)).toEqual(['0a']);
  stream.destroy();
  await socket.close();
});

/** A packet of UDX: magic, version, type (1: data, 16: destroy), data offset, id, window, sequence, ack. */
function udxPacket(type: number, id: number, sequence: number, data: Uint8Array): Buffer {
  const head = Buffer.alloc(20);
  head.set([0xff, 0x01, type, 0]);
  for (const [i, value] of [id, 2 ** 20, sequence, 0].entries()) {
    head.writeUInt32LE(value, 4 + 4 * i);
  }
  return Buffer.concat([head, data]);
}

test('a stranger who does not know the ids changes nothing', async () => {
  const { alice, bob, ports } = twoLinks();
  const stranger = await boundSocket();
  const to = ports[1].portOf('v4') ?? 0;
  const count = 300;
  for (let i = 0; i < count; i++) {
    const bytes = i % 3 === 0 ? randomBytes(1 + i) : udxPacket(i % 64, 1000 + i, i, randomBytes(i));
    stranger.send(bytes, to, '127.0.0.1');
    if (i % 20 === 0) alice.link.send(Buffer.from([i]));
    await until('taken in', () => ports[1].traffic.packetsReceived > i);
  }
  await until('ours', () => bob.packets.length === 15);
  expect(bob.ends).toEqual([]);
});

test('somebody on the path ends the link; the session goes on over the next', async () => {
  const pair = await new DirectPair().open();
  cleanUps.push(async () => pair.stop());
  const { alice, bob } = pair;
  const forger = await boundSocket();
  const to = bob.port.portOf('v4') ?? 0;
  for (const [type, rubbish] of [
    [1, encodeLength(0)],
    [16, new Uint8Array()],
  ] as const) {
    const id = bob.port.newStreamId(randomBytes);
    const link = bob.connect('v4', endpointOf(alice.port, 'v4'), [id, 1]);
    bob.session.setLink(link);
    forger.send(udxPacket(type, id, 0, rubbish), to, '127.0.0.1');
    const before = bob.ends.length;
    await until('the end', () => bob.ends.length > before);
    expect(bob.ends.at(-1)).toBe(type === 1 ? 'bad_frame' : 'peer_closed');

    const messages = bob.receivedMessages;
    alice.session.send(Buffer.from('still there?'));
    pair.connect();
    await until('a message', () => bob.receivedMessages === messages + 1);
  }
});

test('rubbish in a frame is the session’s to count; the link lives', async () => {
  const pair = await new DirectPair().open();
  cleanUps.push(async () => pair.stop());
  const { alice, bob } = pair;
  for (let length = 1; length < 100; length++) alice.link?.send(randomBytes(length));
  alice.session.send(Buffer.from('and this'));
  await until('the message', () => bob.receivedMessages === 1);
  const dropped = [...bob.session.counters.drops.values()].reduce((sum, count) => sum + count, 0);
  expect(dropped).toBe(99);
  expect(bob.ends).toEqual([]);
});

test('to another socket and back while it sends: the last path asked for wins', async () => {
  const { alice, bob, ports } = twoLinks();
  const [aliceExtra] = ports[0].openExtra(1);
  const [bobExtra] = ports[1].openExtra(1);
  if (aliceExtra === undefined || bobExtra === undefined) throw new Error('no sockets');
  const packets = Array.from({ length: 200 }, (_, i) => Buffer.alloc(20_000, i));
  const paths: [Base, Base][] = [
    ['v4', bobExtra],
    [aliceExtra, bobExtra],
    [aliceExtra, 'v4'],
    ['v4', 'v4'],
  ];
  for (const [i, packet] of packets.entries()) {
    alice.link.send(packet);
    if (i % 50 !== 25) continue;
    await until('most of it', () => bob.packets.length > i - 20);
    for (const [alicesBase, bobsBase] of paths) {
      expect(alice.link.changeRemote(alicesBase, endpointOf(ports[1], bobsBase))).toBe(true);
      expect(bob.link.changeRemote(bobsBase, endpointOf(ports[0], alicesBase))).toBe(true);
    }
  }
  await until('all of it', () => bob.packets.length === packets.length);
  expect(bob.packets.map((packet) => packet[0])).toEqual(packets.map((packet) => packet[0]));
  expect(alice.link.path).toEqual({ base: 'v4', remote: endpointOf(ports[1], 'v4') });
  expect([...alice.ends, ...bob.ends]).toEqual([]);
});

test('a path that cannot be is refused, and the link stays where it is', async () => {
  const { alice, bob, ports } = twoLinks();
  expect(alice.link.changeRemote('punch-3', endpointOf(ports[1], 'v4'))).toBe(false);
  expect(alice.link.changeRemote('v6', endpointOf(ports[1], 'v4'))).toBe(false);
  expect(alice.link.changeRemote('v6', endpointOf(ports[1], 'v6'))).toBe(false);
  alice.link.send(Buffer.from('x'));
  await until('x', () => bob.packets.length === 1);
});

test('a change away from a dead path ends the link instead of waiting for UDX', async () => {
  const silent = await boundSocket();
  const [one, two] = [newPort(), newPort()];
  const clock = new ManualClock();
  const remote = { host: '127.0.0.1', port: silent.address().port };
  const alice = new LinkEnd({ port: one, base: 'v4', remote, ids: [1, 2], clock });
  const arrived = once(silent, 'message');
  alice.link.send(Buffer.from('under way'));
  await arrived;
  alice.link.changeRemote('v4', endpointOf(two, 'v4'));
  alice.link.changeRemote('v4', { host: '127.0.0.1', port: 9 });
  clock.advance(2999);
  expect(alice.ends).toEqual([]);
  clock.advance(1);
  expect(alice.ends).toEqual(['change_failed']);
  expect(alice.link.changeRemote('v4', endpointOf(two, 'v4'))).toBe(false);
  expect(clock.pendingTimers).toBe(0);
});
