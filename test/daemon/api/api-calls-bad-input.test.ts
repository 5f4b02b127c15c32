import { text } from 'node:stream/consumers';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { PilotError } from '../../../src/base/pilot-error.ts';
import { readCallLine } from '../../../src/daemon/api/api-call-line.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { call as httpCall, startApi } from './api-fixture.ts';
import { CallClient, raw } from './call-client.ts';

const PING = { route: 'ping', body: { target: 'beta' } };
const like = (part: string): unknown => expect.stringContaining(part);

test.each<[object, object]>([
  [{ route: 'nope' }, { code: 'not_supported', message: "there is no route 'nope'" }],
  [{ route: 'sendMesage' }, { code: 'not_supported', hint: "did you mean 'sendMessage'?" }],
  [{}, { code: 'not_supported', message: "there is no route ''" }],
  [{ route: 7 }, { code: 'not_supported', message: "there is no route ''" }],
  [{ route: '__proto__' }, { code: 'not_supported' }],
  [
    { route: 'events' },
    {
      code: 'not_supported',
      message: 'events is not for this stream',
      hint: 'it is a request of its own: GET /v1/events',
    },
  ],
  [
    { ...PING, wait: 1 },
    {
      code: 'invalid_argument',
      message: "unknown member 'wait' in the call",
      hint: 'it takes call, route, params, query, body',
    },
  ],
  [{ ...PING, cancel: 1 }, { message: "unknown member 'cancel' in the call" }],
  [{ route: 'ping' }, { code: 'invalid_argument', message: like('the body') }],
  [{ ...PING, body: [] }, { message: like('the body: expected object') }],
  [{ ...PING, body: { target: 7 } }, { message: like("'target' in the body") }],
  [{ ...PING, query: { a: 1 } }, { message: "unknown member 'a' in the query" }],
  [{ ...PING, params: { id: 'x' } }, { message: "unknown member 'id' in the path" }],
  [{ route: 'resolve', query: { target: ['a', 'b'] } }, { code: 'invalid_argument' }],
  [{ route: 'listInbox', query: 'limit=5' }, { code: 'invalid_argument' }],
  [{ route: 'listInbox', query: { limit: 1.5 } }, { code: 'invalid_argument' }],
  [{ route: 'readInbox', params: { id: 'x'.repeat(129) } }, { code: 'invalid_argument' }],
])('%j is refused, and the stream goes on', async (request, error) => {
  const { node, socketPath } = await startApi();
  const client = await CallClient.open(socketPath);
  client.write({ call: 1, ...request }, { call: 2, route: 'peers' });
  expect(await client.answers(2)).toMatchObject([
    { call: 1, error },
    { call: 2, reply: {} },
  ]);
  expect(node.calls).toEqual([{ name: 'peers', args: [] }]);
});

describe('what ends the stream', () => {
  const line = (json: string): string => `${json}\n`;
  test.each<[string, string | Uint8Array, object]>([
    ['no JSON', line('{"call":1,}'), { message: /not JSON at line 1, column 11: unexpected "}"/ }],
    ['an empty line', line(''), { message: /it ends too early/ }],
    ['HTTP', 'GET /v1/info HTTP/1.1\r\n\r\n', { message: /the line is not JSON/ }],
    ['a list', line('[1]'), { message: 'the line is not a JSON object' }],
    ['a number', line('7'), { message: 'the line is not a JSON object' }],
    ['null', line('null'), { message: 'the line is not a JSON object' }],
    ['no call number', line('{"route":"info"}'), { message: 'the line has no call number' }],
    ['a call number of text', line('{"call":"1"}'), { message: 'the line has no call number' }],
    ['a negative one', line('{"call":-1}'), { message: 'the line has no call number' }],
    ['a broken one', line('{"call":1.5}'), { message: 'the line has no call number' }],
    [
      'one past 2^53',
      line('{"call":9007199254740993}'),
      { message: 'the line has no call number' },
    ],
    ['a cancel of text', line('{"cancel":"1"}'), { message: 'the line has no call number' }],
    ['nesting without end', line('['.repeat(20_000)), { message: /it ends too early/ }],
    [
      'bytes that are no UTF-8',
      Buffer.from('{"call":1,"route":"\xff"}\n', 'latin1'),
      { message: 'the line is not UTF-8', hint: 'send bytes as base64, with "encoding": "base64"' },
    ],
    [
      'a number in flight',
      line(JSON.stringify({ call: 0, ...PING })),
      { message: 'call 0 is in flight already', hint: 'give every call a number of its own' },
    ],
    [
      'a line over the limit',
      'x'.repeat(22_529),
      {
        message: 'the request is over 22528 bytes',
        hint: 'messaging.max_payload_kb in the configuration sets how much a message may hold',
      },
    ],
  ])(
    '%s',
    async (_what, bytes, { message, hint }: { message?: string | RegExp; hint?: string }) => {
      const { node, socketPath, log } = await startApi();
      const client = await CallClient.open(socketPath);
      node.isWaiting = true;
      client.write({ call: 0, ...PING }, bytes, { call: 9, route: 'peers' });
      const answers = (await client.answers(2)) as { call: number | null; error: PilotError }[];
      const refusal = answers.find(({ call }) => call === null)?.error;
      expect(refusal).toMatchObject({
        code: 'invalid_argument',
        ...(hint !== undefined && { hint }),
      });
      expect(refusal?.message).toMatch(message ?? '');
      expect(answers.find(({ call }) => call === 0)).toMatchObject({
        error: { message: 'the client hung up' },
      });
      expect(await client.answer()).toBeUndefined();
      client.socket.destroy();
      expect(node.calls.map(({ name }) => name)).toEqual(['ping']);
      expect(log).toEqual([]);
    },
  );

  test('a client that will not go is cut off after 5 s', async () => {
    const clock = new ManualClock();
    const { socketPath } = await startApi({ clock });
    const client = await CallClient.open(socketPath);
    client.write('\n');
    expect(await client.answer()).toMatchObject({ call: null });
    expect(await client.answer()).toBeUndefined();
    clock.advance(5000);
    await expect
      .poll(() => {
        client.write('\n');
        return client.socket.destroyed;
      })
      .toBe(true);
  });
});

