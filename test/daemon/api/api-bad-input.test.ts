import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { EVENT_NAMES, ROUTES } from '../../../src/client/api.ts';
import {
  REQUESTS,
  type RequestSchemas,
  type RouteName,
} from '../../../src/daemon/api/api-schemas.ts';
import { call, type Fixture, type HttpCall, openApi } from './api-fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openApi(mkdtempSync(path.join(tmpdir(), 'pilot-')), { maxPayloadBytes: 1024 });
});
beforeEach(() => {
  fixture.node.calls.length = 0;
});
afterAll(async () => {
  await fixture.server.stop();
  rmSync(path.dirname(fixture.socketPath), { recursive: true });
});

const ROUTE_NAMES = Object.keys(ROUTES) as RouteName[];
const schemasOf = (name: RouteName): RequestSchemas => REQUESTS[name];
const urlOf = (name: RouteName): string => ROUTES[name].path.replace(':id', 'some-id');
/** The route's query where it needs one to be reached at all. */
const queryOf = (name: RouteName): string => (name === 'resolve' ? 'target=beta&' : '');

async function refused(request: HttpCall, { node, socketPath } = fixture): Promise<unknown> {
  const { status, json } = await call(socketPath, request);
  expect(json).toMatchObject({ code: 'invalid_argument' });
  expect(status).toBe(400);
  expect(node.calls).toEqual([]);
  return json;
}

describe('every route', () => {
  test.each(ROUTE_NAMES)('%s refuses an unknown query member', async (name) => {
    const failure = await refused({
      method: ROUTES[name].method,
      path: `${urlOf(name)}?${queryOf(name)}surprise=1`,
      ...(ROUTES[name].method !== 'GET' && { body: schemasOf(name).body && { target: 'beta' } }),
    });
    expect(failure).toMatchObject({ message: "unknown member 'surprise' in the query" });
  });

  test.each(ROUTE_NAMES)('%s answers another method with what it takes', async (name) => {
    const { node, socketPath } = fixture;
    const { status, json } = await call(socketPath, { method: 'PATCH', path: urlOf(name) });
    expect(status).toBe(501);
    expect(json).toMatchObject({
      code: 'not_supported',
      message: `there is no PATCH ${urlOf(name)}`,
      hint: expect.stringContaining(ROUTES[name].method) as string,
    });
    expect(node.calls).toEqual([]);
  });

  const withBody = ROUTE_NAMES.filter((name) => ROUTES[name].method !== 'GET');
  const bodies: [string, unknown, RegExp][] = [
    ['an unknown member', { surprise: 1 }, /'surprise' in the body|'\w+' in the body/],
    ['a list', [1], /^the body: .*expected object/],
    ['a number', '7', /^the body: .*expected object/],
    ['broken JSON', '{"target": "beta",}', /not JSON at line 1, column 19: unexpected "}"/],
    ['half of a body', '{"target"', /not JSON at line 1, column 10: it ends too early/],
    ['text that is not UTF-8', Buffer.from([0x22, 0xff, 0x22]), /not UTF-8/],
    ['a prototype', '{"__proto__": {"a": 1}}', /'__proto__'|'\w+' in the body/],
  ];
  for (const [what, body, message] of bodies) {
    test.each(withBody)(`%s refuses ${what}`, async (name) => {
      const failure = await refused({
        method: ROUTES[name].method,
        path: urlOf(name),
        body,
      });
      expect(failure).toMatchObject({ message: expect.stringMatching(message) as string });
    });
  }

  test.each(withBody)('%s refuses a body that is too large', async (name) => {
    const failure = await refused({
      method: ROUTES[name].method,
      path: urlOf(name),
      body: { target: 'x'.repeat(23_000) },
    });
    expect(failure).toEqual({
      code: 'invalid_argument',
      message: 'the request is over 22528 bytes',
      hint: 'messaging.max_payload_kb in the configuration sets how much a message may hold',
    });
  });
});

test('a payload in its longest spelling still fits', async () => {
  const { node, socketPath } = fixture;
  const body = { target: 'x'.repeat(256), type: 'text', data: '\u0001'.repeat(1024) };
  const reply = await call(socketPath, { method: 'POST', path: '/v1/messages', body });
  expect(reply.status).toBe(200);
  expect(node.calls).toEqual([{ name: 'send', args: [body] }]);
});

const TRUST = '/v1/trust/request';
const SEND = { target: 'beta', type: 'text', data: 'x' };
const post = (url: string, body: unknown): HttpCall => ({ method: 'POST', path: url, body });

