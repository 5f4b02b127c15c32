import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { type ErrorCode, PilotError } from '../../../src/base/pilot-error.ts';
import { WireError } from '../../../src/base/wire-error.ts';
import {
  socksFailure,
  SocksRefusal,
  socksReply,
  type Take,
  takeGreeting,
  takeRequest,
} from '../../../src/daemon/tunnels/socks5.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Takes of these bytes; a connection that ends after them. */
function takeFrom(bytes: Uint8Array): Take {
  let at = 0;
  return async (count) => {
    const end = at + count;
    if (end > bytes.length) return Promise.reject(new WireError('the connection ended early'));
    const taken = Buffer.from(bytes.subarray(at, end));
    at = end;
    return Promise.resolve(taken);
  };
}

/** What is answered, asked or wrong, in words. */
async function outcome<T>(taking: Promise<T>, show: (value: T) => string): Promise<string> {
  try {
    return show(await taking);
  } catch (error) {
    if (error instanceof SocksRefusal) return `refused ${hex(error.bytes)}`;
    if (error instanceof WireError) return error.message;
    throw error;
  }
}

const greeting = async (bytes: Uint8Array): Promise<string> =>
  outcome(takeGreeting(takeFrom(bytes)), hex);
const request = async (bytes: Uint8Array): Promise<string> =>
  outcome(takeRequest(takeFrom(bytes)), ({ host, port }) => `${host} ${port}`);

describe('the greeting (RFC 1928, 3)', () => {
  test.each([
    ['050100', '0500'],
    ['05020200', '0500'],
    ['05ff' + '01'.repeat(254) + '00', '0500'],
    // Passwords, GSSAPI, nothing at all: 0xff, no acceptable method.
    ['050102', 'refused 05ff'],
    ['05020102', 'refused 05ff'],
    ['0500', 'refused 05ff'],
    ['040100', 'not SOCKS5'],
    ['05', 'the connection ended early'],
    ['050300', 'the connection ended early'],
    ['', 'the connection ended early'],
  ])('%s: %s', async (bytes, answer) => {
    expect(await greeting(Buffer.from(bytes, 'hex'))).toBe(answer);
  });
});

describe('the request (RFC 1928, 4)', () => {
  test.each([
    ['05010003' + '03' + '626f62' + '0050', 'bob 80'],
    ['05010003' + '01' + '61' + '0000', 'a 0'],
    ['05010003' + 'ff' + '61'.repeat(255) + 'ffff', `${'a'.repeat(255)} 65535`],
    // The reserved byte says nothing.
    ['0501ff03' + '01' + '61' + '0001', 'a 1'],
    ['05010001' + '7f000001' + '0016', 'refused 05020001000000000000'],
    ['05010004' + '00'.repeat(15) + '01' + '0016', 'refused 05020001000000000000'],
    ['05020003', 'refused 05070001000000000000'],
    ['05030003', 'refused 05070001000000000000'],
    ['05000003', 'refused 05070001000000000000'],
    ['05010002', 'refused 05080001000000000000'],
    ['050100ff', 'refused 05080001000000000000'],
    ['05010003' + '00' + '0050', 'an empty name'],
    ['05010003' + '05' + '626f62', 'the connection ended early'],
    ['05010003' + '03' + '626f62' + '00', 'the connection ended early'],
    ['05010003', 'the connection ended early'],
    ['04010050', 'not SOCKS5'],
  ])('%s: %s', async (bytes, answer) => {
    expect(await request(Buffer.from(bytes, 'hex'))).toBe(answer);
  });
});

test('no bytes do anything else than to be taken, refused, or no SOCKS5', async () => {
  // Half of them begin well, so that what comes later is reached.
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }).map((rest) => Buffer.concat([Buffer.of(5, 1, 0), rest])),
  );
  await fc.assert(
    fc.asyncProperty(bytes, async (input) => {
      expect(await greeting(input)).toMatch(/^(0500|refused 05ff|not SOCKS5|the connection .*)$/);
      expect(await request(input)).toMatch(
        /^([^]+ \d+|refused 05[0-9a-f]{18}|not SOCKS5|an empty name|the connection .*)$/,
      );
    }),
    { numRuns: 500, seed: 5 },
  );
});

test.each<[ErrorCode, string]>([
  ['connection_refused', '05'],
  ['permission_denied', '02'],
  ['trust_required', '02'],
  ['connection_failed', '04'],
  ['not_found', '04'],
  ['timeout', '04'],
  ['invalid_argument', '01'],
  ['internal', '01'],
])('a dial that failed with %s is reply %s', (code, reply) => {
  const error = new PilotError(code, 'why', { hint: 'what next' });
  expect(hex(socksFailure(error))).toBe(`05${reply}0001000000000000`);
  expect(hex(socksReply('succeeded'))).toBe('05000001000000000000');
});
