import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { MessageType } from '../../src/client/api.ts';
import {
  encodePayload,
  type Payload,
  payloadBytes,
  payloadJson,
  payloadText,
} from '../../src/client/payload.ts';
import { incoming } from './fake-nodes.ts';

const euro = new TextEncoder().encode('€');

test.each<[Payload, MessageType | undefined, object]>([
  ['hello', undefined, { type: 'text', data: 'hello' }],
  ['hello', 'json', { type: 'json', data: '"hello"' }],
  ['€', 'binary', { type: 'binary', data: '4oKs', encoding: 'base64' }],
  [{ a: [1, null] }, undefined, { type: 'json', data: '{"a":[1,null]}' }],
  [7, undefined, { type: 'json', data: '7' }],
  [null, undefined, { type: 'json', data: 'null' }],
  [{ a: 1 }, 'text', { type: 'text', data: '{"a":1}' }],
  [euro, undefined, { type: 'binary', data: '4oKs', encoding: 'base64' }],
  [euro, 'text', { type: 'text', data: '€' }],
])('%j as %s', (payload, type, encoded) => {
  expect(encodePayload(payload, type)).toEqual(encoded);
});

test('bytes that are not text are refused as text', () => {
  expect(() => encodePayload(new Uint8Array([0xff]), 'text')).toThrow(
    expect.objectContaining({
      code: 'invalid_argument',
      hint: expect.stringContaining('binary') as string,
    }),
  );
});

describe('what was encoded is read again', () => {
  test('bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(payloadBytes(incoming('1', encodePayload(bytes)))).toEqual(bytes);
      }),
    );
  });

  test('text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const message = incoming('1', encodePayload(text));
        expect(payloadText(message)).toBe(text);
        expect(payloadText(incoming('1', encodePayload(payloadBytes(message))))).toBe(text);
      }),
    );
  });

  test('JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 2 }), (value) => {
        const message = incoming('1', encodePayload(value, 'json'));
        expect(payloadJson(message)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

test('a preview is not a payload', () => {
  expect(() => payloadBytes(incoming('1', { preview: 'hel' }))).toThrow(/without its payload/);
});

test('a peer that says JSON and sends something else', () => {
  expect(() => payloadJson(incoming('1', { type: 'json', data: '{' }))).toThrow(
    expect.objectContaining({ code: 'invalid_argument' }),
  );
});
