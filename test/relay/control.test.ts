import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { fromHex, toHex } from '../../src/base/bytes.ts';
import { encodeCbor } from '../../src/base/cbor.ts';
import { WireError } from '../../src/base/wire-error.ts';
import {
  decodeNodeMessage,
  decodeRelayMessage,
  encodeNodeMessage,
  encodeRelayMessage,
  MAX_WATCH_KEYS,
} from '../../src/relay/control.ts';
import type { NodeMessage, RelayMessage } from '../../src/relay/control-message.ts';
import { dataFrame, framePacket, framePeer, unreachableFrame } from '../../src/relay/protocol.ts';

const bytes = (length: number, fill = 7): Uint8Array => new Uint8Array(length).fill(fill);
const frameOf = (map: object): Uint8Array => Uint8Array.of(1, ...encodeCbor(map));

const FROM_NODE: readonly NodeMessage[] = [
  {
    t: 'login',
    version: 1,
    chain: bytes(33),
    nonce: bytes(32),
    signature: bytes(64),
    instance: bytes(16),
    token: bytes(32),
  },
  { t: 'publish', n: 1, record: bytes(100) },
  { t: 'lookup', n: 2, by: { key: bytes(32) } },
  { t: 'lookup', n: 3, by: { node: 0xffffffff } },
  { t: 'lookup', n: 4, by: { hostname: 'alpha' } },
  { t: 'put', n: 5, to: bytes(32), id: bytes(16), expiresAtMs: 1.8e12, body: bytes(70_000) },
  { t: 'ping', n: 6 },
  { t: 'watch', add: [bytes(32), bytes(32, 1)], remove: [] },
  { t: 'taken', from: bytes(32), id: bytes(16) },
];
const FROM_RELAY: readonly RelayMessage[] = [
  { t: 'challenge', version: 3, oldest: 2, key: bytes(32), nonce: bytes(32) },
  {
    t: 'welcome',
    signature: bytes(64),
    limits: { frameBytes: 1, bodyBytes: 2, watch: 3 },
    timeMs: 1.7e12,
  },
  {
    t: 'welcome',
    signature: bytes(64),
    limits: { frameBytes: 1, bodyBytes: 2, watch: 3 },
    stunPort: 65_535,
    timeMs: 1.7e12,
  },
  { t: 'reply', n: 1, code: 'ok', record: bytes(5) },
  { t: 'reply', n: 1, code: 'hostname_taken', record: undefined },
  { t: 'presence', key: bytes(32), online: false },
  { t: 'envelope', id: bytes(16), from: bytes(32), atMs: 1.7e12, body: bytes(0) },
  { t: 'notice', code: 'rate_limited' },
  { t: 'error', code: 'version' },
];

describe('what is encoded is decoded again', () => {
  test.each(FROM_NODE.map((message) => [message.t, message] as const))('%s', (_t, message) => {
    expect(decodeNodeMessage(encodeNodeMessage(message))).toEqual(message);
  });
  test.each(FROM_RELAY.map((message) => [message.t, message] as const))('%s', (_t, message) => {
    expect(decodeRelayMessage(encodeRelayMessage(message))).toEqual(message);
  });
});

test('data and unreachable frames in bytes', () => {
  const key = bytes(32, 0xab);
  const frame = dataFrame(key, Uint8Array.of(1, 2));
  expect(toHex(frame)).toBe(`10${'ab'.repeat(32)}0102`);
  expect(toHex(framePeer(frame))).toBe('ab'.repeat(32));
  expect(toHex(framePacket(frame))).toBe('0102');
  expect(toHex(unreachableFrame(key))).toBe(`11${'ab'.repeat(32)}`);
});

