import { createSocket } from 'node:dgram';
import { once } from 'node:events';

import { afterEach, expect, test } from 'vitest';

import type { Endpoint } from '../../../src/base/endpoint.ts';
import {
  type Base,
  MAX_EXTRA_SOCKETS,
  UdpPort,
  type UdpPortOptions,
} from '../../../src/daemon/links/udp-port.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { until } from './until.ts';

interface Heard {
  readonly text: string;
  readonly base: Base;
  readonly from: Endpoint;
}

class Listener {
  readonly heard: Heard[] = [];
  readonly port: UdpPort;

  constructor(options: Partial<UdpPortOptions> = {}) {
    this.port = new UdpPort({
      port: 0,
      interfaces: 'loopback',
      datagram: (bytes, base, from) => {
        this.heard.push({ text: Buffer.from(bytes).toString(), base, from });
      },
      ...options,
    });
    open.push(this);
  }

  endpoint(base: Base): Endpoint {
    return {
      host: base === 'v6' ? '::1' : '127.0.0.1',
      port: this.port.portOf(base) ?? 0,
    };
  }
}

const open: Listener[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map(async ({ port }) => port.close()));
});

const text = (words: string): Uint8Array => Buffer.from(words);

test.each(['v4', 'v6'] as const)('datagrams both ways over %s', async (base) => {
  const [alice, bob] = [new Listener(), new Listener()];
  alice.port.send(text('hello'), base, bob.endpoint(base));
  await until('hello', () => bob.heard.length === 1);
  expect(bob.heard).toEqual([{ text: 'hello', base, from: alice.endpoint(base) }]);

  bob.port.send(text('and back'), base, alice.endpoint(base));
  await until('and back', () => alice.heard.length === 1);
  expect(alice.port.counters).toEqual({
    datagramsReceived: 1,
    datagramsSent: 1,
    datagramsDropped: 0,
    strayPackets: 0,
  });
  expect(alice.port.traffic).toEqual({
    bytesSent: 5,
    bytesReceived: 8,
    packetsSent: 1,
    packetsReceived: 1,
  });
});

test('both families have the same port, and have it again after a restart', async () => {
  const first = new Listener();
  const port = first.port.portOf('v4') ?? 0;
  expect(port).toBeGreaterThan(0);
  expect(first.port.portOf('v6')).toBe(port);
  await first.port.close();
  const second = new Listener({ port });
  expect(second.port.portOf('v4')).toBe(port);
  expect(second.port.portOf('v6')).toBe(port);
});

test('a port that is taken: another one, and it says which', () => {
  const first = new Listener();
  const taken = first.port.portOf('v4') ?? 0;
  const second = new Listener({ port: taken });
  expect(second.port.bases).toEqual(['v4', 'v6']);
  expect(second.port.portOf('v4')).not.toBe(taken);
});

test.each(['v4', 'v6'] as const)('a host with %s alone', (family) => {
  const { port } = new Listener({ families: [family] });
  expect(port.bases).toEqual([family]);
  expect(port.reaches('v4', { host: '127.0.0.1', port: 9 })).toBe(family === 'v4');
  expect(port.reaches('v6', { host: '::1', port: 9 })).toBe(family === 'v6');
});

test('a host without either family is told', () => {
  expect(() => new Listener({ families: [] })).toThrow('no UDP socket can be opened');
});

test('every interface is listened on', async () => {
  const { heard, port } = new Listener({ interfaces: 'every' });
  const other = createSocket('udp4');
  other.send('x', port.portOf('v4') ?? 0, '127.0.0.2');
  await until('x', () => heard.length === 1);
  other.close();
});

test.each<[string, Base, Endpoint]>([
  ['a base that there is not', 'punch-0', { host: '127.0.0.1', port: 9 }],
  ['another family', 'v6', { host: '127.0.0.1', port: 9 }],
  ['a name', 'v4', { host: 'localhost', port: 9 }],
  ['no port', 'v4', { host: '127.0.0.1', port: 0 }],
  ['a port that is none', 'v4', { host: '127.0.0.1', port: 65_536 }],
  ['an address with a long zone', 'v6', { host: `fe80::1%${'z'.repeat(60)}`, port: 9 }],
])('sending to %s is counted and does not throw', (_what, base, to) => {
  const { port } = new Listener();
  port.send(text('x'), base, to);
  expect(port.counters.datagramsDropped).toBe(1);
});

