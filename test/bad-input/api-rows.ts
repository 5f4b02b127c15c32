/** One wrong call of the local API: what goes over the socket, and what comes back. */
export interface ApiRow {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly body?: string | Uint8Array;
  /** Announces a body of so many bytes, of which the daemon has to want none. */
  readonly announcedBytes?: number;
  readonly status: number;
  readonly code: string;
  readonly message: RegExp;
  readonly hint: RegExp | undefined;
}

const KIB = 1024;
const post = (
  path: string,
  body: object | string | Uint8Array,
): Pick<ApiRow, 'method' | 'path' | 'body'> => ({
  ...{ method: 'POST', path },
  body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
});
const invalid = { status: 400, code: 'invalid_argument' };

const TO_BOB = { target: 'bob', type: 'text' };
const TAKES = /it takes target/;

export const API_ROWS: readonly ApiRow[] = [
  {
    name: 'an unknown route',
    ...{ method: 'GET', path: '/v1/nothing', status: 501, code: 'not_supported' },
    message: /there is no GET \/v1\/nothing/,
    hint: /\/openapi\.json lists the routes/,
  },
  {
    name: 'a wrong method',
    ...{ method: 'GET', path: '/v1/ping', status: 501, code: 'not_supported' },
    message: /there is no GET \/v1\/ping/,
    hint: /it takes POST/,
  },
  {
    name: 'an unknown member',
    ...post('/v1/messages', { ...TO_BOB, data: 'x', expire_ms: 5 }),
    ...invalid,
    message: /unknown member 'expire_ms' in the body/,
    hint: /did you mean 'expires_ms'\?/,
  },
  {
    name: 'a missing member',
    ...post('/v1/messages', { target: 'bob', type: 'text' }),
    ...invalid,
    message: /'data' in the body: it is missing/,
    hint: TAKES,
  },
  {
    name: 'a member of another type',
    ...post('/v1/ping', { target: 42 }),
    ...invalid,
    message: /'target' in the body: .*expected string, received number/,
    hint: TAKES,
  },
  {
    name: 'malformed JSON',
    ...post('/v1/messages', '{"target": "bob", "type": }'),
    ...invalid,
    message: /not JSON at line 1, column 27/,
    hint: undefined,
  },
  {
    name: 'JSON nested without end',
    ...post('/v1/messages', '['.repeat(100_000)),
    ...invalid,
    message: /JSON|object/,
    hint: undefined,
  },
  {
    name: 'a body that is not UTF-8',
    ...post('/v1/messages', Buffer.from([0x22, 0xff, 0x22])),
    ...invalid,
    message: /not UTF-8/,
    hint: undefined,
  },
  {
    name: 'a huge body',
    ...{ method: 'POST', path: '/v1/messages', announcedBytes: 1024 * KIB * KIB },
    ...invalid,
    message: /the request is over 1589248 bytes/,
    hint: /messaging\.max_payload_kb/,
  },
  {
    name: 'a payload of 257 KiB',
    ...post('/v1/messages', { ...TO_BOB, data: 'x'.repeat(257 * KIB) }),
    ...invalid,
    message: /the payload has 263168 bytes; at most 262144 can be sent/,
    hint: /in parts, or raise messaging\.max_payload_kb on both hosts/,
  },
  {
    name: 'a payload of 257 KiB in base64',
    ...post('/v1/messages', {
      ...{ target: 'bob', type: 'binary', encoding: 'base64' },
      data: Buffer.alloc(257 * KIB).toString('base64'),
    }),
    ...invalid,
    message: /the payload has 263168 bytes/,
    hint: /in parts/,
  },
  {
    name: 'a payload that is not base64',
    ...post('/v1/messages', { ...TO_BOB, data: '@@@@', encoding: 'base64' }),
    ...invalid,
    message: /the payload is not base64/,
    hint: /standard alphabet/,
  },
  {
    name: 'a payload that is not JSON',
    ...post('/v1/messages', { target: 'bob', type: 'json', data: '{"a": 1,\n}' }),
    ...invalid,
    message: /the payload is not JSON \(line 2, column 1\)/,
    hint: /send it with the type text/,
  },
  {
    name: 'text that is not UTF-8',
    ...post('/v1/messages', { ...TO_BOB, data: '/w==', encoding: 'base64' }),
    ...invalid,
    message: /the payload is not UTF-8 text/,
    hint: /type binary/,
  },
  {
    name: 'an unknown target',
    ...post('/v1/messages', { target: 'nobody', type: 'text', data: 'x' }),
    ...{ status: 404, code: 'not_found' },
    message: /no relay of this node knows nobody/,
    hint: /Check the spelling/,
  },
  {
    name: 'a target that is none',
    ...post('/v1/ping', { target: '../../etc/passwd' }),
    ...invalid,
    message: /"\.\.\/\.\.\/etc\/passwd" is not a target/,
    hint: /A target is/,
  },
  {
    name: 'a message id that is none',
    ...post('/v1/messages', { ...TO_BOB, data: 'x', message_id: '42' }),
    ...invalid,
    message: /'message_id' in the body: .*UUID/,
    hint: TAKES,
  },
  {
    name: 'a life longer than thirty days',
    ...post('/v1/messages', { ...TO_BOB, data: 'x', expires_ms: 31 * 86_400_000 }),
    ...invalid,
    message: /'expires_ms' in the body/,
    hint: TAKES,
  },
  {
    name: 'a message that never was',
    ...{ method: 'GET', path: '/v1/messages/0193f5a2-7c1e-7b3a-9d2f-5e8c4a1b6d70' },
    ...{ status: 404, code: 'not_found' },
    message: /no message 0193f5a2/,
    hint: /pilotctl outbox/,
  },
  {
    name: 'a dead letter that never was',
    ...post('/v1/outbox/0193f5a2-7c1e-7b3a-9d2f-5e8c4a1b6d70/retry', {}),
    ...{ status: 404, code: 'not_found' },
    message: /0193f5a2/,
    hint: /pilotctl outbox/,
  },
  {
    name: 'an inbox entry that never was',
    ...{ method: 'GET', path: '/v1/inbox/0193f5a2-7c1e-7b3a-9d2f-5e8c4a1b6d70' },
    ...{ status: 404, code: 'not_found' },
    message: /0193f5a2/,
    hint: /pilotctl inbox/,
  },
  {
    name: 'an event that there is not',
    ...{ method: 'GET', path: '/v1/events?types=message.recieved' },
    ...invalid,
    message: /'types\.0' in the query: expected one of "message\.received"/,
    hint: /it takes types/,
  },
  {
    name: 'a time that is none',
    ...{ method: 'GET', path: '/v1/inbox?since=yesterday' },
    ...invalid,
    message: /yesterday/,
    hint: undefined,
  },
  {
    name: 'a path that is no text',
    ...{ method: 'GET', path: '/v1/inbox/%ff' },
    ...invalid,
    message: /./,
    hint: undefined,
  },
];
