import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import path from 'node:path';

import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';

import { fromHex } from '../../../src/base/bytes.ts';
import type { HostFacts } from '../../../src/daemon/api/host-view.ts';
import { silentLog } from '../../../src/daemon/log/log.ts';
import { PilotIpcServer } from '../../../src/daemon/pilot-ipc/pilot-ipc-server.ts';
import type { PeerStream } from '../../../src/daemon/streams/stream-duplex.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { eventually } from '../../support/processes.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { FakeNode } from '../fake-node.ts';
import { type JoinedPorts, joinedPorts } from '../joined-ports.ts';
import { HexClient } from './ipc-fixture.ts';

vi.setConfig({ testTimeout: 60_000 });

let clock: ManualClock;
let joined: JoinedPorts;
let socketPath: string;
beforeEach(async () => {
  clock = new ManualClock();
  joined = await joinedPorts();
  const node = new FakeNode();
  [node.ports] = joined.ports;
  socketPath = path.join(temporaryFolder(), 'pilot.sock');
  const server = new PilotIpcServer({
    ...{ socketPath, node, clock, log: silentLog },
    host: { uptimeMs: () => 1000, publicKey: () => 'AAAA', version: '1' } as HostFacts,
    rotateKey: () => undefined,
  });
  onTestFinished(async () => {
    await server.stop();
    joined.close();
  });
  await server.start();
});

const connected = async (): Promise<HexClient> => HexClient.connect({ socketPath });
const HEALTH = '00000001 21';

async function answers(): Promise<boolean> {
  const client = await connected();
  const isAnswered = (await client.call(HEALTH)).startsWith('22');
  client.socket.destroy();
  return isAnswered;
}

/** The daemon reads no more of what it is sent. */
async function settled(socket: Socket): Promise<void> {
  let [left, times] = [-1, 0];
  await eventually('the daemon stops reading', () => {
    times = socket.writableLength === left ? times + 1 : 0;
    left = socket.writableLength;
    return times >= 8 ? true : undefined;
  });
}

test.each([
  ['4 GiB', 'ffffffff'],
  ['4 GiB of a Send', 'ffffffff 06 00000001'],
  ['a byte too many', '00100001 0d'],
  ['a Send longer than any file', '04000401 06 00000001'],
])('a frame of %s ends its client, and no other', async (_what, hex) => {
  const good = await connected();
  const bad = await connected();
  bad.send(hex);
  await bad.over();
  expect((await good.call(HEALTH)).startsWith('22')).toBe(true);
});

test('a frame of the largest length is read, in whatever pieces it comes', async () => {
  const client = await connected();
  const name = Buffer.alloc(1_048_575, 'n');
  client.send('00 10');
  client.send('00 00 11');
  for (let at = 0; at < name.length; at += 100_003) {
    client.socket.write(name.subarray(at, at + 100_003));
  }
  expect((await client.frame()).startsWith('0a0001')).toBe(true);
});

test.each(['00', '0000', '00000009 03 0000', '00000100 06 00', '00000100 06 00000001 aabb'])(
  'half a frame (%s) and no more ends its client',
  async (hex) => {
    const client = await connected();
    await client.call(HEALTH);
    client.send(hex);
    await eventually('the deadline runs', () => (clock.pendingTimers > 0 ? true : undefined));
    clock.advance(29_000);
    expect(client.socket.destroyed).toBe(false);
    clock.advance(2000);
    await client.over();
    expect(await answers()).toBe(true);
  },
);

test('random bytes end a client or are answered; the daemon goes on', async () => {
  const random = seededRandom(21);
  for (let round = 0; round < 50; round++) {
    const client = await connected();
    client.socket.end(random(1 + (random(1)[0] ?? 0)));
    client.socket.resume();
    await client.over();
  }
  expect(await answers()).toBe(true);
});

test('a client that never reads is disconnected, its memory is bounded, others are served', async () => {
  const client = await connected();
  client.socket.pause();
  // Each is answered by a few hundred bytes.
  for (let i = 0; i < 20_000; i++) client.send(HEALTH);
  await eventually('nothing more fits', () => (clock.pendingTimers > 0 ? true : undefined));
  expect(await answers()).toBe(true);
  clock.advance(10_001);
  client.socket.resume();
  await client.over();
});

test('a peer that takes nothing stops its client, and loses the stream in the end', async () => {
  const [, theirs] = joined.ports;
  theirs.listen(9, (incoming) => {
    incoming.accept();
  });
  const client = await connected();
  const id = (await client.call('00000009 03 0000 00000010 0009')).slice(2);
  const head = Buffer.from(`00010005 06 ${id}`.replaceAll(' ', ''), 'hex');
  for (let i = 0; i < 128; i++) client.socket.write(Buffer.concat([head, Buffer.alloc(65_536)]));
  await settled(client.socket);
  expect(client.socket.writableLength).toBeGreaterThan(4_000_000);
  clock.advance(120_001);
  expect(await client.frame()).toBe(`09${id}`);
});

