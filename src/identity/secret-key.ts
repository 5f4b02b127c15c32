import { getPublicKey, hashes, sign } from '@noble/ed25519';
import { sha512 } from '@noble/hashes/sha2.js';

import type { RandomBytes } from '../base/random.ts';

// The library brings its own SHA-512 only for its asynchronous calls.
hashes.sha512 = sha512;

export const PUBLIC_KEY_BYTES = 32;
export const SEED_BYTES = 32;
export const SIGNATURE_BYTES = 64;

/**
 * An Ed25519 private key (RFC 8032) that cannot be printed. Its one exit is `exposeSeed`; `erase` ends
 * its life: whatever needs the secret afterwards throws.
 */
export class SecretKey {
  readonly publicKey: Uint8Array;
  readonly #seed: Uint8Array;
  #erased = false;

  private constructor(seed: Uint8Array) {
    if (seed.length !== SEED_BYTES) throw new RangeError(`a seed has ${SEED_BYTES} bytes`);
    this.#seed = seed;
    this.publicKey = getPublicKey(seed);
  }

  /** Takes a copy: the caller still owns, and should erase, what it passed. */
  static fromSeed(seed: Uint8Array): SecretKey {
    return new SecretKey(new Uint8Array(seed));
  }

  /** Throws when the source of random bytes is plainly broken: everybody would have the same key. */
  static generate(random: RandomBytes): SecretKey {
    const seed = new Uint8Array(random(SEED_BYTES));
    if (new Set(seed).size < 4) throw new Error('the random bytes for a new key are not random');
    return new SecretKey(seed);
  }

  /** 64 bytes. For statements of the protocol use `signStatement`, which keeps contexts apart. */
  sign(message: Uint8Array): Uint8Array {
    return sign(message, this.#living());
  }

  /** The same key on Curve25519: the clamped first half of SHA-512 of the seed (RFC 8032, 5.1.5). */
  x25519Secret(): Uint8Array {
    const expanded = sha512(this.#living());
    const scalar = expanded.slice(0, 32);
    expanded.fill(0);
    scalar[0] = (scalar[0] ?? 0) & 0b1111_1000;
    scalar[31] = ((scalar[31] ?? 0) & 0b0111_1111) | 0b0100_0000;
    return scalar;
  }

  /** A copy of the secret, for the key file and its export and nothing else. */
  exposeSeed(): Uint8Array {
    return new Uint8Array(this.#living());
  }

  erase(): void {
    this.#seed.fill(0);
    this.#erased = true;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]';
  }

  #living(): Uint8Array {
    if (this.#erased) throw new Error('the secret key was erased');
    return this.#seed;
  }
}
