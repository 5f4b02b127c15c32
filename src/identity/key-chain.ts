/**
 * The keys of one node, oldest first: each one certified by the one before. Node ID and address come from
 * the first, so they stay when the key is rotated.
 *
 *     first public key   32
 *     n                   1   0 to 64
 *     n certificates    104 each:
 *       new public key   32
 *       issued at         8   milliseconds since the Unix epoch
 *       signature        64   by the key before, context "key-certificate", over
 *                             first public key ‖ index u16 (from 1) ‖ new public key ‖ issued at
 *
 * Nothing follows: where a chain is embedded, its length stands before it.
 */
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { concatBytes, equalBytes } from '../base/bytes.ts';
import { WireError } from '../base/wire-error.ts';
import { decodePublicKey } from './public-key.ts';
import { PUBLIC_KEY_BYTES, type SecretKey, SIGNATURE_BYTES } from './secret-key.ts';
import { signStatement, verifyStatement } from './signing.ts';

/** Rotating every 90 days, these last 15 years; decoding them all takes 10 ms. */
export const MAX_CERTIFICATES = 64;
const SIGNED_BYTES = PUBLIC_KEY_BYTES + 8;
const CERTIFICATE_BYTES = SIGNED_BYTES + SIGNATURE_BYTES;
export const MAX_KEY_CHAIN_BYTES = PUBLIC_KEY_BYTES + 1 + MAX_CERTIFICATES * CERTIFICATE_BYTES;

/** Immutable and verified: every key in it is a usable one and every certificate holds. */
export class KeyChain {
  readonly firstKey: Uint8Array;
  readonly #certificates: readonly Uint8Array[];

  private constructor(firstKey: Uint8Array, certificates: readonly Uint8Array[]) {
    this.firstKey = firstKey;
    this.#certificates = certificates;
  }

  /** A chain of the first key alone. WireError when that is not a public key. */
  static start(firstKey: Uint8Array): KeyChain {
    decodePublicKey(firstKey);
    return new KeyChain(new Uint8Array(firstKey), []);
  }

  /** WireError unless it is a whole, valid chain and nothing else. */
  static decode(bytes: Uint8Array): KeyChain {
    const reader = new ByteReader(bytes);
    let chain = new KeyChain(reader.bytes(PUBLIC_KEY_BYTES).slice(), []);
    const count = reader.u8();
    if (count > MAX_CERTIFICATES) throw new WireError(`${count} certificates in a key chain`);
    if (reader.remaining !== count * CERTIFICATE_BYTES) {
      throw new WireError('the key chain does not have the length it claims');
    }
    for (let i = 0; i < count; i++) chain = chain.#append(reader.bytes(CERTIFICATE_BYTES).slice());
    // The other keys have proved to be usable: their signatures hold.
    decodePublicKey(chain.currentKey);
    return chain;
  }

  /** How many certificates: how often the key was rotated. */
  get length(): number {
    return this.#certificates.length;
  }

  get currentKey(): Uint8Array {
    return this.#certificates.at(-1)?.subarray(0, PUBLIC_KEY_BYTES) ?? this.firstKey;
  }

  /** When the current key was certified; undefined while that is the first key. */
  get issuedAtMs(): number | undefined {
    const last = this.#certificates.at(-1);
    return last && new ByteReader(last.subarray(PUBLIC_KEY_BYTES)).u64();
  }

  /** The chain with one key more. `secret` is the current key's. */
  rotate(secret: SecretKey, newPublicKey: Uint8Array, issuedAtMs: number): KeyChain {
    if (this.length >= MAX_CERTIFICATES) throw new RangeError('the key chain is full');
    const signed = new ByteWriter().bytes(newPublicKey).u64(issuedAtMs).finish();
    decodePublicKey(newPublicKey);
    const signature = signStatement(secret, 'key-certificate', this.#statement(signed));
    return this.#append(concatBytes(signed, signature));
  }

  encode(): Uint8Array {
    return concatBytes(this.firstKey, Uint8Array.of(this.length), ...this.#certificates);
  }

  /**
   * True when this chain begins with all of `known`: the same, or rotated since. False for another node,
   * for an older state, and for a fork, which only a stolen key can make.
   */
  extends(known: KeyChain): boolean {
    return (
      equalBytes(this.firstKey, known.firstKey) &&
      this.length >= known.length &&
      known.#certificates.every((certificate, i) =>
        equalBytes(certificate, this.#certificates[i] ?? new Uint8Array()),
      )
    );
  }

  #append(certificate: Uint8Array): KeyChain {
    const newKey = certificate.subarray(0, PUBLIC_KEY_BYTES);
    // A retired key may be the stolen one: it never comes back.
    if (this.#has(newKey)) throw new WireError('a key occurs twice in a key chain');
    const statement = this.#statement(certificate.subarray(0, SIGNED_BYTES));
    const signature = certificate.subarray(SIGNED_BYTES);
    if (!verifyStatement(this.currentKey, 'key-certificate', statement, signature)) {
      throw new WireError('a key certificate has a wrong signature');
    }
    return new KeyChain(this.firstKey, [...this.#certificates, certificate]);
  }

  #has(publicKey: Uint8Array): boolean {
    return (
      equalBytes(publicKey, this.firstKey) ||
      this.#certificates.some((certificate) =>
        equalBytes(publicKey, certificate.subarray(0, PUBLIC_KEY_BYTES)),
      )
    );
  }

  /** What the next certificate's signature covers. */
  #statement(signed: Uint8Array): Uint8Array {
    return new ByteWriter()
      .bytes(this.firstKey)
      .u16(this.length + 1)
      .bytes(signed)
      .finish();
  }
}
