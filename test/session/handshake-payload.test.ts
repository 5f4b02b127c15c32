import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { encodeCbor } from '../../src/base/cbor.ts';
import { WireError } from '../../src/base/wire-error.ts';
import {
  decodeInitiationPayload,
  decodeResponsePayload,
  encodeInitiationPayload,
  encodeResponsePayload,
} from '../../src/session/handshake-payload.ts';

const initiation = {
  index: 2 ** 32 - 1,
  chain: new Uint8Array(33).fill(1),
  session: new Uint8Array(16).fill(2),
  rekey: false,
  atMs: Date.UTC(2026, 5, 1),
  windowBytes: 2 ** 22,
  batch: undefined,
  features: ['streams'],
};
const members = { ...initiation, at: initiation.atMs, window: initiation.windowBytes };

describe('message 1', () => {
  test('round trip', () => {
    expect(decodeInitiationPayload(encodeInitiationPayload(initiation))).toEqual(initiation);
    const full = { ...initiation, rekey: true, batch: new Uint8Array(200) };
    expect(decodeInitiationPayload(encodeInitiationPayload(full))).toEqual(full);
  });

  test('unknown members are ignored, and so is that there are no features', () => {
    const later = encodeCbor({ ...members, features: null, mood: { good: [1, 2] } });
    expect(decodeInitiationPayload(later)).toEqual({ ...initiation, features: [] });
  });

  test.each([
    ['a short session id', { session: new Uint8Array(15) }],
    ['a chain that is too long', { chain: new Uint8Array(10_000) }],
    ['a window above 32 bits', { window: 2 ** 32 }],
    ['no time', { at: null }],
    ['a time before the epoch', { at: -1 }],
    ['rekey that is no flag', { rekey: 1 }],
    ['a feature that is no text', { features: [1] }],
    ['33 features', { features: Array.from({ length: 33 }, () => 'x') }],
    ['a batch that is no bytes', { batch: 'x' }],
  ])('%s is malformed', (_what, change) => {
    expect(() => decodeInitiationPayload(encodeCbor({ ...members, ...change }))).toThrow(WireError);
  });
});

describe('message 2', () => {
  test('round trip', () => {
    const accepted = { index: 1, accept: true, windowBytes: 5, features: ['a', 'b'] } as const;
    const refused = { index: 1, accept: false, code: 'trust_required' } as const;
    expect(decodeResponsePayload(encodeResponsePayload(accepted))).toEqual(accepted);
    expect(decodeResponsePayload(encodeResponsePayload(refused))).toEqual(refused);
  });

  test.each(['', 'Trust', 'two words', '\u001b[31m', '1st', 'x'.repeat(65)])(
    'the code %j is malformed',
    (code) => {
      const bytes = encodeCbor({ index: 1, accept: false, code });
      expect(() => decodeResponsePayload(bytes)).toThrow(WireError);
    },
  );
});

test('random bytes fail with WireError only', () => {
  const samples = [
    encodeInitiationPayload({ ...initiation, batch: new Uint8Array(9) }),
    encodeResponsePayload({ index: 1, accept: true, windowBytes: 5, features: ['a'] }),
  ];
  const changed = fc
    .tuple(fc.constantFrom(...samples), fc.nat(200), fc.nat(255))
    .map(([sample, at, byte]) => Uint8Array.from(sample, (old, i) => (i === at ? byte : old)));
  const decoders = [decodeInitiationPayload, decodeResponsePayload];
  fc.assert(
    fc.property(
      fc.constantFrom(...decoders),
      fc.oneof(changed, fc.uint8Array({ maxLength: 64 })),
      (decode, bytes) => {
        try {
          decode(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      },
    ),
    { numRuns: 3000 },
  );
});
