import type { Socket } from 'node:net';
import { Writable } from 'node:stream';

import { expect, test } from 'vitest';

import { ClientOutput } from '../../../src/daemon/pilot-ipc/client-output.ts';
import { ManualClock } from '../../support/manual-clock.ts';

/** A client that takes a frame whenever the test says so. */
class SlowClient extends Writable {
  #done: () => void = () => undefined;

  override _write(_chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#done = done;
  }

  async takes(): Promise<void> {
    this.#done();
    await new Promise((turn) => setImmediate(turn));
  }
}

function outputTo(client: SlowClient) {
  const clock = new ManualClock();
  let stuck = 0;
  const output = new ClientOutput(client as unknown as Socket, clock, () => {
    stuck += 1;
  });
  return { clock, output, stuck: () => stuck };
}

const FRAME = Buffer.alloc(16 * 1024);

test('a client that reads is not given up, however long there is more for it', async () => {
  const client = new SlowClient();
  const { clock, output, stuck } = outputTo(client);
  for (let i = 0; i < 4; i++) output.write(FRAME);
  for (let second = 0; second < 30; second++) {
    clock.advance(1000);
    await client.takes();
    output.write(FRAME);
  }
  expect(stuck()).toBe(0);
  // Nothing is taken any more.
  clock.advance(9999);
  expect(stuck()).toBe(0);
  clock.advance(1);
  expect(stuck()).toBe(1);
});

test('nothing waits for a client that has taken all, or is gone', async () => {
  const client = new SlowClient();
  const { clock, output } = outputTo(client);
  for (let i = 0; i < 3; i++) output.write(FRAME);
  expect(clock.pendingTimers).toBe(1);
  for (let i = 0; i < 3; i++) await client.takes();
  expect(clock.pendingTimers).toBe(0);
  output.write(FRAME);
  client.on('error', () => undefined).destroy(new Error('gone'));
  await new Promise((turn) => setImmediate(turn));
  expect(clock.pendingTimers).toBe(0);
});
