import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';

import { afterEach, expect, test, vi } from 'vitest';

import { silentLog } from '../../../src/daemon/log/log.ts';
import type { IncomingStream } from '../../../src/daemon/streams/incoming-stream.ts';
import type { PeerStream } from '../../../src/daemon/streams/stream-duplex.ts';
import { ReceiveWindow } from '../../../src/session/stream-windows.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { type Host, World } from '../world.ts';

// Megabytes are sealed and opened here; the machine may be busy with other tests.
vi.setConfig({ testTimeout: 60_000 });

const hosts: Host[] = [];
afterEach(async () => {
  for (const host of hosts.splice(0)) if (host.isRunning) await host.stop();
});

async function pair(): Promise<[World, Host, Host]> {
  const world = new World();
  const [alice, bob] = await world.pair();
  hosts.push(alice, bob);
  return [world, alice, bob];
}

function echo(incoming: IncomingStream): void {
  const stream = incoming.accept();
  stream?.pipe(stream);
}

async function textOf(stream: PeerStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

test('a stream is dialled, echoes, and ends', async () => {
  const [world, alice, bob] = await pair();
  const listener = bob.node.ports.listen(7, echo);
  expect(listener.port).toBe(7);
  const stream = await world.until(alice.node.ports.dial('bob', 7));
  expect([stream.peer, stream.remotePort, stream.isOutgoing]).toEqual([bob.key, 7, true]);
  expect(bob.node.ports.openCount).toBe(1);
  stream.end('hello');
  expect(await world.until(textOf(stream))).toBe('hello');
  await world.run(100);
  expect([alice.node.ports.openCount, bob.node.ports.openCount]).toEqual([0, 0]);
});

test('megabytes arrive as they were sent, also when the relay goes in between', async () => {
  const [world, alice, bob] = await pair();
  const hash = createHash('sha256');
  bob.node.ports.listen(9, (incoming) => {
    const stream = incoming.accept();
    stream?.on('data', (chunk: Buffer) => hash.update(chunk));
    stream?.once('end', () => stream.end('got it'));
  });
  const stream = await world.until(alice.node.ports.dial('bob', 9));
  const bytes = seededRandom(9)(5_000_000);
  const sent = pipeline([bytes], stream, { end: true });
  await world.run(30);
  alice.goOffline();
  await world.run(5000);
  alice.goOnline();
  const answered = textOf(stream);
  await world.until(Promise.all([sent, answered]));
  expect(await answered).toBe('got it');
  expect(hash.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
});

test('a reader that stops stops the writer', async () => {
  const [world, alice, bob] = await pair();
  let theirs: PeerStream | undefined;
  bob.node.ports.listen(9, (incoming) => {
    theirs = incoming.accept();
  });
  const stream = await world.until(alice.node.ports.dial('bob', 9));
  let written = 0;
  const write = (): void => {
    do written += 16_384;
    while (stream.write(Buffer.alloc(16_384)));
  };
  stream.on('drain', write);
  write();
  await world.run(20_000);
  expect(written).toBeLessThan(512 * 1024);
  const before = written;
  theirs?.resume();
  await world.run(1000);
  expect(written).toBeGreaterThan(before + 1_000_000);
});

test('dialling says at once why there is no stream', async () => {
  const [world, alice, bob] = await pair();
  const startMs = world.clock.monotonic();
  const refused = alice.node.ports.dial('bob', 1234);
  await expect(world.until(refused)).rejects.toMatchObject({
    code: 'connection_refused',
    message: 'port 1234 of bob: connection refused: nothing listens there',
  });
  expect(world.clock.monotonic() - startMs).toBeLessThan(500);
  bob.node.ports.listen(5, (incoming) => {
    incoming.refuse('busy');
  });
  const busy = alice.node.ports.dial('bob', 5);
  await expect(world.until(busy)).rejects.toMatchObject({ code: 'unavailable' });
  bob.node.ports.listen(6, () => {
    throw new Error('a broken service');
  });
  const broken = alice.node.ports.dial('bob', 6);
  await expect(world.until(broken)).rejects.toMatchObject({ code: 'connection_failed' });
  await expect(alice.node.ports.dial('bob', 65_536)).rejects.toMatchObject({
    code: 'invalid_argument',
  });
  expect(alice.node.ports.openCount).toBe(0);
});

test('a stranger and a peer that is away are told apart', async () => {
  const [world, alice, bob] = await pair();
  const carol = world.host('carol');
  hosts.push(carol);
  carol.start();
  await world.run(1000);
  const stranger = alice.node.ports.dial(carol.id, 7);
  await expect(world.until(stranger)).rejects.toMatchObject({ code: 'trust_required' });
  await bob.stop();
  await world.run(1000);
  const away = alice.node.ports.dial(bob.id, 7);
  await expect(world.until(away)).rejects.toMatchObject({ code: 'connection_failed' });
});

test('a dial that is given up, or not answered, leaves nothing behind', async () => {
  const [world, alice, bob] = await pair();
  const offered: IncomingStream[] = [];
  let gone = 0;
  bob.node.ports.listen(7, (incoming) => {
    offered.push(incoming);
    incoming.onGone = () => {
      gone += 1;
    };
  });
  const controller = new AbortController();
  const reason = new Error('enough');
  const aborted = alice.node.ports.dial('bob', 7, { signal: controller.signal });
  await world.run(500);
  controller.abort(reason);
  await expect(world.until(aborted)).rejects.toBe(reason);
  const late = alice.node.ports.dial('bob', 7, { timeoutMs: 1000 });
  await expect(world.until(late)).rejects.toMatchObject({ code: 'timeout' });
  await world.run(100);
  expect(gone).toBe(2);
  expect(offered.map((incoming) => incoming.accept())).toEqual([undefined, undefined]);
});

test('a reset reaches the other side with its code; the end of trust and of a process ends streams', async () => {
  const [world, alice, bob] = await pair();
  const theirs: PeerStream[] = [];
  bob.node.ports.listen(7, (incoming) => {
    const stream = incoming.accept();
    if (stream !== undefined) theirs.push(stream);
  });
  const ours: PeerStream[] = [];
  for (let i = 0; i < 3; i++) ours.push(await world.until(alice.node.ports.dial('bob', 7)));
  theirs[0]?.abandon('too_dull');
  await world.run(100);
  expect(ours[0]?.resetCode).toBe('too_dull');
  expect(ours[0]?.errored?.message).toContain('the other side reset it: too_dull');
  bob.crash();
  bob.start();
  await world.run(1000);
  await alice.send(bob, 'are you there?');
  await world.run(60_000);
  expect(ours[1]?.errored?.message).toContain('the session ended');
  expect(alice.node.ports.openCount).toBe(0);
});

test('ports are bound once, and given out to whoever asks for any', async () => {
  const [, alice] = await pair();
  const { ports } = alice.node;
  const first = ports.listen(80, echo);
  expect(() => ports.listen(80, echo)).toThrow('port 80 is already bound');
  first.close();
  const second = ports.listen(80, echo);
  first.close();
  expect(() => ports.listen(80, echo)).toThrow('already bound');
  second.close();
  const free = [ports.listen(undefined, echo), ports.listen(undefined, echo)];
  expect(free.map(({ port }) => port)).toEqual([49_152, 49_153]);
  expect(() => ports.listen(-1, echo)).toThrow('-1 is no port');
});

test('datagrams go from port to port, and what nobody reads is counted', async () => {
  const [world, alice, bob] = await pair();
  const received: [string, number, number, string][] = [];
  bob.node.ports.bindDatagrams(53, ({ peer, port, sourcePort, bytes }) => {
    received.push([peer, port, sourcePort, Buffer.from(bytes).toString()]);
  });
  const send = async (port: number, text: string): Promise<void> =>
    alice.node.ports.sendDatagram('bob', { port, sourcePort: 5353, bytes: Buffer.from(text) });
  await world.until(send(53, 'who?'));
  await world.until(send(54, 'nobody'));
  await world.run(100);
  expect(received).toEqual([[alice.key, 53, 5353, 'who?']]);
  expect(bob.node.counters().drops.get('datagram_port_closed')).toBe(1);
  await expect(send(53, 'x'.repeat(65_504))).rejects.toMatchObject({ code: 'invalid_argument' });
  await expect(send(70_000, 'x')).rejects.toMatchObject({ code: 'invalid_argument' });
});

test('streams are counted: how they were opened, how they ended, and their bytes', async () => {
  const [world, alice, bob] = await pair();
  bob.node.ports.listen(7, echo);
  bob.node.ports.listen(8, (incoming) => {
    incoming.refuse('busy');
  });
  const done = await world.until(alice.node.ports.dial('bob', 7));
  done.end('hello');
  await world.until(textOf(done));
  const cut = await world.until(alice.node.ports.dial('bob', 7));
  cut.abandon('an_application_has_its_own');
  for (const port of [8, 9])
    await expect(world.until(alice.node.ports.dial('bob', port))).rejects.toThrow();
  const open = await world.until(alice.node.ports.dial('bob', 7));
  open.resume().write('bytes');
  await world.run(100);
  const resets = new Map([
    ['other', 1],
    ['busy', 1],
    ['connection_refused', 1],
  ]);
  const common = { open: 1, resets, bytesSent: 10, bytesReceived: 10 };
  expect(alice.node.counters().streams).toEqual({ ...common, opened: new Map([['outgoing', 3]]) });
  expect(bob.node.counters().streams).toEqual({ ...common, opened: new Map([['incoming', 3]]) });
  const { counters } = bob.node.ports.streams;
  await bob.stop();
  await world.run(100);
  expect(counters.totals).toMatchObject({ open: 0, bytesReceived: 10 });
  expect(counters.totals.resets.get('session_ended')).toBe(1);
});

test('a peer that breaks the rules: both logs say which one, and the next session works', async () => {
  const [world, alice, bob] = await pair();
  const logged: object[] = [];
  for (const host of [alice, bob]) {
    await host.stop();
    host.log = {
      ...silentLog,
      warn: (fields, message) => logged.push({ at: host.name, ...fields, message }),
    };
    host.start();
  }
  await world.run(1000);
  bob.node.ports.listen(9, (incoming) => incoming.accept()?.resume());
  const stream = await world.until(alice.node.ports.dial('bob', 9));
  // As if what comes were more than bob has given.
  const received = vi.spyOn(ReceiveWindow.prototype, 'received').mockReturnValueOnce(false);
  stream.write('hello');
  await world.run(100);
  received.mockRestore();
  const what = { code: 'window_exceeded' };
  expect(logged).toEqual([
    {
      ...{ at: 'bob', peer: alice.id, reason: 'violation', ...what },
      message: 'a peer broke the protocol: its session was reset',
    },
    {
      ...{ at: 'alice', peer: bob.id, reason: 'peer_closed', ...what },
      message: 'a peer reset the session: it says that this node broke the protocol',
    },
  ]);
  expect(stream.errored).toMatchObject({ code: 'connection_failed' });
  const again = await world.until(alice.node.ports.dial('bob', 9));
  expect(again.destroyed).toBe(false);
});

test('a stream that is reset with its acceptance is no stream: whoever dials hears why', async () => {
  const [world, alice, bob] = await pair();
  bob.node.ports.listen(7, (incoming) => {
    const stream = incoming.accept();
    queueMicrotask(() => stream?.abandon('shutdown'));
  });
  const dialled = alice.node.ports.dial('bob', 7);
  await expect(world.until(dialled)).rejects.toMatchObject({
    code: 'connection_failed',
    message: 'the stream with port 7: the other side reset it: shutdown',
  });
  expect(alice.node.ports.openCount).toBe(0);
});
