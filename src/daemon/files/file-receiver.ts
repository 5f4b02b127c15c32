/**
 * The receiving side of FILESTREAM on one stream, one file after the other:
 *
 *     INIT ──> name, room, what is there? ──> INIT-ACK offset
 *                 └── that file lies there already: INIT-ACK size
 *     CHUNK ──> written, hashed ──> ACK now and then
 *     DONE ──> is it the file? ──> on the disk ──> its name ──> COMPLETE 0
 *                 └── no: part removed, COMPLETE 1
 *     refusals: ABORT. The stream goes on, since another file may follow.
 */
import { toHex } from '../../base/bytes.ts';
import type { Clock } from '../../base/clock.ts';
import { WireError } from '../../base/wire-error.ts';
import {
  encodeComplete,
  encodeFileAbort,
  encodeFileAck,
  encodeInitAck,
  type FileFrame,
  type FileInit,
  MAX_CHUNK_BYTES,
} from '../../client/file-frame.ts';
import type { Log } from '../log/log.ts';
import { decodeName, safeFolder, safeName } from './file-name.ts';
import { FileRefusal, refusalOf } from './file-refusal.ts';
import type { Arriving, FilePlace, ReceivedFolder } from './received-folder.ts';

/** A file that is on its way here, or has come. */
export interface FileArrival {
  /** Hex of the sender's first key. */
  readonly peer: string;
  /** As it was sent, checked; when it has come: where it lies below the received folder. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface FileReceiverDeps {
  readonly folder: ReceivedFolder;
  readonly clock: Clock;
  readonly log: Log;
  readonly peer: string;
  /** Resolves when it has left. */
  readonly send: (frame: Uint8Array) => Promise<void>;
  /** WireError when the sender has gone. */
  readonly checkOpen: () => void;
  readonly progress: (arrival: FileArrival, received: number) => void;
  readonly received: (arrival: FileArrival) => void;
  readonly failed: (arrival: FileArrival, reason: string) => void;
}

/** Four chunks of an original sender, which waits when sixteen are not acknowledged. */
const ACK_CHUNKS = 4;
const ACK_BYTES = 2 ** 20;
const VERIFY_ACK_BYTES = 64 * 2 ** 20;
const PROGRESS_MS = 500;

interface Transfer {
  readonly init: FileInit;
  readonly where: FilePlace;
  readonly arrival: FileArrival;
  /** Undefined: the file lies there already, at `arrival.path`. */
  readonly arriving: Arriving | undefined;
  ackedBytes: number;
  toldAtMs: number;
}

export class FileReceiver {
  readonly #deps: FileReceiverDeps;
  #transfer: Transfer | undefined;

  constructor(deps: FileReceiverDeps) {
    this.#deps = deps;
  }

  /** Resolves when more may come. WireError for what no sender does. */
  async receive(frame: FileFrame): Promise<void> {
    try {
      await this.#receive(frame);
    } catch (error) {
      if (error instanceof WireError) throw error;
      await this.#refuse(frame.id, refusalOf(error));
    }
  }

  /** The stream is over: what has come of a file waits for another one. */
  async end(): Promise<void> {
    await this.#forget('keep');
  }