test('what the system refuses does not throw either', async () => {
  const { port } = new Listener();
  port.send(new Uint8Array(70_000), 'v4', { host: '127.0.0.1', port: 9 });
  port.send(text('x'), 'v4', { host: '255.255.255.255', port: 9 });
  port.send(text('x'), 'v4', { host: '127.0.0.1', port: 9 });
  const { counters } = port;
  await until('all have left', () => counters.datagramsSent + counters.datagramsDropped === 3);
});

test('too many datagrams at once are dropped, and later ones go out', async () => {
  const { port } = new Listener();
  const sink = new Listener();
  for (let i = 0; i < 3000; i++) port.send(text('x'), 'v4', sink.endpoint('v4'));
  const { counters } = port;
  expect(counters.datagramsDropped).toBe(3000 - 1024);
  await until('the others have left', () => counters.datagramsSent === 1024);
  port.send(text('last'), 'v4', sink.endpoint('v4'));
  await until('last', () => sink.heard.some((one) => one.text === 'last'));
});

test('rubbish: handed out unless it looks like UDX', async () => {
  const { port, heard } = new Listener();
  const stranger = createSocket('udp4');
  const to = port.portOf('v4') ?? 0;
  const random = seededRandom(3);
  let udxLike = 0;
  for (let length = 1; length <= 200; length++) {
    const bytes = random(length);
    bytes[0] = 0x02;
    if (length % 2 === 0) {
      bytes.set([0xff, 0x01]);
      udxLike += 1;
    }
    stranger.send(bytes, to, '127.0.0.1');
    if (length % 50 === 0) await until('taken in', () => port.traffic.packetsReceived === length);
  }
  await until('all of it', () => port.traffic.packetsReceived === 200);
  expect(port.counters.strayPackets).toBe(udxLike);
  expect(heard).toHaveLength(200 - udxLike);
  stranger.close();
});

test('extra sockets: each with a port of its own, bounded, closed together', async () => {
  const { port, heard } = new Listener({ families: ['v4'] });
  const bases = port.openExtra(3);
  expect(bases).toEqual(['punch-0', 'punch-1', 'punch-2']);
  const ports = new Set([...bases, 'v4' as const].map((base) => port.portOf(base)));
  expect(ports.size).toBe(4);

  const sink = createSocket('udp4');
  sink.bind(0, '127.0.0.1');
  await once(sink, 'listening');
  port.send(text('punch'), 'punch-1', { host: '127.0.0.1', port: sink.address().port });
  const [, from] = (await once(sink, 'message')) as [Buffer, { port: number }];
  expect(from.port).toBe(port.portOf('punch-1'));
  sink.send('back', from.port, '127.0.0.1');
  await until('back', () => heard.length === 1);
  expect(heard[0]).toMatchObject({ text: 'back', base: 'punch-1' });
  sink.close();

  expect(port.openExtra(1000)).toHaveLength(MAX_EXTRA_SOCKETS - 3);
  expect(port.openExtra(1)).toEqual([]);
  port.closeExtra(port.bases.filter((base) => base !== 'punch-1'));
  expect(port.bases).toEqual(['v4', 'punch-1']);
  const next = port.openExtra(1000);
  expect(next).toHaveLength(MAX_EXTRA_SOCKETS - 1);
  port.closeExtra(next);
  expect(port.bases).toEqual(['v4', 'punch-1']);
  port.closeExtra(['punch-1', 'punch-1', 'punch-9999']);
  expect(port.bases).toEqual(['v4']);
  expect(port.traffic.packetsSent).toBe(1);
});

test('no extra sockets without IPv4, and none when closed', async () => {
  const { port } = new Listener({ families: ['v6'] });
  expect(port.openExtra(1)).toEqual([]);
  const other = new Listener();
  await other.port.close();
  expect(other.port.openExtra(1)).toEqual([]);
});

test('closed: nothing is heard or sent any more, and closing twice is harmless', async () => {
  const { port, heard } = new Listener();
  await port.close();
  await port.close();
  port.send(text('x'), 'v4', { host: '127.0.0.1', port: 9 });
  expect(port.counters.datagramsDropped).toBe(1);
  expect(port.bases).toEqual([]);
  expect(heard).toEqual([]);
});
