import { EventEmitter } from 'node:events';

import type { UdxStream } from 'udx-native';
import { expect, test } from 'vitest';

import { DirectLink } from '../../../src/daemon/links/direct-link.ts';
import type { UdpPort } from '../../../src/daemon/links/udp-port.ts';
import type { UdxCounters } from '../../../src/daemon/links/udx-load.ts';
import { ManualClock } from '../../support/manual-clock.ts';

/** UDX as the link sees it, with a round trip of 40 ms. */
class FakeStream extends EventEmitter implements UdxCounters {
  bbrState = 2;
  bytesTransmitted = 0;
  inflight = 0;
  packetsTransmitted = 0;
  retransmits = 0;
  rtt = 40;
  hasRoom = true;
  readonly written: Uint8Array[] = [];

  write(bytes: Uint8Array): boolean {
    this.written.push(Uint8Array.from(bytes));
    return this.hasRoom;
  }

  end(): void {
    this.emit('close');
  }

  destroy(): void {
    this.emit('close');
  }

  /** The packets in each write, which are of one byte, by that. */
  get packets(): number[][] {
    return this.written.map((bytes) => {
      const packets: number[] = [];
      for (let at = 0; at < bytes.length; at += 4) packets.push(bytes[at + 3] ?? NaN);
      return packets;
    });
  }
}

function newLink(): { clock: ManualClock; udx: FakeStream; link: DirectLink; ends: string[] } {
  const clock = new ManualClock();
  const udx = new FakeStream();
  const ends: string[] = [];
  const port = { connect: () => udx as unknown as UdxStream } as unknown as UdpPort;
  const link = new DirectLink({
    ...{ port, clock, base: 'v4', localId: 1, remoteId: 2 },
    remote: { host: '127.0.0.1', port: 9 },
    handlers: {
      packet: () => undefined,
      closed: (reason) => {
        ends.push(reason);
      },
    },
  });
  return { clock, udx, link, ends };
}

function send(link: DirectLink, ...bytes: number[]): void {
  for (const byte of bytes) link.send(Uint8Array.of(byte));
}

test('each packet is a write of its own, but not while UDX probes the round trip', () => {
  const { clock, udx, link } = newLink();
  send(link, 1, 2);
  expect(udx.packets).toEqual([[1], [2]]);
  udx.bbrState = 3;
  send(link, 3, 4, 5);
  expect(udx.packets).toEqual([[1], [2], [3]]);
  expect(link.load?.isResting).toBe(true);
  clock.advance(10);
  expect(udx.packets.slice(3)).toEqual([[4, 5]]);
  send(link, 6, 7);
  expect(udx.packets.slice(4)).toEqual([]);
  // It is over before they would have gone.
  udx.bbrState = 2;
  send(link, 8);
  clock.advance(10);
  expect(udx.packets.slice(4)).toEqual([[6], [7], [8]]);
  send(link, 9);
  expect(udx.packets.slice(7)).toEqual([[9]]);
});

test('what is gathered waits for room, counts as under way, and keeps its order', () => {
  const { clock, udx, link } = newLink();
  udx.bbrState = 3;
  udx.inflight = 100;
  udx.hasRoom = false;
  send(link, 1, 2, 3);
  expect(link.load?.underWayBytes).toBe(100 + 12);
  clock.advance(10);
  expect(udx.packets).toEqual([[1]]);
  send(link, 4);
  udx.hasRoom = true;
  udx.emit('drain');
  clock.advance(10);
  expect(udx.packets.flat()).toEqual([1, 2, 3, 4]);
});

test('close sends what was gathered; an end forgets it, with its timer', async () => {
  const closed = newLink();
  closed.udx.bbrState = 3;
  send(closed.link, 1, 2, 3);
  await closed.link.close();
  expect(closed.udx.packets.flat()).toEqual([1, 2, 3]);
  const ended = newLink();
  ended.udx.bbrState = 3;
  send(ended.link, 1, 2, 3);
  ended.udx.emit('end');
  expect(ended.ends).toEqual(['peer_closed']);
  ended.clock.advance(1000);
  expect(ended.udx.packets).toEqual([[1]]);
  expect(closed.clock.pendingTimers).toBe(0);
  expect(ended.clock.pendingTimers).toBe(0);
});