test.each<[HttpCall, string, string]>([
  [post(TRUST, { traget: 'b' }), "unknown member 'traget'", "did you mean 'target'?"],
  [post(TRUST, {}), "'target' in the body: it is missing", 'it takes target'],
  [post(TRUST, { target: '' }), "'target' in the body", 'it takes'],
  [post(TRUST, { target: 7 }), 'expected string, received number', 'it takes'],
  [post(TRUST, { target: 'x'.repeat(257) }), "'target' in the body", 'it takes'],
  [post(TRUST, { target: 'b', justification: 'a\nb' }), 'printable', 'it takes'],
  [post(TRUST, { target: 'b', justification: '🚀'.repeat(1025) }), '1,024', 'it takes'],
  [post(TRUST, { target: 'b', wait_ms: -1 }), "'wait_ms'", 'it takes'],
  [post(TRUST, { target: 'b', wait_ms: 86_400_001 }), "'wait_ms'", 'it takes'],
  [post(TRUST, { target: 'b', wait_ms: 1.5 }), "'wait_ms'", 'it takes'],
  [post('/v1/trust/reject', { target: 'b', reason: '\u0000' }), "'reason'", 'it takes'],
  [post('/v1/ping', { target: 'b', timeout_ms: 0 }), "'timeout_ms'", 'it takes'],
  [post('/v1/messages', { ...SEND, type: 'xml' }), '"text"|"json"|"binary"', 'it takes'],
  [post('/v1/messages', { ...SEND, data: { a: 1 } }), "'data'", 'it takes'],
  [post('/v1/messages', { ...SEND, data: '\ud800' }), 'lone surrogate', 'it takes'],
  [post('/v1/messages', { ...SEND, encoding: 'hex' }), '"utf8"|"base64"', 'it takes'],
  [post('/v1/messages', { ...SEND, message_id: '7' }), 'expected a UUID', 'it takes'],
  [post('/v1/messages', { ...SEND, reply_to: '' }), "'reply_to'", 'it takes'],
  [post('/v1/messages', { ...SEND, expires_ms: 0 }), "'expires_ms'", 'it takes'],
  [post('/v1/messages', { ...SEND, expires_ms: 2_592_000_001 }), "'expires_ms'", 'it takes'],
  [post('/v1/messages', { ...SEND, wait_ms: null }), "'wait_ms'", 'it takes'],
  [post('/v1/outbox/x/retry', { force: true }), "unknown member 'force'", 'it takes none'],
  [{ method: 'PUT', path: '/v1/hostname', body: { hostname: 'A_b' } }, 'hyphens', 'it takes'],
  [{ method: 'PUT', path: '/v1/hostname', body: { hostname: '' } }, 'hyphens', 'it takes'],
  [{ path: '/v1/resolve' }, "'target' in the query", 'it takes target'],
  [{ path: '/v1/resolve?target=a&target=b' }, "'target' in the query", 'it takes'],
  [{ path: '/v1/inbox?limit=many' }, 'expected a whole number', 'limit, from, since'],
  [{ path: '/v1/inbox?limit=0' }, "'limit' in the query", 'it takes'],
  [{ path: '/v1/inbox?limit=1e3' }, 'expected a whole number', 'it takes'],
  [{ path: '/v1/inbox?full=maybe' }, "'full' in the query", 'it takes'],
  [{ path: '/v1/inbox?fron=beta' }, "unknown member 'fron'", "did you mean 'from'?"],
  [{ path: '/v1/events?types=message' }, EVENT_NAMES[0], 'it takes types'],
  [{ path: `/v1/inbox/${'x'.repeat(129)}` }, "'id' in the path", 'it takes id'],
])('%j is refused', async (request, message, hint) => {
  expect(await refused(request)).toMatchObject({
    message: expect.stringContaining(message) as string,
    hint: expect.stringContaining(hint) as string,
  });
});

test.each(['/', '/v1', '/v2/info', '/v1/info/', '/v1/inbox/a/b/c', `/${'x'.repeat(3000)}`])(
  'there is nothing at %s',
  async (url) => {
    const { socketPath } = fixture;
    const { status, json } = await call(socketPath, { path: url });
    expect(status).toBe(501);
    expect(json).toMatchObject({
      code: 'not_supported',
      hint: '/openapi.json lists the routes of this daemon (version 1.2.3)',
    });
  },
);

test.each(['/v1/inbox/%zz', '/v1/inbox/%ff'])('%s is no path', async (url) => {
  const { socketPath } = fixture;
  const { status, json } = await call(socketPath, { path: url });
  expect(status).toBe(400);
  expect(json).toMatchObject({ code: 'invalid_argument' });
});

test('a body is JSON whatever its type says', async () => {
  const { node, socketPath } = fixture;
  const types = ['application/x-www-form-urlencoded', 'text/plain', 'application/json', ''];
  for (const type of types) {
    const headers: Record<string, string> = type === '' ? {} : { 'content-type': type };
    const body = { target: 'beta' };
    const reply = await call(socketPath, { ...post('/v1/ping', body), headers });
    expect(reply.status).toBe(200);
  }
  expect(node.calls.length).toBe(types.length);
});
