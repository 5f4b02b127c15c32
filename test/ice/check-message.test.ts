import { readFileSync } from 'node:fs';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { fromHex, toHex } from '../../src/base/bytes.ts';
import {
  areIceCredentials,
  type CheckRequest,
  createIceCredentials,
  encodeCheckError,
  encodeCheckRequest,
  encodeCheckSuccess,
  encodeCheckUnknownAttributes,
} from '../../src/ice/check-message.ts';
import { verifyFingerprint, verifyMessageIntegrity } from '../../src/ice/stun-integrity.ts';
import { decodeStunMessage } from '../../src/ice/stun-message.ts';
import { seededRandom } from '../support/seeded-random.ts';

interface Vectors {
  readonly password: string;
  readonly request: { readonly iceControlled: string; readonly priority: number };
}
const vectors = JSON.parse(
  readFileSync(new URL('../vectors/stun-rfc5769.json', import.meta.url), 'utf8'),
) as Vectors;
const ID = fromHex('b7e7a701bc34d686fa87dfae');
const { password } = vectors;

/** What the sample request of RFC 5769, 2.1 says, SOFTWARE left out. */
const SAMPLE: CheckRequest = {
  transactionId: ID,
  remote: { ufrag: 'evtj', password },
  localUfrag: 'h6vY',
  priority: vectors.request.priority,
  role: 'controlled',
  tieBreaker: fromHex(vectors.request.iceControlled),
  nominate: false,
};

function expectSealed(bytes: Uint8Array): void {
  expect(verifyMessageIntegrity(bytes, password)).toBe(true);
  expect(verifyFingerprint(bytes)).toBe(true);
}

describe('request', () => {
  test('the bytes', () => {
    const bytes = encodeCheckRequest(SAMPLE);
    expectSealed(bytes);
    // 32 bytes of MESSAGE-INTEGRITY and FINGERPRINT follow.
    expect(toHex(bytes.subarray(0, -32))).toBe(
      '000100442112a442b7e7a701bc34d686fa87dfae' +
        '000600096576746a3a68367659000000' +
        '002400046e0001ff' +
        '80290008932ff9b151263b36',
    );
  });

  test('reads back', () => {
    expect(decodeStunMessage(encodeCheckRequest(SAMPLE))).toMatchObject({
      class: 'request',
      method: 1,
      transactionId: ID,
      username: 'evtj:h6vY',
      priority: SAMPLE.priority,
      iceControlled: SAMPLE.tieBreaker,
      iceControlling: undefined,
      useCandidate: false,
      unknownRequired: [],
    });
  });

  test('as nomination of the controlling side', () => {
    const bytes = encodeCheckRequest({ ...SAMPLE, role: 'controlling', nominate: true });
    expectSealed(bytes);
    expect(decodeStunMessage(bytes)).toMatchObject({
      iceControlling: SAMPLE.tieBreaker,
      iceControlled: undefined,
      useCandidate: true,
    });
  });

  test('any priority and tie-breaker and back', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 ** 31 - 1 }),
        fc.uint8Array({ minLength: 8, maxLength: 8 }),
        (priority, tieBreaker) => {
          const bytes = encodeCheckRequest({ ...SAMPLE, priority, tieBreaker });
          expect(decodeStunMessage(bytes)).toMatchObject({ priority, iceControlled: tieBreaker });
        },
      ),
    );
  });
});

describe('answers', () => {
  test('success', () => {
    const mapped = { host: '192.0.2.1', port: 32853 };
    const bytes = encodeCheckSuccess(ID, mapped, password);
    expectSealed(bytes);
    expect(decodeStunMessage(bytes)).toMatchObject({ class: 'success', xorMappedAddress: mapped });
  });

  test.each([400, 401, 487] as const)('error %i', (code) => {
    const bytes = encodeCheckError(ID, code, password);
    expectSealed(bytes);
    expect(decodeStunMessage(bytes)).toMatchObject({ class: 'error', errorCode: { code } });
  });

  test('420 with the attributes', () => {
    const bytes = encodeCheckUnknownAttributes(ID, [0x0003, 0x7fff], password);
    expectSealed(bytes);
    expect(decodeStunMessage(bytes).errorCode?.code).toBe(420);
    expect(toHex(bytes)).toContain('000a000400037fff');
  });

  test('none is larger than the smallest request that gets it', () => {
    const request = encodeCheckRequest({ ...SAMPLE, localUfrag: 'abcd' }).length;
    const v6 = { host: '2001:db8::1', port: 1 };
    expect(encodeCheckSuccess(ID, v6, password).length).toBeLessThanOrEqual(request);
    expect(encodeCheckError(ID, 487, password).length).toBeLessThanOrEqual(request);
  });
});

describe('credentials', () => {
  test('have the size that the head of the file names', () => {
    const credentials = createIceCredentials(seededRandom(1));
    expect(credentials).toEqual({
      ufrag: expect.stringMatching(/^[A-Za-z0-9+/]{8}$/) as string,
      password: expect.stringMatching(/^[A-Za-z0-9+/]{24}$/) as string,
    });
    expect(areIceCredentials(credentials)).toBe(true);
    const bytes = encodeCheckRequest({
      ...SAMPLE,
      remote: credentials,
      localUfrag: credentials.ufrag,
    });
    expect(bytes).toHaveLength(96);
    expect(encodeCheckSuccess(ID, { host: '::1', port: 1 }, password)).toHaveLength(76);
  });

  test.each([
    ['a short fragment', 'abc', 'x'.repeat(22)],
    ['a long fragment', 'a'.repeat(257), 'x'.repeat(22)],
    ['a colon', 'ab:cd', 'x'.repeat(22)],
    ['a short password', 'abcd', 'x'.repeat(21)],
    ['a long password', 'abcd', 'x'.repeat(257)],
    ['a space', 'abcd', `${'x'.repeat(22)} `],
  ])('%s is refused', (_, ufrag, word) => {
    expect(areIceCredentials({ ufrag, password: word })).toBe(false);
  });
});
