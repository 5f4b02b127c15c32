import { frameBytes, frameHeadBytes, type OutgoingFrame, writeFrameHead } from './frame.ts';

/** Small frames of one moment share a packet up to this size; a larger frame travels alone. */
export const MAX_SHARED_PACKET_BYTES = 16 * 1024;
/** Above this a body is encrypted where it lies; below it a copy is cheaper than one more cipher call. */
const COPY_BELOW_BYTES = 4096;

/** Where frames are put together. Each packet is sealed before the next one is begun. */
const scratch = Buffer.allocUnsafeSlow(MAX_SHARED_PACKET_BYTES);

/** To be sealed in this order before it returns; `length` is their sum. */
export type EmitPacket = (parts: readonly Uint8Array[], length: number) => void;

/** Gathers frames into packets. */
export class PacketWriter {
  readonly #emit: EmitPacket;
  #frames: OutgoingFrame[] = [];
  #length = 0;

  constructor(emit: EmitPacket) {
    this.#emit = emit;
  }

  add(frame: OutgoingFrame): void {
    const length = frameBytes(frame);
    if (this.#length + length > MAX_SHARED_PACKET_BYTES) this.end();
    this.#frames.push(frame);
    this.#length += length;
  }

  /** Emits what has been gathered, if anything. */
  end(): void {
    const frames = this.#frames;
    const length = this.#length;
    if (frames.length === 0) return;
    this.#frames = [];
    this.#length = 0;
    const [only] = frames;
    if (frames.length === 1 && only !== undefined && length > COPY_BELOW_BYTES) {
      const head = Buffer.allocUnsafe(frameHeadBytes(only));
      writeFrameHead(head, 0, only);
      this.#emit([head, only.body], length);
    } else {
      this.#emit([joinFrames(frames)], length);
    }
  }
}

function joinFrames(frames: readonly OutgoingFrame[]): Uint8Array {
  let offset = 0;
  for (const frame of frames) {
    offset = writeFrameHead(scratch, offset, frame);
    scratch.set(frame.body, offset);
    offset += frame.body.length;
  }
  return scratch.subarray(0, offset);
}
