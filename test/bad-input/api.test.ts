import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { API_ROWS, type ApiRow } from './api-rows.ts';
import { World } from './world.ts';

vi.setConfig({ testTimeout: 30_000 });

let world: World;
let check: () => Promise<void>;

beforeAll(async () => {
  world = await World.open();
  const vitals = await world.vitals();
  check = async () => {
    await Promise.all([vitals.alice.check(), vitals.bob.check()]);
  };
}, 60_000);
afterAll(async () => {
  await world.close();
});

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Without the SDK, which would not send such things. */
async function call({ method, path, body, announcedBytes }: ApiRow): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { socket: socketPath } = world.alice.paths;
    const sent = request({ socketPath, method, path, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, text });
      });
    });
    sent.on('error', reject);
    if (announcedBytes === undefined) {
      sent.end(body);
    } else {
      sent.setHeader('content-length', announcedBytes);
      sent.flushHeaders();
    }
  });
}

describe('the local API refuses', () => {
  test.each(API_ROWS)('$name', async (row) => {
    const { status, text } = await call(row);
    const failure = JSON.parse(text) as { code: string; message: string; hint?: string };
    expect([status, failure.code], text).toEqual([row.status, row.code]);
    expect(failure.message).toMatch(row.message);
    if (row.hint !== undefined) expect(failure.hint).toMatch(row.hint);
    await check();
  });
});

async function rawConnection(bytes: string): Promise<Socket> {
  const socket = connect(world.alice.paths.socket);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(bytes);
  return socket;
}

describe('a program that does not speak HTTP', () => {
  test.each([
    ['noise', '\u0000\u0001\u0002\r\n\r\n'],
    ['a line without end', `GET /${'x'.repeat(100_000)}`],
    ['two lengths', 'POST /v1/ping HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
  ])('is answered and let go of: %s', async (_what, bytes) => {
    const socket = await rawConnection(bytes);
    let text = '';
    socket.on('data', (part) => {
      text += part.toString('latin1');
    });
    await once(socket, 'close');
    expect(text).toMatch(/^HTTP\/1\.1 4\d\d /);
    await check();
  });
});

test('programs that begin a request and never end it hold up nobody', async () => {
  const head = 'POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{"target"';
  const slow = await Promise.all(Array.from({ length: 100 }, async () => rawConnection(head)));
  const sent = await world.alice.json('send-message', 'bob', '--data', 'still here');
  expect(sent).toMatchObject({ status: 'delivered' });
  await world.bob.pilotctl('inbox', '--clear');
  for (const socket of slow) socket.destroy();
  await check();
});