  async #receive(frame: FileFrame): Promise<void> {
    if (frame.kind === 'init') return this.#begin(frame);
    const transfer = this.#transfer;
    // Frames under way when their transfer was refused.
    if (transfer === undefined || !Buffer.from(transfer.init.id).equals(frame.id)) return;
    switch (frame.kind) {
      case 'chunk':
        return this.#write(transfer, frame.offset, frame.bytes);
      case 'done':
        return this.#finish(transfer);
      case 'abort':
        this.#deps.failed(transfer.arrival, `the sender gave it up: ${frame.reason}`);
        return this.#forget(frame.reason.startsWith('changed') ? 'remove' : 'keep');
      case 'ack':
      case 'initAck':
      case 'complete':
        throw new WireError(`a sender of files has no ${frame.kind}`);
    }
  }

  async #begin(init: FileInit): Promise<void> {
    await this.#forget('keep');
    const { folder, peer } = this.#deps;
    const where = placeOf(init);
    const arrival: FileArrival = {
      ...{ peer, bytes: init.size, sha256: toHex(init.sha256) },
      path: [...where.folder, where.name].join('/'),
    };
    const ended = { init, where, ackedBytes: 0, toldAtMs: -Infinity };
    const held = await folder.holding(where, init, this.#tellRead(init));
    if (held !== undefined) {
      this.#transfer = { ...ended, arrival: { ...arrival, path: held }, arriving: undefined };
      await this.#acceptFrom(init, init.size, init.sha256);
      return;
    }
    const arriving = await folder.begin(peer, toHex(init.id), init.size);
    this.#transfer = { ...ended, arrival, arriving };
    const { part } = arriving;
    if (part.size > init.size) await part.restart();
    await part.verify(this.#tellRead(init));
    await this.#acceptFrom(init, part.size, part.digest());
  }

  /** While what lies here is read, which may take minutes. */
  #tellRead(init: FileInit): (bytes: number) => Promise<void> {
    let told = 0;
    return async (bytes) => {
      this.#deps.checkOpen();
      // Original senders expect nothing before the INIT-ACK.
      if (init.folder === undefined || bytes - told < VERIFY_ACK_BYTES) return;
      told = bytes;
      await this.#deps.send(encodeFileAck(init.id, bytes));
    };
  }

  async #acceptFrom(init: FileInit, offset: number, sha256: Uint8Array): Promise<void> {
    const isExtended = init.folder !== undefined;
    await this.#deps.send(encodeInitAck(init.id, offset, isExtended ? sha256 : undefined));
  }

  async #write(transfer: Transfer, offset: number, bytes: Uint8Array): Promise<void> {
    const { init, arrival, arriving } = transfer;
    // The sender's copy of what lies there is another one: it says so by beginning anew.
    if (arriving === undefined) throw new FileRefusal('invalid', 'nothing of it is missing');
    const { part } = arriving;
    if (offset === 0 && part.size > 0) {
      await part.restart();
      transfer.ackedBytes = 0;
    }
    if (offset !== part.size) throw new FileRefusal('invalid', `expected offset ${part.size}`);
    if (offset + bytes.length > init.size) throw new FileRefusal('invalid', 'more than its size');
    await part.append(bytes);
    this.#tellProgress(transfer, part.size);
    const ackAfter = Math.min(ACK_CHUNKS * init.chunkBytes, ACK_BYTES);
    if (part.size - transfer.ackedBytes < ackAfter && part.size < arrival.bytes) return;
    transfer.ackedBytes = part.size;
    await this.#deps.send(encodeFileAck(init.id, part.size));
  }

  async #finish({ init, where, arrival, arriving }: Transfer): Promise<void> {
    const { log, received, failed, send } = this.#deps;
    if (arriving === undefined) {
      this.#transfer = undefined;
      await send(encodeComplete(init.id, 0, arrival.path));
      return;
    }
    const { part } = arriving;
    if (part.size !== init.size || !part.digest().equals(init.sha256)) {
      await this.#forget('remove');
      failed(arrival, 'what came is not the file: the SHA-256 differs');
      await send(encodeComplete(init.id, 1, 'what came is not the file: the SHA-256 differs'));
      return;
    }
    await part.sync();
    const path = await arriving.place(where);
    this.#transfer = undefined;
    log.info({ ...arrival, path }, 'file received');
    received({ ...arrival, path });
    await send(encodeComplete(init.id, 0, path));
  }

  #tellProgress(transfer: Transfer, bytes: number): void {
    const nowMs = this.#deps.clock.monotonic();
    if (nowMs - transfer.toldAtMs < PROGRESS_MS) return;
    transfer.toldAtMs = nowMs;
    this.#deps.progress(transfer.arrival, bytes);
  }

  async #refuse(id: Uint8Array, refusal: FileRefusal): Promise<void> {
    const { log, peer, failed, send } = this.#deps;
    log.warn({ err: refusal, peer }, 'a file was not taken');
    const arrival = this.#transfer?.arrival;
    if (arrival !== undefined) failed(arrival, refusal.message);
    await this.#forget(refusal.code === 'invalid' ? 'remove' : 'keep');
    await send(encodeFileAbort(id, refusal.message));
  }

  async #forget(rest: 'keep' | 'remove'): Promise<void> {
    const arriving = this.#transfer?.arriving;
    this.#transfer = undefined;
    await arriving?.end(rest);
  }
}

function placeOf({ name, folder, chunkBytes }: FileInit): FilePlace {
  if (chunkBytes < 1 || chunkBytes > MAX_CHUNK_BYTES) {
    throw new FileRefusal('invalid', `chunks of 1 to ${MAX_CHUNK_BYTES} bytes`);
  }
  return {
    folder: folder === undefined ? [] : safeFolder(decodeName(folder)),
    name: safeName(decodeName(name)),
  };
}
