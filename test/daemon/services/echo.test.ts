import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';

import { expect, onTestFinished, test } from 'vitest';

import { answerTo, Echo, ECHO_PORT } from '../../../src/daemon/services/echo.ts';
import type { PeerStream } from '../../../src/daemon/streams/stream-duplex.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { type JoinedPorts, joinedPorts } from '../joined-ports.ts';

const clock = new ManualClock();

async function world(): Promise<JoinedPorts & { echo: Echo; dial: () => Promise<PeerStream> }> {
  const joined = await joinedPorts();
  const echo = new Echo({ ports: joined.ports[1], clock });
  onTestFinished(() => {
    echo.stop();
    joined.close();
  });
  return { ...joined, echo, dial: async () => joined.ports[0].dial('peer', ECHO_PORT) };
}

async function answered(stream: PeerStream, bytes: Uint8Array, length: number): Promise<Buffer> {
  stream.write(bytes);
  let got = Buffer.alloc(0);
  while (got.length < length) {
    const [chunk] = (await once(stream, 'data')) as [Buffer];
    got = Buffer.concat([got, chunk]);
  }
  return got;
}

test('gives back what comes, and ends when that has ended', async () => {
  const { dial, ports } = await world();
  const stream = await dial();
  const bytes = seededRandom(5)(3_000_000);
  stream.end(bytes);
  expect((await buffer(stream)).equals(bytes)).toBe(true);
  expect(ports[0].openCount).toBe(0);
});

test('a probe gets its number and the time', async () => {
  const { dial } = await world();
  const stream = await dial();
  const probe = Buffer.from('545243450102030405060708', 'hex');
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(clock.now()) * 1_000_000n);
  const expected = Buffer.concat([probe, time]).toString('hex');
  for (const tail of ['', 'more']) {
    const answer = await answered(stream, Buffer.concat([probe, Buffer.from(tail)]), 20);
    expect(answer.toString('hex')).toBe(expected);
  }
  expect((await answered(stream, Buffer.from('ping-1'), 6)).toString()).toBe('ping-1');
  stream.destroy();
});

test.each([
  ['too short for a number', 11, false],
  ['the shortest probe', 12, true],
  ['the longest one', 64, true],
  ['data that begins like one', 65, false],
])('%s', (_, length, isProbe) => {
  const chunk = Buffer.from(seededRandom(length)(length));
  chunk.write('TRCE');
  const answer = answerTo(chunk, clock);
  expect(answer.length).toBe(isProbe ? 20 : length);
  expect(answer.equals(chunk)).toBe(!isProbe);
});

test('a stop ends its streams and frees the port', async () => {
  const { dial, echo, ports } = await world();
  const stream = await dial();
  await answered(stream, Buffer.from('x'), 1);
  echo.stop();
  await finished(stream).catch(() => undefined);
  expect(stream.errored).toMatchObject({
    code: 'connection_failed',
    message: expect.stringContaining('shutdown') as string,
  });
  await expect(dial()).rejects.toMatchObject({ code: 'connection_refused' });
  expect(ports[1].listenerCount).toBe(0);
});

test('a reset of one stream leaves the others', async () => {
  const { dial } = await world();
  const [one, other] = await Promise.all([dial(), dial()]);
  one.destroy();
  expect((await answered(other, Buffer.from('still'), 5)).toString()).toBe('still');
  other.destroy();
});
