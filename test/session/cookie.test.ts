import { expect, test } from 'vitest';

import { WireError } from '../../src/base/wire-error.ts';
import { COOKIE_SECRET_LIFE_MS, CookieIssuer, openCookie } from '../../src/session/cookie.ts';
import {
  decodeCookieReply,
  decodeInitiation,
  encodeCookieReply,
  encodeInitiation,
  withMac2,
} from '../../src/session/handshake-packet.ts';
import { x25519KeyPair } from '../../src/session/x25519.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { seededRandom } from '../support/seeded-random.ts';

const random = seededRandom(1);
const own = x25519KeyPair(random(32)).publicKey;

function setUp(): { clock: ManualClock; issuer: CookieIssuer; initiation: Buffer } {
  const clock = new ManualClock();
  const initiation = encodeInitiation(7, random(120), own);
  return { clock, issuer: new CookieIssuer(clock, random), initiation };
}

function shown(issuer: CookieIssuer, initiation: Buffer, source: string): Buffer {
  const reply = decodeCookieReply(encodeCookieReply(issuer.reply(initiation, source, own)));
  expect(reply.receiverIndex).toBe(7);
  return withMac2(initiation, openCookie(reply, decodeInitiation(initiation).mac1, own));
}

test('a cookie is good for its source, from which any initiation may then come', () => {
  const { issuer, initiation } = setUp();
  const withCookie = shown(issuer, initiation, 'here');
  expect(issuer.accepts(initiation, 'here')).toBe(false);
  expect(issuer.accepts(withCookie, 'here')).toBe(true);
  expect(issuer.accepts(withCookie, 'there')).toBe(false);
});

test('it is good for 2 to 4 minutes', () => {
  const { clock, issuer, initiation } = setUp();
  clock.advance(COOKIE_SECRET_LIFE_MS - 1);
  const withCookie = shown(issuer, initiation, 'here');
  clock.advance(COOKIE_SECRET_LIFE_MS);
  expect(issuer.accepts(withCookie, 'here')).toBe(true);
  clock.advance(COOKIE_SECRET_LIFE_MS);
  expect(issuer.accepts(withCookie, 'here')).toBe(false);
});

test('nothing is left of it after a long pause', () => {
  const { clock, issuer, initiation } = setUp();
  const withCookie = shown(issuer, initiation, 'here');
  clock.advance(2 * COOKIE_SECRET_LIFE_MS);
  expect(issuer.accepts(withCookie, 'here')).toBe(false);
});

test('a reply opens only with the initiation and the responder that it is for', () => {
  const { issuer, initiation } = setUp();
  const reply = issuer.reply(initiation, 'here', own);
  const { mac1 } = decodeInitiation(initiation);
  const stranger = x25519KeyPair(random(32)).publicKey;
  expect(() => openCookie(reply, Buffer.alloc(16), own)).toThrow(WireError);
  expect(() => openCookie(reply, mac1, stranger)).toThrow(WireError);
});
