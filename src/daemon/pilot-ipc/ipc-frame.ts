/**
 * Frames between this daemon and clients of the original `pilotctl` (pilotctl interface 2.1):
 *
 *     length u32 | command u8 | payload          length counts command and payload; big-endian throughout
 *
 *     Send: length | 06 | connection u32 | bytes
 *
 * There are no request numbers: a reply is known by its command alone.
 */
import { ByteWriter } from '../../base/byte-writer.ts';
import { WireError } from '../../base/wire-error.ts';

export const COMMAND = {
  bind: 0x01,
  dial: 0x03,
  accept: 0x05,
  send: 0x06,
  recv: 0x07,
  close: 0x08,
  closeOk: 0x09,
  error: 0x0a,
  sendTo: 0x0b,
  recvFrom: 0x0c,
  info: 0x0d,
  handshake: 0x0f,
  resolveHostname: 0x11,
  setHostname: 0x13,
  setVisibility: 0x15,
  deregister: 0x17,
  setTags: 0x19,
  setWebhook: 0x1b,
  health: 0x21,
  rotateKey: 0x25,
  cancel: 0x2b,
  preferDirect: 0x2d,
  unbind: 0x37,
  sendToConfirm: 0x39,
} as const;

/** Of a frame, by its length member; clients count on it. */
export const MAX_FRAME_BYTES = 1_048_576;
/**
 * Of a Send. Older clients put a whole file into one; 64 MiB is the largest frame of the service that takes
 * files (2.9). No Send is ever held whole.
 */
const MAX_SEND_BYTES = 64 * 1024 * 1024 + 1024;
const LENGTH_BYTES = 4;
const HEAD_BYTES = LENGTH_BYTES + 1;
const CONNECTION_BYTES = 4;

export function encodeFrame(command: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 1);
  const writer = new ByteWriter(LENGTH_BYTES + length).u32(length).u8(command);
  for (const part of parts) writer.bytes(part);
  return writer.finish();
}

export type IpcFrame =
  | { readonly kind: 'frame'; readonly command: number; readonly payload: Uint8Array }
  /** Some of what a Send carries, as it came. */
  | { readonly kind: 'send'; readonly connection: number; readonly bytes: Uint8Array };

type State =
  | { readonly kind: 'head' }
  | { readonly kind: 'payload'; readonly command: number; readonly bytes: GrowingBuffer }
  | { readonly kind: 'connection'; readonly bytes: GrowingBuffer; readonly dataBytes: number }
  | { readonly kind: 'data'; readonly connection: number; left: number };

const NOTHING = Buffer.alloc(0);

/**
 * A client's bytes as frames. Pulled: what has been pushed and not pulled is the caller's to bound. Memory
 * goes to what has come, not to what a length says.
 */
export class IpcFrameReader {
  #chunk: Buffer = NOTHING;
  #head = new GrowingBuffer(HEAD_BYTES);
  #state: State = { kind: 'head' };

  /** Only after `next` gave nothing. */
  push(chunk: Buffer): void {
    this.#chunk = chunk;
  }

  /** A frame has begun, and not all of it has come. */
  get isWithinFrame(): boolean {
    return this.#state.kind !== 'head' || this.#head.length > 0;
  }

  /** `WireError` for a length that is too large: then it is over. */
  next(): IpcFrame | undefined {
    for (;;) {
      const frame = this.#step();
      if (frame === 'more') return undefined;
      if (frame !== 'on') return frame;
    }
  }

  #step(): IpcFrame | 'on' | 'more' {
    const state = this.#state;
    switch (state.kind) {
      case 'head':
        return this.#readHead();
      case 'payload':
        if (!this.#fill(state.bytes)) return 'more';
        this.#state = { kind: 'head' };
        return { kind: 'frame', command: state.command, payload: state.bytes.taken() };
      case 'connection':
        if (!this.#fill(state.bytes)) return 'more';
        this.#toData(state.bytes.taken().readUInt32BE(0), state.dataBytes);
        return 'on';
      case 'data': {
        if (this.#chunk.length === 0) return 'more';
        const bytes = this.#take(state.left);
        this.#toData(state.connection, state.left - bytes.length);
        return { kind: 'send', connection: state.connection, bytes };
      }
    }
  }

  #readHead(): 'on' | 'more' {
    const head = this.#head;
    // A length of 0 is a frame without a command, and ignored.
    if (head.length < LENGTH_BYTES) {
      this.#fill(head, LENGTH_BYTES - head.length);
      if (head.length < LENGTH_BYTES) return 'more';
      if (lengthIn(head) === 0) {
        head.taken();
        return 'on';
      }
      if (lengthIn(head) > MAX_SEND_BYTES) throw tooLong(lengthIn(head));
    }
    if (!this.#fill(head)) return 'more';
    const length = lengthIn(head);
    const command = head.taken().readUInt8(LENGTH_BYTES);
    if (command === COMMAND.send && length > CONNECTION_BYTES) {
      const bytes = new GrowingBuffer(CONNECTION_BYTES);
      this.#state = { kind: 'connection', bytes, dataBytes: length - 1 - CONNECTION_BYTES };
      return 'on';
    }
    if (length > MAX_FRAME_BYTES) throw tooLong(length);
    this.#state = { kind: 'payload', command, bytes: new GrowingBuffer(length - 1) };
    return 'on';
  }

  #toData(connection: number, left: number): void {
    this.#state = left === 0 ? { kind: 'head' } : { kind: 'data', connection, left };
  }

  #fill(into: GrowingBuffer, atMost = into.missing): boolean {
    into.append(this.#take(Math.min(atMost, into.missing)));
    return into.missing === 0;
  }

  #take(atMost: number): Buffer {
    const taken = this.#chunk.subarray(0, atMost);
    this.#chunk = this.#chunk.subarray(taken.length);
    return taken;
  }
}

/** As many bytes as were promised, copied into memory that doubles while they come. */
class GrowingBuffer {
  readonly #size: number;
  #bytes = NOTHING;
  #length = 0;

  constructor(size: number) {
    this.#size = size;
  }

  get length(): number {
    return this.#length;
  }

  get missing(): number {
    return this.#size - this.#length;
  }

  readUInt32BE(at: number): number {
    return this.#bytes.readUInt32BE(at);
  }

  append(part: Buffer): void {
    const length = this.#length + part.length;
    if (length > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.min(this.#size, 2 * length));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    part.copy(this.#bytes, this.#length);
    this.#length = length;
  }

  /** What came; from then on it is empty. */
  taken(): Buffer {
    const bytes = this.#bytes.subarray(0, this.#length);
    this.#bytes = NOTHING;
    this.#length = 0;
    return bytes;
  }
}

function lengthIn(head: GrowingBuffer): number {
  return head.readUInt32BE(0);
}

function tooLong(length: number): WireError {
  return new WireError(`a frame of ${length} bytes`);
}
