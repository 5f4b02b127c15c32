import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { ERROR_CODES } from '../../../src/base/pilot-error.ts';
import { EVENT_NAMES, ROUTES } from '../../../src/client/api.ts';
import { STATUS_BY_CODE } from '../../../src/daemon/api/api-errors.ts';
import { REPLIES } from '../../../src/daemon/api/api-replies.ts';
import { openapiDocument, SUMMARIES } from '../../../src/daemon/api/openapi.ts';
import { call, startApi } from './api-fixture.ts';

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required: boolean;
  readonly schema: Record<string, unknown>;
}
interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly content: Record<string, { schema: Record<string, unknown> }> };
  readonly responses: Record<string, { readonly content: Record<string, { schema: object }> }>;
}
interface Document {
  readonly openapi: string;
  readonly info: { readonly version: string };
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, Record<string, unknown>> };
}

const document = openapiDocument('1.2.3') as unknown as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

test('it is served as it is made', async () => {
  const { socketPath } = await startApi();
  const reply = await call(socketPath, { path: '/openapi.json' });
  expect(reply.status).toBe(200);
  expect(reply.json).toEqual(JSON.parse(JSON.stringify(document)));
  expect(document).toMatchObject({ openapi: '3.1.0', info: { version: '1.2.3' } });
});

test('every route is there, and nothing else', () => {
  const described = operations.map(({ path, method, operation }) => [
    operation.operationId,
    { method: method.toUpperCase(), path: path.replace(/\{(\w+)\}/g, ':$1') },
  ]);
  expect(Object.fromEntries(described)).toEqual(ROUTES);
  expect(described.length).toBe(Object.keys(ROUTES).length);
});

test('every reference leads somewhere', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g)].map(
    ([, reference]) => reference ?? '',
  );
  const known = Object.keys(document.components.schemas).map((id) => `#/components/schemas/${id}`);
  expect(references.length).toBeGreaterThan(30);
  expect(references.filter((reference) => !known.includes(reference))).toEqual([]);
});

test('no schema speaks another dialect or allows everything', () => {
  const text = JSON.stringify(document);
  expect(text).not.toContain('$schema');
  expect(text).not.toContain('$id');
  for (const schema of Object.values(document.components.schemas)) {
    expect(schema).toMatchObject({ type: 'object', properties: expect.any(Object) as object });
  }
});

describe.each(operations)('$operation.operationId', ({ path, operation }) => {
  test('has its path parameters, a summary, an answer and the failure', () => {
    const inPath = operation.parameters.filter((parameter) => parameter.in === 'path');
    expect(inPath.map(({ name }) => name)).toEqual(
      [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
    );
    expect(inPath.every(({ required }) => required)).toBe(true);
    expect(operation.summary.length).toBeGreaterThan(5);
    const upgraded = /^(calls|datagrams|subscribeTopic|publishTopics|\w+Streams?)$/;
    const isUpgraded = upgraded.test(operation.operationId);
    const done = isUpgraded ? '101' : '200';
    expect(Object.keys(operation.responses)).toEqual([done, 'default']);
    expect(operation.responses['default']?.content['application/json']?.schema).toEqual({
      $ref: '#/components/schemas/Failure',
    });
    const bodies = Object.keys(operation.responses[done]?.content ?? {});
    expect(bodies.length).toBe(done === '101' ? 0 : 1);
  });
});

test('a request is described as it is checked', () => {
  const send = document.paths['/v1/messages']?.['post']?.requestBody?.content['application/json'];
  expect(send?.schema).toMatchObject({
    type: 'object',
    required: ['target', 'type', 'data'],
    additionalProperties: false,
    properties: {
      type: { enum: ['text', 'json', 'binary'] },
      message_id: { type: 'string', format: 'uuid' },
      wait_ms: { type: 'integer', minimum: 0, maximum: 86_400_000 },
    },
  });
  const inbox = document.paths['/v1/inbox']?.['get']?.parameters ?? [];
  expect(inbox.map(({ name, schema }) => [name, schema['type']])).toEqual([
    ['limit', 'integer'],
    ['from', 'string'],
    ['since', 'string'],
    ['full', 'boolean'],
    ['unread', 'boolean'],
  ]);
  expect(inbox.some(({ required }) => required)).toBe(false);
});

test('an answer may have more members than it names', () => {
  expect(document.components.schemas['NodeNames']).not.toHaveProperty('additionalProperties');
  expect(document.components.schemas['NodeNames']).toMatchObject({
    required: ['id', 'node_id', 'address', 'hostname'],
  });
});

test('every event has its data described', () => {
  const stream =
    document.paths['/v1/events']?.['get']?.responses['200']?.content['text/event-stream'];
  expect(Object.keys((stream as unknown as { 'x-event-data': object })['x-event-data'])).toEqual([
    ...EVENT_NAMES,
  ]);
});

test.each(['info', 'health', 'identity', 'config', 'pendingTrust', 'listTrust', 'peers'] as const)(
  'what %s really answers fits its schema',
  async (name) => {
    const { socketPath } = await startApi();
    const { json } = await call(socketPath, { path: ROUTES[name].path });
    expect(REPLIES[name].safeParse(json)).toMatchObject({ success: true });
  },
);

describe('docs/local-api.md', () => {
  const page = readFileSync(new URL('../../../docs/local-api.md', import.meta.url), 'utf8');

  test.each(Object.entries(ROUTES))('lists %s', (name, { method, path }) => {
    const row = `| \`${method} ${path}\` | ${SUMMARIES[name as keyof typeof ROUTES]} |`;
    expect(page.replace(/ +/g, ' ')).toContain(row);
  });

  test.each(ERROR_CODES)('gives the status of %s', (code) => {
    expect(page.replace(/ +/g, ' ')).toMatch(
      new RegExp(`\\| ${STATUS_BY_CODE[code]} \\| [^|\\n]*\`${code}\``),
    );
  });

  test.each(EVENT_NAMES)('lists the event %s', (name) => {
    expect(page).toContain(`\`${name}\``);
  });
});