describe('what a later version may send', () => {
  test('unknown types are no message', () => {
    expect(decodeNodeMessage(frameOf({ t: 'dance', to: 1 }))).toBeUndefined();
    expect(decodeRelayMessage(frameOf({ t: 'dance', to: 1 }))).toBeUndefined();
  });
  test('unknown members are ignored', () => {
    expect(decodeNodeMessage(frameOf({ t: 'ping', n: 1, more: [1, { a: 2 }] }))).toEqual({
      t: 'ping',
      n: 1,
    });
  });
  test('a challenge without `min` speaks one version', () => {
    const challenge = frameOf({ t: 'challenge', v: 4, key: bytes(32), nonce: bytes(32) });
    expect(decodeRelayMessage(challenge)).toMatchObject({ version: 4, oldest: 4 });
  });
  test('whole numbers as doubles are whole numbers', () => {
    expect(
      decodeNodeMessage(fromHex('01a2617464' + '70696e67' + '616efb4000000000000000')),
    ).toEqual({ t: 'ping', n: 2 });
  });
});

describe('refuses', () => {
  const login = { t: 'login', v: 1, chain: bytes(33), nonce: bytes(32), sig: bytes(64) };
  const put = { t: 'put', n: 1, to: bytes(32), id: bytes(16), expires: 1, body: bytes(1) };
  test.each<[string, object]>([
    ['no type', { n: 1 }],
    ['a type that is a number', { t: 1 }],
    ['a login without an instance', login],
    ['a login with a short nonce', { ...login, instance: bytes(16), nonce: bytes(31) }],
    ['a login with a short signature', { ...login, instance: bytes(16), sig: bytes(63) }],
    ['a login with a long chain', { ...login, instance: bytes(16), chain: bytes(10_000) }],
    ['a login with a token in the clear', { ...login, instance: bytes(16), token: 'secret' }],
    ['a put to half a key', { ...put, to: bytes(16) }],
    ['a put with a long id', { ...put, id: bytes(17) }],
    ['a put that expires before time began', { ...put, expires: -1 }],
    ['a put with text for a body', { ...put, body: 'text' }],
    ['a lookup of nothing', { t: 'lookup', n: 1 }],
    ['a lookup of a number too large', { t: 'lookup', n: 1, node: 2 ** 32 }],
    ['a lookup of a long hostname', { t: 'lookup', n: 1, hostname: 'a'.repeat(64) }],
    ['a request without a number', { t: 'ping' }],
    ['a request with half a number', { t: 'ping', n: 0.5 }],
    ['a watch of something else', { t: 'watch', add: [1] }],
    ['a watch of too much', { t: 'watch', add: Array(MAX_WATCH_KEYS + 1).fill(bytes(32)) }],
    ['a publication too long', { t: 'publish', n: 1, record: bytes(20_000) }],
  ])('%s', (_what, map) => {
    expect(() => decodeNodeMessage(frameOf(map))).toThrow(WireError);
  });
  test.each([0, 65_536, -1, 3478.5, '3478'])('a welcome with STUN at port %s', (stun) => {
    const limits = { frame: 1, body: 2, watch: 3 };
    const welcome = frameOf({ t: 'welcome', sig: bytes(64), limits, stun, time: 1 });
    expect(() => decodeRelayMessage(welcome)).toThrow(WireError);
  });
  test('a frame of another type', () => {
    expect(() => decodeNodeMessage(Uint8Array.of(2, 0xa0))).toThrow(WireError);
    expect(() => decodeNodeMessage(new Uint8Array())).toThrow(WireError);
  });
});

describe('bytes that somebody chose', () => {
  const valid = [...FROM_NODE.map(encodeNodeMessage), ...FROM_RELAY.map(encodeRelayMessage)].filter(
    (frame) => frame.length < 1000,
  );
  const damaged = fc
    .record({
      frame: fc.constantFrom(...valid),
      at: fc.nat(),
      value: fc.nat(255),
      length: fc.nat(),
    })
    .map(({ frame, at, value, length }) => {
      const copy = frame.slice(0, 1 + (length % frame.length));
      copy[at % copy.length] = value;
      return copy;
    });

  test.each([
    ['a node', decodeNodeMessage],
    ['a relay', decodeRelayMessage],
  ])('from %s are a message, nothing, or a WireError', (_who, decode) => {
    const anything = fc.oneof(fc.uint8Array({ maxLength: 300 }), damaged);
    fc.assert(
      fc.property(anything, (frame) => {
        try {
          decode(frame);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
