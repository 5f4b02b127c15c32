/**
 * The sending side of FILESTREAM over one stream, one file after the other:
 *
 *     INIT ──> INIT-ACK: what is there? ── the same as here ──> CHUNK … from there on ──> DONE ──> COMPLETE
 *                                       └── another one ──> CHUNK at 0, begins anew
 *
 * The stream's credit is the window: a write is done when it has left.
 */
import type { Duplex } from 'node:stream';

import { type ErrorCode, PilotError } from '../base/pilot-error.ts';
import { WireError } from '../base/wire-error.ts';
import { ExactReader } from './exact-reader.ts';
import { EXCHANGE_HEAD_BYTES, EXCHANGE_TYPE } from './exchange-frame.ts';
import {
  decodeFileFrame,
  encodeChunkHead,
  encodeFileAbort,
  encodeFileDone,
  encodeFileInit,
  FILE_ID_BYTES,
  type FileFrame,
  MAX_FILE_FRAME_BYTES,
} from './file-frame.ts';
import type { OpenSource } from './file-source.ts';

export interface SentFile {
  /** That were there from before. */
  readonly bytesResumed: number;
  /** Below the receiver's received folder. */
  readonly path: string;
}

export interface FileTransfer {
  readonly source: OpenSource;
  readonly sha256: Buffer;
  /** How much of it the receiver has. */
  readonly progress: (bytes: number) => void;
  /** Something is being done about it, on either side. */
  readonly alive: () => void;
}

/** As few frames as there may be with chunks that are soon gone when something urgent comes. */
const CHUNK_BYTES = 256 * 1024;
/** Read ahead while others leave. */
const BUFFERS = 4;
const PARTING_MS = 2000;

/** It came with another SHA-256: worth another attempt when something was there from before. */
export class DamagedFile extends Error {
  override readonly name = 'DamagedFile';
}

/** The receiver's own word: another stream would hear the same. */
export class FileRefused extends PilotError {}

export class FileSender {
  readonly #stream: Duplex;
  readonly #reader: ExactReader;
  #buffers: Buffer[] | undefined;

  constructor(stream: Duplex) {
    this.#stream = stream;
    this.#reader = new ExactReader(stream);
  }

  /** The stream's error when it broke; PilotError when the receiver refuses or the file changed; DamagedFile. */
  async send(transfer: FileTransfer): Promise<SentFile> {
    const { source, sha256, progress } = transfer;
    const id = sha256.subarray(0, FILE_ID_BYTES);
    try {
      const resumed = await this.#begin(id, transfer);
      progress(resumed);
      const ended = this.#complete(id, progress);
      // It may fail while chunks are written, which then fail too.
      ended.catch(() => undefined);
      await Promise.race([this.#chunks(id, source, resumed), ended]);
      await source.checkUnchanged();
      await this.#write(encodeFileDone(id));
      const { code, text } = await ended;
      if (code !== 0) {
        await source.checkUnchanged();
        throw new DamagedFile(text);
      }
      return { bytesResumed: resumed, path: text };
    } catch (error) {
      if (error instanceof PilotError && error.code === 'conflict') {
        await this.#leave(encodeFileAbort(id, 'changed: the file changed while it was sent'));
      }
      throw error;
    }
  }

  /** How many bytes are there and right. */
  async #begin(id: Uint8Array, { source, sha256, alive }: FileTransfer): Promise<number> {
    const { file, size } = source;
    await this.#write(
      encodeFileInit({
        ...{ id, size, sha256, chunkBytes: CHUNK_BYTES },
        name: Buffer.from(file.name),
        folder: Buffer.from(file.folder),
      }),
    );
    for (;;) {
      const frame = await this.#next(id);
      // While the receiver reads what is there.
      if (frame.kind === 'ack') alive();
      if (frame.kind !== 'initAck') continue;
      const { offset, sha256: there } = frame;
      if (offset > size) throw new WireError('the receiver has more than there is');
      if (offset === 0) return 0;
      const here = offset === size ? sha256 : await source.digest(offset, alive);
      return there === undefined || here.equals(there) ? offset : 0;
    }
  }

