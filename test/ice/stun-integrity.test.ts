import { readFileSync } from 'node:fs';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { fromHex, toHex } from '../../src/base/bytes.ts';
import { WireError } from '../../src/base/wire-error.ts';
import {
  appendFingerprint,
  signMessageIntegrity,
  verifyFingerprint,
  verifyMessageIntegrity,
} from '../../src/ice/stun-integrity.ts';
import { decodeStunMessage, encodeBindingRequest } from '../../src/ice/stun-message.ts';

const { password, ...vectors } = JSON.parse(
  readFileSync(new URL('../vectors/stun-rfc5769.json', import.meta.url), 'utf8'),
) as Record<'request' | 'responseIPv4' | 'responseIPv6', { hex: string }> & { password: string };
const NAMES = ['request', 'responseIPv4', 'responseIPv6'] as const;
/** FINGERPRINT is the last 8 bytes of each vector, MESSAGE-INTEGRITY the 24 before. */
const FINGERPRINT_BYTES = 8;
const INTEGRITY_BYTES = 24;

describe.each(NAMES)('RFC 5769 %s', (name) => {
  const bytes = fromHex(vectors[name].hex);

  test('both verify', () => {
    expect(verifyMessageIntegrity(bytes, password)).toBe(true);
    expect(verifyFingerprint(bytes)).toBe(true);
  });

  test('both verify in a Buffer that is part of another, which stays as it is', () => {
    const whole = Buffer.from(`ffff${vectors[name].hex}ffff`, 'hex');
    const before = Buffer.from(whole);
    const part = whole.subarray(2, -2);
    expect(verifyMessageIntegrity(part, password) && verifyFingerprint(part)).toBe(true);
    expect(whole).toEqual(before);
  });

  test('another password does not', () => {
    expect(verifyMessageIntegrity(bytes, `${password}x`)).toBe(false);
  });

  test('signing the bare message gives the bytes of the RFC, its padding included', () => {
    const bare = bytes.slice(0, -INTEGRITY_BYTES - FINGERPRINT_BYTES);
    expect(toHex(appendFingerprint(signMessageIntegrity(bare, password)))).toBe(toHex(bytes));
  });

  test('any flipped bit is noticed by one of them, or is no message', () => {
    fc.assert(
      fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
        const changed = bytes.slice();
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        try {
          const holds = verifyMessageIntegrity(changed, password) && verifyFingerprint(changed);
          expect(holds).toBe(false);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
    );
  });
});

const bare = encodeBindingRequest(new Uint8Array(12));

test('sign and verify a message of ours', () => {
  const signed = appendFingerprint(signMessageIntegrity(bare, 'secret'));
  expect(signed).toHaveLength(20 + INTEGRITY_BYTES + FINGERPRINT_BYTES);
  expect(verifyMessageIntegrity(signed, 'secret')).toBe(true);
  expect(verifyFingerprint(signed)).toBe(true);
  expect(decodeStunMessage(signed)).toMatchObject({
    hasMessageIntegrity: true,
    hasFingerprint: true,
  });
});

test('without the attribute, or with one of a wrong length, nothing is verified', () => {
  expect(verifyMessageIntegrity(bare, '')).toBe(false);
  expect(verifyFingerprint(bare)).toBe(false);
  const id = '00'.repeat(12);
  expect(verifyMessageIntegrity(fromHex(`000100042112a442${id}00080000`), '')).toBe(false);
  expect(verifyFingerprint(fromHex(`000100042112a442${id}80280000`))).toBe(false);
});

test.each([
  ['empty', new Uint8Array()],
  ['not STUN', new Uint8Array(40)],
])('%s: WireError', (_, bytes) => {
  expect(() => verifyMessageIntegrity(bytes, 'x')).toThrow(WireError);
  expect(() => verifyFingerprint(bytes)).toThrow(WireError);
});
