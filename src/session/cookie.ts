/**
 * Cookies, as WireGuard has them (its paper, section 5.4.7): under load a responder does no curve
 * arithmetic for a source that has not shown that it receives what is sent to it.
 *
 *     cookie       = BLAKE2s-128(key: a secret that changes every 2 minutes, source)
 *     sealed       = AES-256-GCM(key: BLAKE2s-256(key: BLAKE2s-256("pilot/1 cookie" ‖ responder's X25519 key), nonce),
 *                                nonce 0, associated data: mac1 of the initiation, cookie)
 *
 * Sealing keeps the cookie from those who do not know the responder, and ties it to one initiation. A
 * key of its own for each 16-byte random nonce stands in for WireGuard's XChaCha20.
 */
import { blake2s } from '@noble/hashes/blake2.js';

import { utf8 } from '../base/bytes.ts';
import type { Clock } from '../base/clock.ts';
import type { RandomBytes } from '../base/random.ts';
import { openAead, sealAead } from './aead.ts';
import {
  COOKIE_NONCE_BYTES,
  type CookieReply,
  decodeInitiation,
  hasValidMac2,
  keyFromPublic,
  shortMac,
} from './handshake-packet.ts';

/** WireGuard's COOKIE_REFRESH_TIME. */
export const COOKIE_SECRET_LIFE_MS = 120_000;
const SECRET_BYTES = 32;

/** The responder's side. One for all sessions of a process. */
export class CookieIssuer {
  readonly #clock: Clock;
  readonly #random: RandomBytes;
  #secret: Uint8Array;
  #previous: Uint8Array | undefined;
  #madeMs: number;

  constructor(clock: Clock, random: RandomBytes) {
    this.#clock = clock;
    this.#random = random;
    this.#secret = random(SECRET_BYTES);
    this.#madeMs = clock.monotonic();
  }

  /** `source` is where the packet came from, as exactly as the caller knows it. */
  reply(initiation: Buffer, source: string, ownStatic: Uint8Array): CookieReply {
    this.#refresh();
    const { senderIndex, mac1 } = decodeInitiation(initiation);
    const nonce = new Uint8Array(this.#random(COOKIE_NONCE_BYTES));
    const cookie = shortMac(this.#secret, utf8(source));
    const sealedCookie = sealAead(sealKey(ownStatic, nonce), 0, mac1, cookie);
    return { receiverIndex: senderIndex, nonce, sealedCookie };
  }

  /** True when the initiation shows a cookie that its source was given within the last 2 to 4 minutes. */
  accepts(initiation: Buffer, source: string): boolean {
    this.#refresh();
    return [this.#secret, this.#previous].some(
      (secret) => secret !== undefined && hasValidMac2(initiation, shortMac(secret, utf8(source))),
    );
  }

  #refresh(): void {
    const ageMs = this.#clock.monotonic() - this.#madeMs;
    if (ageMs < COOKIE_SECRET_LIFE_MS) return;
    this.#previous = ageMs < 2 * COOKIE_SECRET_LIFE_MS ? this.#secret : undefined;
    this.#secret = this.#random(SECRET_BYTES);
    this.#madeMs = this.#clock.monotonic();
  }
}

/** The initiator's side: the cookie in a reply to the initiation with this mac1. WireError when it is none. */
export function openCookie(
  reply: CookieReply,
  mac1: Uint8Array,
  remoteStatic: Uint8Array,
): Uint8Array {
  return openAead(sealKey(remoteStatic, reply.nonce), 0, mac1, reply.sealedCookie);
}

function sealKey(responderStatic: Uint8Array, nonce: Uint8Array): Uint8Array {
  return blake2s(nonce, { key: keyFromPublic('cookie', responderStatic) });
}
