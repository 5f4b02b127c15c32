import { byteKey } from './byte-key.ts';
import { FRAME, KEY_BYTES } from './protocol.ts';

/** A logged-in connection as the router sees it. */
export interface Port {
  /** The node's first public key. */
  readonly key: Uint8Array;
  /** Sends a frame on; the buffer is the port's from then on. */
  deliver(frame: Buffer): void;
  presence(peer: Uint8Array, online: boolean): void;
}

/** A port's place in the router. */
export interface Attachment {
  /** Adds and removes watched peers; false when the list is full and some were left out. */
  watch(add: readonly Uint8Array[], remove: readonly Uint8Array[]): boolean;
  /**
   * Sends a DATA frame to the peer it names, with our key put in that place. False, and the frame as it
   * was, when the peer is unknown, offline, or the two do not watch each other.
   */
  forward(frame: Buffer): boolean;
  /** Takes the port off and tells its peers. May be called twice. */
  detach(): void;
}

export interface Router {
  /** There must be none with the same key. */
  attach(port: Port): Attachment;
}

/**
 * Forwards between the connections of this process. Two nodes see and reach each other only while both
 * watch the other ("mutual"); each attachment holds its mutual peers that are here, so that forwarding
 * a frame takes one look-up.
 */
export class LocalRouter implements Router {
  readonly #maxWatch: number;
  readonly #attachments = new Map<string, LocalAttachment>();

  constructor(maxWatch: number) {
    this.#maxWatch = maxWatch;
  }

  attach(port: Port): Attachment {
    const attachment = new LocalAttachment(port, this.#attachments, this.#maxWatch);
    if (this.#attachments.has(attachment.key)) throw new Error('this key is attached already');
    this.#attachments.set(attachment.key, attachment);
    return attachment;
  }
}

class LocalAttachment implements Attachment {
  readonly port: Port;
  readonly key: string;
  readonly #keyBytes: Buffer;
  readonly #all: Map<string, LocalAttachment>;
  readonly #maxWatch: number;
  readonly #watched = new Set<string>();
  readonly #mutual = new Map<string, LocalAttachment>();

  constructor(port: Port, all: Map<string, LocalAttachment>, maxWatch: number) {
    this.port = port;
    this.key = byteKey(port.key);
    this.#keyBytes = Buffer.from(port.key);
    this.#all = all;
    this.#maxWatch = maxWatch;
  }

  watch(add: readonly Uint8Array[], remove: readonly Uint8Array[]): boolean {
    for (const peer of remove) this.#unwatch(byteKey(peer));
    let hasRoom = true;
    for (const peer of add) {
      if (!this.#isAttached()) break;
      hasRoom = this.#watch(byteKey(peer)) && hasRoom;
    }
    return hasRoom;
  }

  forward(frame: Buffer): boolean {
    const peer = this.#mutual.get(frame.toString('latin1', 1, 1 + KEY_BYTES));
    if (peer === undefined) return false;
    this.#keyBytes.copy(frame, 1);
    peer.port.deliver(frame);
    return true;
  }

  detach(): void {
    if (!this.#isAttached()) return;
    this.#all.delete(this.key);
    for (const peer of this.#mutual.values()) {
      peer.#mutual.delete(this.key);
      peer.port.presence(this.port.key, false);
    }
    this.#mutual.clear();
  }

  #isAttached(): boolean {
    return this.#all.get(this.key) === this;
  }

  #watch(key: string): boolean {
    if (this.#watched.has(key)) return true;
    if (this.#watched.size >= this.#maxWatch) return false;
    this.#watched.add(key);
    const peer = this.#all.get(key);
    if (peer !== undefined && peer !== this && peer.#watched.has(this.key)) this.#meet(peer);
    return true;
  }

  #unwatch(key: string): void {
    this.#watched.delete(key);
    const peer = this.#mutual.get(key);
    if (peer === undefined) return;
    this.#mutual.delete(key);
    peer.#mutual.delete(this.key);
    this.port.presence(peer.port.key, false);
    peer.port.presence(this.port.key, false);
  }

  /** Telling a port may end it, and so detach it: nothing is put down after the first is told. */
  #meet(peer: LocalAttachment): void {
    this.#mutual.set(peer.key, peer);
    peer.#mutual.set(this.key, this);
    this.port.presence(peer.port.key, true);
    if (peer.#mutual.has(this.key)) peer.port.presence(this.port.key, true);
  }
}

/** The answer to a DATA frame that could not be forwarded, made of that frame. */
export function toUnreachable(frame: Buffer): Buffer {
  frame[0] = FRAME.unreachable;
  return frame.subarray(0, 1 + KEY_BYTES);
}
