import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setImmediate as turn } from 'node:timers/promises';

import { describe, expect, test, vi } from 'vitest';

import { PilotClient, type PilotStream } from '../../../src/client/client.ts';
import { processWarnings } from '../../support/process-warnings.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { call, startApi } from './api-fixture.ts';
import { next, type Two, two, upgradeRequest } from './two-apis.ts';

// Megabytes are sealed and opened here; the machine may be busy with other tests.
vi.setConfig({ testTimeout: 60_000 });

async function connected(pair: Two, port = 7): Promise<[PilotStream, PilotStream]> {
  const listener = await pair.bob.listen(port);
  const [ours, theirs] = await Promise.all([pair.alice.dial('peer', port), next(listener)]);
  return [ours, theirs];
}

/** What comes until the other half ends; iterating would destroy this half, too. */
async function received(stream: PilotStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(stream, 'end');
  return Buffer.concat(chunks);
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('a stream', () => {
  test('is dialled, taken, carries megabytes both ways, and ends a half at a time', async () => {
    const [ours, theirs] = await connected(await two(), 1001);
    expect(ours.remotePort).toBe(1001);
    expect(theirs.remotePort).toBe(ours.localPort);
    expect(ours.peer).toMatch(/^pilot1/);
    const there = seededRandom(1)(3_000_000);
    const back = seededRandom(2)(2_000_000);
    const [got, gotBack] = await Promise.all([
      received(theirs),
      received(ours),
      pipeline(Readable.from([there]), ours, { end: true }),
      pipeline(Readable.from([back]), theirs, { end: true }),
    ]);
    expect(sha256(got)).toBe(sha256(there));
    expect(sha256(gotBack)).toBe(sha256(back));
  });

  test('waits, over the whole chain, for a reader that stops', async () => {
    const [ours, theirs] = await connected(await two());
    let written = 0;
    const piece = Buffer.alloc(64 * 1024, 7);
    while (written < 64 * 2 ** 20) {
      const isRoom = ours.write(piece);
      written += piece.length;
      if (isRoom) continue;
      const drained = await Promise.race([
        once(ours, 'drain').then(() => true),
        new Promise<false>((resolve) => {
          setTimeout(resolve, 300, false);
        }),
      ]);
      if (!drained) break;
    }
    expect(written).toBeLessThan(4 * 2 ** 20);
    ours.end();
    const got = await buffer(theirs);
    expect(got.length).toBe(written);
  });

  test('says when the other side reset it, and that a cut is no end', async () => {
    const pair = await two();
    const listener = await pair.bob.listen(7);
    const [ours, theirs] = await Promise.all([pair.alice.dial('peer', 7), next(listener)]);
    theirs.destroy();
    await expect(text(ours)).rejects.toMatchObject({ code: 'connection_failed' });
    const [again] = await Promise.all([pair.alice.dial('peer', 7), next(listener)]);
    for (const session of pair.sessions) session.close();
    await expect(text(again)).rejects.toThrow('the session ended');
    expect(pair.ports[0].openCount).toBe(0);
  });

  test('is a pair of web streams too', async () => {
    const [ours, theirs] = await connected(await two());
    const { readable, writable } = ours.web();
    const writer = writable.getWriter();
    await writer.write(Buffer.from('hello'));
    await writer.close();
    expect((await received(theirs)).toString()).toBe('hello');
    theirs.end('world');
    expect(await text(readable)).toBe('world');
  });

  test('ends with its signal, and so does a dial that is not answered', async () => {
    const pair = await two();
    const listener = await pair.bob.listen(7);
    const controller = new AbortController();
    const { signal } = controller;
    const [ours, theirs] = await Promise.all([
      pair.alice.dial('peer', 7, { signal }),
      next(listener),
    ]);
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(text(theirs)).rejects.toMatchObject({ code: 'connection_failed' });
    expect(ours.errored).toBe(reason);
    const waiting = new AbortController();
    const unanswered = pair.alice.dial('peer', 7, { signal: waiting.signal });
    waiting.abort(reason);
    await expect(unanswered).rejects.toBe(reason);
  });
});

describe('what a dial is told', () => {
  test('nothing listens, nobody is there, no such port, no time', async () => {
    const pair = await two();
    await expect(pair.alice.dial('peer', 7)).rejects.toMatchObject({ code: 'connection_refused' });
    const lonely = await startApi();
    const client = new PilotClient({ socketPath: lonely.socketPath });
    await expect(client.dial('nobody', 7)).rejects.toMatchObject({ code: 'not_found' });
    await expect(client.dial('nobody', 70_000)).rejects.toMatchObject({ code: 'invalid_argument' });
    client.close();
    const listener = await pair.bob.listen(9);
    await expect(pair.alice.dial('peer', 9, { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'timeout',
    });
    listener.close();
  });

  test('a listener may refuse, and its port is free when it has gone', async () => {
    const pair = await two();
    const listener = await pair.bob.listen(9);
    await expect(pair.bob.listen(9)).rejects.toMatchObject({ code: 'already_exists' });
    const refused = pair.alice.dial('peer', 9);
    const offers = listener.offers();
    const { value: offer } = await offers.next();
    expect(offer?.from.id).toMatch(/^pilot1/);
    await Promise.all([
      offer?.refuse(),
      expect(refused).rejects.toMatchObject({ code: 'connection_refused' }),
    ]);
    await expect(offer?.accept()).rejects.toMatchObject({ code: 'not_found' });
    await offers.return();
    await expect(pair.alice.dial('peer', 9)).rejects.toMatchObject({ code: 'connection_refused' });
  });

  test('more than 128 that nobody accepts are refused', async () => {
    const pair = await two();
    const listener = await pair.bob.listen(9);
    const dials = Array.from({ length: 130 }, async () =>
      pair.alice.dial('peer', 9).then(
        () => 'taken',
        (error: unknown) => (error as { code: string }).code,
      ),
    );
    expect(await Promise.race(dials)).toBe('unavailable');
    listener.close();
    const told = await Promise.all(dials);
    expect(told.filter((one) => one === 'unavailable')).toHaveLength(2);
    expect(told.filter((one) => one === 'connection_refused')).toHaveLength(128);
  });
});

test('one signal for many streams and ports is no leak', async () => {
  const warnings = processWarnings();
  const pair = await two();
  const { signal } = new AbortController();
  const listener = await pair.bob.listen(9, { signal });
  for (let i = 0; i < 12; i++) {
    await Promise.all([pair.alice.dial('peer', 9, { signal }), next(listener)]);
  }
  // Warnings come a turn later.
  await turn();
  expect(warnings).toEqual([]);
});

test('datagrams go both ways, and a failure is told without ending anything', async () => {
  const pair = await two();
  const [ours, theirs] = [await pair.alice.datagrams(), await pair.bob.datagrams(53)];
  expect(ours.port).toBeGreaterThanOrEqual(49_152);
  await ours.send('peer', 53, Buffer.from('who?'));
  const { value: question } = await theirs[Symbol.asyncIterator]().next();
  expect([question?.port, question?.bytes.toString()]).toEqual([ours.port, 'who?']);
  const failures: string[] = [];
  ours.onFailure = ({ code }) => failures.push(code);
  await ours.send('peer', 53, Buffer.alloc(65_504));
  await theirs.send(question?.from ?? '', ours.port, Buffer.from('me'));
  const { value: answer } = await ours[Symbol.asyncIterator]().next();
  expect(answer?.bytes.toString()).toBe('me');
  expect(failures).toEqual(['invalid_argument']);
});

test('a reader of datagrams that is too slow is told how many it lost', async () => {
  const pair = await two();
  const theirs = await pair.bob.datagrams(53);
  const ours = pair.ports[0];
  const bytes = Buffer.alloc(20_000);
  for (let i = 0; i < 600; i++) {
    await ours.sendDatagram('peer', { port: 53, sourcePort: 1, bytes });
    await new Promise((resolve) => setImmediate(resolve));
  }
  let received = 0;
  for await (const datagram of theirs) {
    received += datagram.bytes.length / bytes.length;
    if (theirs.dropped + received >= 600) break;
    if (received % 50 === 0) await ours.sendDatagram('peer', { port: 53, sourcePort: 1, bytes });
    if (theirs.dropped > 0) break;
  }
  expect(theirs.dropped).toBeGreaterThan(50);
  const counted = pair.drops.filter((reason) => reason === 'datagram_reader_slow');
  expect(counted.length).toBeGreaterThanOrEqual(theirs.dropped);
  expect(received).toBeGreaterThan(50);
});

describe('who does not keep to the framing', () => {
  test.each(['dial?target=peer&port=7', 'listen', 'accept?stream=1'])(
    'a request for %s without an upgrade is told so',
    async (path) => {
      const { socketPath } = await startApi();
      const reply = await call(socketPath, { path: `/v1/streams/${path}` });
      expect(reply).toMatchObject({ status: 400, json: { code: 'invalid_argument' } });
    },
  );

  test.each([
    ['a listener', '/v1/streams/listen?port=9'],
    ['a datagram socket', '/v1/datagrams?port=9'],
  ])('%s that sends nonsense is cut off, and its port is free', async (_what, path) => {
    const pair = await two();
    const socket = connect(pair.daemons[1].socketPath);
    socket.write(upgradeRequest(path));
    await once(socket, 'data');
    const closed = once(socket, 'close');
    socket.resume();
    socket.write(Buffer.from('03ffffff', 'hex'));
    await closed;
    const [listener, datagrams] = [await pair.bob.listen(9), await pair.bob.datagrams(9)];
    expect([listener.port, datagrams.port]).toEqual([9, 9]);
    listener.close();
    datagrams.close();
  });

  test('a client that goes away resets its stream', async () => {
    const pair = await two();
    const listener = await pair.bob.listen(9);
    const socket = connect(pair.daemons[0].socketPath);
    const taken = next(listener);
    socket.write(upgradeRequest('/v1/streams/dial?target=peer&port=9'));
    const theirs = await taken;
    socket.destroy();
    await expect(text(theirs)).rejects.toMatchObject({ code: 'connection_failed' });
  });
});