describe('the upgrade', () => {
  const HEAD = 'GET /v1/calls HTTP/1.1\r\nhost: x\r\n';
  const ASK = 'connection: upgrade\r\nupgrade: ';

  test.each<[string, string, RegExp]>([
    ['another protocol', `${HEAD}${ASK}h2c\r\n\r\n`, /400 Bad Request.*Upgrade: pilot-calls/s],
    ['another path', `GET /v1/info HTTP/1.1\r\nhost: x\r\n${ASK}pilot-calls\r\n\r\n`, /400 |501 /],
    [
      'no path of ours',
      `GET /x HTTP/1.1\r\nhost: x\r\n${ASK}pilot-calls\r\n\r\n`,
      /501 .*no GET \/x/s,
    ],
    [
      'another method',
      `POST /v1/calls HTTP/1.1\r\nhost: x\r\n${ASK}pilot-calls\r\n\r\n`,
      /501 .*it takes GET/s,
    ],
    [
      'a query',
      `GET /v1/calls?a=1 HTTP/1.1\r\nhost: x\r\n${ASK}pilot-calls\r\n\r\n`,
      /400 .*unknown member 'a'/s,
    ],
    ['none', `${HEAD}connection: close\r\n\r\n`, /400 .*has to be upgraded/s],
  ])('is refused: %s', async (_what, head, answer) => {
    const { socketPath } = await startApi();
    const socket = await raw(socketPath, head);
    const refusal = await text(socket);
    expect(refusal).toMatch(/^HTTP\/1\.1 \d{3} .*content-type: application\/json/s);
    expect(refusal).toMatch(answer);
  });

  test('may be offered among others, and be followed at once by calls', async () => {
    const { socketPath } = await startApi();
    const socket = await raw(
      socketPath,
      `${HEAD}${ASK}h2c, Pilot-Calls\r\n\r\n{"call":1,"route":"peers"}\n`,
    );
    socket.end();
    expect(await text(socket)).toMatch(
      /^HTTP\/1\.1 101 [^\n]*\r\n.*pilot-max-line: 22528\r\n\r\n\{"call":1,"reply":\{"peers"/s,
    );
  });
});

test('any line is a call, a cancel or refused', () => {
  const value = fc.oneof(fc.maxSafeNat(), fc.jsonValue({ maxDepth: 1 }));
  const nearly = fc
    .record({ call: value, cancel: value, route: value, query: value }, { requiredKeys: [] })
    .map((each) => JSON.stringify(each));
  fc.assert(
    fc.property(fc.oneof(fc.json(), nearly, fc.string({ unit: 'binary' })), (each) => {
      try {
        const line = readCallLine(each);
        expect('cancel' in line ? line.cancel : line.call).toBeGreaterThanOrEqual(0);
      } catch (error) {
        expect(error).toMatchObject({ name: 'PilotError', code: 'invalid_argument' });
      }
    }),
  );
});

test('whatever comes over the stream, the daemon goes on', async () => {
  const { socketPath } = await startApi();
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(fc.uint8Array(), fc.constant(Buffer.from('{"call":1,"route":"ping"}\n')))),
      async (chunks) => {
        const client = await CallClient.open(socketPath);
        for (const chunk of chunks) client.write(chunk);
        client.socket.end();
        while ((await client.answer()) !== undefined);
        client.socket.destroy();
      },
    ),
    { numRuns: 50 },
  );
  const { status } = await httpCall(socketPath, { path: '/v1/health' });
  expect(status).toBe(200);
});
