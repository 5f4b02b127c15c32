/** Messages of libjuice, recorded on loopback: the role conflict where both control and it has the larger tie-breaker. */
import { describe, expect, test } from 'vitest';

import { fromHex } from '../../src/base/bytes.ts';
import { verifyFingerprint, verifyMessageIntegrity } from '../../src/ice/stun-integrity.ts';
import { decodeStunMessage } from '../../src/ice/stun-message.ts';

const OURS = { ufrag: 'csgireTB', password: 'WcLbLLUKUGf9Jy+mdIXQq1Ac' };
const LIBJUICE = { ufrag: 'Ejwb', password: '+rMAn7hTbGbvOc/fK/45Jh' };

const MESSAGES = {
  check:
    '000100542112a44276c076f28d57247f6bee7d80002400046e0fffff802a00083c85e4fcc3ce584b' +
    '802200086c69626a756963650006000d63736769726554423a456a776200000000080014e60230a5' +
    '1b6b372dedf6932fe2419b13dbd48e3280280004b1b00534',
  conflict:
    '0111003c2112a44208352f2d410be369f2c9ec8600090009000004574572726f7200000080220008' +
    '6c69626a75696365000800144382b301bfe2ab04c38880014b7fbfe53fba732d80280004ecd80e37',
  nomination:
    '000100582112a442fc9f3a34069f09308399cf65002400046e0fffff00250000802a00083c85e4fc' +
    'c3ce584b802200086c69626a756963650006000d63736769726554423a456a776200000000080014' +
    '5d40a8e1f221c511b659538dc0a4ba354d92f1ec80280004b289a02c',
  success:
    '010100382112a442633760328fdcf6b19401136f002000080001b8815e12a443802200086c69626a' +
    '756963650008001434c07a9a1bed74f27e7bf514315b71e4ebb9b2b380280004c66728bf',
};

describe('a message of libjuice', () => {
  test.each(Object.entries(MESSAGES))('%s: is authentic', (kind, hex) => {
    const bytes = fromHex(hex);
    // A request is signed with the password of who gets it, an answer with that of who sends it.
    const isRequest = kind === 'check' || kind === 'nomination';
    const { password } = isRequest ? OURS : LIBJUICE;
    expect(verifyMessageIntegrity(bytes, password)).toBe(true);
    expect(verifyFingerprint(bytes)).toBe(true);
    expect(decodeStunMessage(bytes)).toMatchObject({ software: 'libjuice', unknownRequired: [] });
  });

  test('a check, and the nomination that follows', () => {
    const request = {
      class: 'request',
      username: `${OURS.ufrag}:${LIBJUICE.ufrag}`,
      priority: 0x6e0fffff,
      iceControlling: fromHex('3c85e4fcc3ce584b'),
      iceControlled: undefined,
    };
    for (const [hex, useCandidate] of [
      [MESSAGES.check, false],
      [MESSAGES.nomination, true],
    ] as const) {
      expect(decodeStunMessage(fromHex(hex))).toMatchObject({ ...request, useCandidate });
    }
  });

  test('the refusal of our role', () => {
    const { class: kind, errorCode } = decodeStunMessage(fromHex(MESSAGES.conflict));
    expect(kind).toBe('error');
    expect(errorCode).toMatchObject({ code: 487 });
  });

  test('an answer', () => {
    expect(decodeStunMessage(fromHex(MESSAGES.success))).toMatchObject({
      class: 'success',
      xorMappedAddress: { host: '127.0.0.1', port: 39315 },
    });
  });
});
