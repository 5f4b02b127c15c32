/**
 * Packets by their first byte, and the sealed packet:
 *
 *     type              1   4
 *     reserved          3   0
 *     receiver index    4   names the keys, chosen by the receiver in the handshake
 *     counter           8   from 0, never twice under one key: the nonce
 *     ciphertext        n   AES-256-GCM of the frames, without associated data: the index
 *     tag              16   stands for the key and the counter is in the nonce
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';

import { setNonce, TAG_BYTES } from './aead.ts';
import { FRAME_HEADER_BYTES, MAX_BODY_BYTES, SEQUENCE_BYTES } from './frame.ts';
import { ReplayWindow } from './replay-window.ts';

export const PACKET = { initiation: 1, response: 2, cookie: 3, sealed: 4, envelope: 5 } as const;

export const SEALED_HEADER_BYTES = 16;
export const SEALED_OVERHEAD_BYTES = SEALED_HEADER_BYTES + TAG_BYTES;
/** What every link must carry: the largest body, alone in its packet. */
export const MIN_LINK_PACKET_BYTES =
  SEALED_OVERHEAD_BYTES + FRAME_HEADER_BYTES + SEQUENCE_BYTES + MAX_BODY_BYTES;
const TYPE_WORD = PACKET.sealed * 2 ** 24;
/** Counters are read as two halves; above this the number would not be exact. */
const MAX_COUNTER_HIGH = 2 ** 21;

/** The receiver index of a sealed packet, or undefined when it is none that could be opened. */
export function sealedReceiver(packet: Buffer): number | undefined {
  if (packet.length < SEALED_OVERHEAD_BYTES || packet.length > MIN_LINK_PACKET_BYTES) {
    return undefined;
  }
  return packet.readUInt32BE(0) === TYPE_WORD ? packet.readUInt32BE(4) : undefined;
}

/** Seals packets for one receiver index; counts them. */
export class SendKey {
  readonly #key: Uint8Array;
  readonly #receiver: number;
  readonly #nonce = Buffer.alloc(12);
  #counter = 0;
  #isErased = false;

  constructor(key: Uint8Array, receiver: number) {
    this.#key = key;
    this.#receiver = receiver;
  }

  /** How many packets have been sealed. */
  get count(): number {
    return this.#counter;
  }

  /** One packet of all `parts`, whose lengths add up to `length`. */
  seal(parts: readonly Uint8Array[], length: number): Uint8Array {
    if (this.#isErased) throw new Error('the key was erased');
    const packet = Buffer.allocUnsafe(SEALED_OVERHEAD_BYTES + length);
    setNonce(this.#nonce, this.#counter++);
    packet.writeUInt32BE(TYPE_WORD, 0);
    packet.writeUInt32BE(this.#receiver, 4);
    packet.set(this.#nonce.subarray(4), 8);
    const cipher = createCipheriv('aes-256-gcm', this.#key, this.#nonce);
    let offset = SEALED_HEADER_BYTES;
    for (const part of parts) {
      packet.set(cipher.update(part), offset);
      offset += part.length;
    }
    cipher.final();
    packet.set(cipher.getAuthTag(), offset);
    return packet;
  }

  erase(): void {
    this.#key.fill(0);
    this.#isErased = true;
  }
}

/** Opens what `SendKey` seals on the other side, each packet once. */
export class ReceiveKey {
  readonly #key: Uint8Array;
  readonly #window = new ReplayWindow();
  readonly #nonce = Buffer.alloc(12);
  #isErased = false;

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** The frames, or why there are none. `packet` has passed `sealedReceiver`. */
  open(packet: Buffer): Uint8Array | 'replayed' | 'unauthentic' {
    const high = packet.readUInt32BE(8);
    if (this.#isErased || high >= MAX_COUNTER_HIGH) return 'unauthentic';
    const counter = high * 2 ** 32 + packet.readUInt32BE(12);
    if (!this.#window.isFresh(counter)) return 'replayed';
    const plaintext = this.#decrypt(packet, counter);
    if (plaintext === undefined) return 'unauthentic';
    this.#window.mark(counter);
    return plaintext;
  }

  erase(): void {
    this.#key.fill(0);
    this.#isErased = true;
  }

  #decrypt(packet: Buffer, counter: number): Uint8Array | undefined {
    setNonce(this.#nonce, counter);
    const tagAt = packet.length - TAG_BYTES;
    const decipher = createDecipheriv('aes-256-gcm', this.#key, this.#nonce, {
      authTagLength: TAG_BYTES,
    });
    decipher.setAuthTag(packet.subarray(tagAt));
    const plaintext = decipher.update(packet.subarray(SEALED_HEADER_BYTES, tagAt));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return plaintext;
  }
}