test('Sends of a byte each to a peer that takes nothing stop their client long before they are a MiB', async () => {
  const [, theirs] = joined.ports;
  theirs.listen(9, (incoming) => {
    incoming.accept();
  });
  const client = await connected();
  const id = (await client.call('00000009 03 0000 00000010 0009')).slice(2);
  // More than the windows on the way hold.
  const head = Buffer.from(`00030005 06 ${id}`.replaceAll(' ', ''), 'hex');
  client.socket.write(Buffer.concat([head, Buffer.alloc(0x30000)]));
  const send = Buffer.from(`00000006 06 ${id} aa`.replaceAll(' ', ''), 'hex');
  for (let i = 0; i < 100; i++) client.socket.write(Buffer.alloc(1000 * send.length, send));
  await settled(client.socket);
  expect(client.socket.writableLength).toBeGreaterThan(400_000);
  clock.advance(120_001);
  expect(await client.frame()).toBe(`09${id}`);
});

test('what was sent before a Close arrives, however often the client closes', async () => {
  const [, theirs] = joined.ports;
  const taken: PeerStream[] = [];
  theirs.listen(9, (incoming) => {
    const stream = incoming.accept();
    if (stream !== undefined) taken.push(stream);
  });
  const client = await connected();
  const id = (await client.call('00000009 03 0000 00000010 0009')).slice(2);
  const [stream] = taken;
  if (stream === undefined) throw new Error('nothing was dialled');
  const head = Buffer.from(`00080005 06 ${id}`.replaceAll(' ', ''), 'hex');
  client.socket.write(Buffer.concat([head, Buffer.alloc(0x80000)]));
  for (let times = 0; times < 3; times++) {
    expect(await client.call(`00000005 08 ${id}`)).toBe(`09${id}`);
  }
  let bytes = 0;
  for await (const chunk of stream) bytes += (chunk as Buffer).length;
  expect(bytes).toBe(0x80000);
  // Then it is nobody's, and closing it is still no error.
  stream.end();
  await eventually('it is over', () => joined.ports[0].openCount === 0 || undefined);
  expect(await client.call(`00000005 08 ${id}`)).toBe(`09${id}`);
});

test('a connection that is ended before its client hears of it ends for that client, too', async () => {
  const [ours, theirs] = joined.ports;
  const client = await connected();
  expect(await client.call('00000003 01 0005')).toBe('020005');
  await theirs.dial('peer', 5);
  const id = [...ours.open.keys()].map((key) => key.toString(16).padStart(8, '0')).join();
  const other = await connected();
  expect(await other.call(`00000005 08 ${id}`)).toBe(`09${id}`);
  clock.advance(20);
  expect((await client.frame()).startsWith(`050005${id}`)).toBe(true);
  clock.advance(20);
  expect(await client.frame()).toBe(`09${id}`);
});

/** In portions, as many as the system lets wait to be accepted. */
async function crowd(count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const more = Array.from({ length: Math.min(32, count - sockets.length) }, () =>
      connect(socketPath),
    );
    for (const socket of more) socket.on('error', () => undefined);
    await Promise.all(more.map(async (socket) => once(socket, 'connect')));
    // Connected is not accepted yet; answered is.
    const answered = more.map(async (socket) => once(socket, 'data'));
    for (const socket of more) socket.write(fromHex('0000000121'));
    await Promise.all(answered);
    sockets.push(...more);
  }
  return sockets;
}

test('1,000 clients leave room for another one, and nothing behind', async () => {
  const sockets = await crowd(1000);
  expect(await answers()).toBe(true);
  for (const socket of sockets) socket.destroy();
  for (const socket of await crowd(1000)) socket.destroy();
  expect(await answers()).toBe(true);
});

test('more clients than may be are turned away', async () => {
  const sockets = await crowd(1024);
  const one = connect(socketPath);
  one.on('error', () => undefined);
  one.resume();
  await once(one, 'close');
  for (const socket of sockets) socket.destroy();
  await eventually('there is room again', async () =>
    (await answers().catch(() => false)) ? true : undefined,
  );
});

test.runIf(process.getuid?.() === 0)('another user is kept out', () => {
  expect(statSync(socketPath).mode & 0o777).toBe(0o600);
  // So that it is the socket, and not its folder, that keeps them out.
  chmodSync(path.dirname(socketPath), 0o755);
  const script = `const s = require('node:net').connect(${JSON.stringify(socketPath)});
    s.on('connect', () => { console.log('connected'); s.destroy(); });
    s.on('error', (error) => { console.log(error.code); });`;
  const options = { uid: 65_534, gid: 65_534, encoding: 'utf8', cwd: '/' } as const;
  const { stdout } = spawnSync(process.execPath, ['-e', script], options);
  expect(stdout.trim()).toBe('EACCES');
});
