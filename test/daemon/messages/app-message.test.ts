import { readFileSync } from 'node:fs';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { fromHex, toHex, utf8 } from '../../../src/base/bytes.ts';
import { encodeCbor } from '../../../src/base/cbor.ts';
import { WireError } from '../../../src/base/wire-error.ts';
import {
  type AppMessage,
  decodeAppMessage,
  encodeAppMessage,
} from '../../../src/daemon/messages/app-message.ts';
import {
  isUuid,
  newUuid,
  uuidFromBytes,
  uuidToBytes,
} from '../../../src/daemon/messages/uuid-bytes.ts';
import { documentVectors } from '../../support/document-vectors.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const ID = '0193f5a2-7c1e-7b3a-9d2f-5e8c4a1b6d70';
const CORRELATION_ID = '0193f5a2-7c1e-7b3a-9d2f-5e8c4a1b6d71';
const ANSWERED_ID = '0193f5a2-7c1e-7b3a-9d2f-5e8c4a1b6d72';
const atMs = Date.UTC(2026, 0, 1);
const record = Uint8Array.of(1, 2, 3, 4);

const message: AppMessage = {
  kind: 'message',
  id: ID,
  correlationId: CORRELATION_ID,
  replyTo: '',
  type: 'text',
  payload: utf8('hello'),
  sentAtMs: atMs,
  expiresAtMs: atMs + 86_400_000,
  run: 305_419_896,
};
const VECTORS: Record<string, AppMessage> = {
  message,
  'message that answers': { ...message, replyTo: ANSWERED_ID, type: 'json', payload: utf8('{}') },
  delivered: { kind: 'delivered', ids: [ID, ANSWERED_ID] },
  refused: { kind: 'refused', id: ID, code: 'inbox_full', run: 305_419_896 },
  request: { kind: 'request', record, why: 'let us talk', atMs },
  accepted: { kind: 'accept', record, atMs },
  rejected: { kind: 'reject', why: 'not today', atMs },
  revoked: { kind: 'revoke', atMs },
  ...pathItems(),
};

function pathItems(): Record<string, AppMessage> {
  const url = new URL('../../vectors/path-items.json', import.meta.url);
  const { items } = JSON.parse(readFileSync(url, 'utf8')) as {
    items: readonly { readonly name: string; readonly item: AppMessage }[];
  };
  return Object.fromEntries(items.map(({ name, item }) => [name, item]));
}

describe('the bytes in docs/protocol-messages.md', () => {
  test('are those that this code makes', () => {
    const made = Object.entries(VECTORS).map(([name, item]) => [
      name,
      toHex(encodeAppMessage(item)),
    ]);
    expect(documentVectors('protocol-messages.md')).toEqual(Object.fromEntries(made));
  });

  test.each(Object.keys(VECTORS))('are read as %s', (name) => {
    expect(decodeAppMessage(fromHex(documentVectors('protocol-messages.md')[name] ?? ''))).toEqual(
      VECTORS[name],
    );
  });
});

test('a kind of a later release is skipped, members of one are ignored', () => {
  expect(decodeAppMessage(encodeCbor({ k: 'z', at: 1 }))).toBeUndefined();
  expect(decodeAppMessage(encodeCbor({ k: 'u', at: 1, later: [1, 2] }))).toEqual({
    kind: 'revoke',
    atMs: 1,
  });
});

test.each([
  ['no kind', { id: uuidToBytes(ID) }],
  ['a short id', { k: 'n', id: new Uint8Array(15), code: 'x', g: 1 }],
  ['an unknown type', { ...members(), t: 3 }],
  ['no payload', { ...members(), b: undefined }],
  ['a negative time', { ...members(), x: -1 }],
  ['too many receipts', { k: 'd', ids: Array.from({ length: 65 }, () => uuidToBytes(ID)) }],
  ['a receipt that is no id', { k: 'd', ids: [1] }],
  ['a record that is too long', { k: 'a', record: new Uint8Array(20_000), at: 1 }],
])('%s is malformed', (_what, item) => {
  expect(() => decodeAppMessage(encodeCbor(item))).toThrow(WireError);
});

function members(): Record<string, unknown> {
  const id = uuidToBytes(ID);
  return { k: 'm', id, c: id, t: 0, b: record, s: 1, x: 2, g: 3 };
}

test('whatever comes, it is read or malformed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), (noise, at) => {
      const real = encodeAppMessage(message).slice();
      real[at % real.length] = noise[0] ?? 0;
      for (const bytes of [noise, real]) {
        try {
          decodeAppMessage(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }
    }),
    { numRuns: 1000 },
  );
});

test('ids are UUIDv7 with their time, and the same as bytes', () => {
  const clock = new ManualClock(0x0193_f5a2_7c1e);
  const id = newUuid(clock, seededRandom(3));
  expect(id).toMatch(/^0193f5a2-7c1e-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  expect(isUuid(id)).toBe(true);
  expect(isUuid(id.toUpperCase())).toBe(false);
  expect(uuidFromBytes(uuidToBytes(id))).toBe(id);
});