  async #chunks(id: Uint8Array, source: OpenSource, from: number): Promise<void> {
    const buffers = (this.#buffers ??= Array.from({ length: BUFFERS }, () =>
      Buffer.allocUnsafe(CHUNK_BYTES),
    ));
    const leaving: Promise<void>[] = [];
    for (let at = from, turn = 0; at < source.size; turn = (turn + 1) % BUFFERS) {
      // Its bytes before have left.
      await leaving[turn];
      const length = Math.min(CHUNK_BYTES, source.size - at);
      const bytes = await source.read(
        (buffers[turn] ?? Buffer.alloc(CHUNK_BYTES)).subarray(0, length),
        at,
      );
      this.#stream.cork();
      void this.#write(encodeChunkHead(id, at, length)).catch(() => undefined);
      const left = this.#write(bytes);
      this.#stream.uncork();
      left.catch(() => undefined);
      leaving[turn] = left;
      at += length;
    }
    await Promise.all(leaving);
  }

  async #complete(
    id: Uint8Array,
    progress: (bytes: number) => void,
  ): Promise<{ code: number; text: string }> {
    for (;;) {
      const frame = await this.#next(id);
      if (frame.kind === 'ack') progress(frame.offset);
      if (frame.kind === 'complete') return frame;
    }
  }

  /** The next frame about this file. */
  async #next(id: Uint8Array): Promise<FileFrame> {
    for (;;) {
      const head = await this.#reader.exactly(EXCHANGE_HEAD_BYTES);
      if (head === undefined) throw endedEarly();
      const length = head.readUInt32BE(4);
      if (length > MAX_FILE_FRAME_BYTES) throw new WireError(`a frame of ${length} bytes`);
      const payload = await this.#reader.exactly(length);
      if (head.readUInt32BE(0) !== EXCHANGE_TYPE.fileStream || payload === undefined) continue;
      const frame = decodeFileFrame(payload);
      if (frame === undefined || !Buffer.from(frame.id).equals(id)) continue;
      if (frame.kind === 'abort') throw refusal(frame.reason);
      return frame;
    }
  }

  /** A last word, and time for it to arrive: who destroys a stream takes back what is under way. */
  async #leave(bytes: Uint8Array): Promise<void> {
    const stream = this.#stream;
    if (stream.destroyed) return;
    stream.end(bytes);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, PARTING_MS);
      const over = (): void => {
        clearTimeout(timer);
        resolve();
      };
      stream.once('end', over).once('close', over);
      stream.resume();
    });
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#stream.write(bytes, (error) => {
        if (error) reject(this.#stream.errored ?? error);
        else resolve();
      });
    });
  }
}

function endedEarly(): PilotError {
  return new PilotError('connection_failed', 'the receiver ended the stream');
}

const REFUSALS: Readonly<Record<string, { readonly code: ErrorCode; readonly hint: string }>> = {
  received_full: {
    code: 'unavailable',
    hint: 'its owner makes room with: pilotctl received --clear, or raises files.received_max_mb',
  },
  no_space: { code: 'unavailable', hint: 'its owner has to free disk space' },
  busy: { code: 'unavailable', hint: 'try again when other files have come' },
  superseded: { code: 'conflict', hint: 'another program sends the very same file now' },
  bad_name: { code: 'invalid_argument', hint: 'rename the file, or send a copy of another name' },
};

function refusal(reason: string): FileRefused {
  const [code = ''] = reason.split(':', 1);
  const known = Object.hasOwn(REFUSALS, code) ? REFUSALS[code] : undefined;
  const { code: as, hint } = known ?? {
    code: 'unavailable' as const,
    hint: 'the log of the other node may say more',
  };
  return new FileRefused(as, `the receiver refused the file: ${printable(reason)}`, { hint });
}

/** From a peer, for a terminal. */
function printable(text: string): string {
  return text.slice(0, 500).replace(/[\p{Cc}\p{Cf}]/gu, '?');
}
