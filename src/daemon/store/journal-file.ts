import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

/** What a journal needs of a file. */
export interface JournalFile {
  readonly name: string;
  /** All of it. */
  read(): Uint8Array;
  /** Resolves when the bytes are on the disk; rejected, some of them may be there. One call at a time. */
  write(bytes: Uint8Array, at: number): Promise<void>;
  close(): void;
}

/** A write behind the end of a file costs twice one within it (the file's size must reach the disk too). */
const GROWTH_BYTES = 256 * 1024;

/** On Linux a write to a file opened so is on the disk when it returns; on macOS it would be in the disk's cache. */
const WRITE_IS_SYNC = process.platform === 'linux';

const writeTo = promisify(fs.write);
const dataSync = promisify(fs.fdatasync);

/** A file of its own; the system calls that wait for the disk are made off this thread. */
export class DiskJournalFile implements JournalFile {
  readonly name: string;
  readonly #descriptor: number;
  readonly #maxBytes: number;
  /** What is known to be allocated. */
  #size: number;

  /** Creates it when there is none. */
  constructor(name: string, maxBytes: number) {
    this.name = name;
    this.#maxBytes = maxBytes;
    const isNew = !fs.existsSync(name);
    const { O_CREAT, O_DSYNC, O_RDWR } = fs.constants;
    const flags = O_RDWR | O_CREAT | (WRITE_IS_SYNC ? O_DSYNC : 0);
    this.#descriptor = fs.openSync(name, flags, 0o600);
    try {
      this.#size = Math.min(fs.fstatSync(this.#descriptor).size, maxBytes);
      if (isNew) syncFolder(path.dirname(name));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  read(): Uint8Array {
    const bytes = new Uint8Array(this.#size);
    let length = 0;
    for (let read = -1; read !== 0; length += read) {
      read = fs.readSync(this.#descriptor, bytes, length, bytes.length - length, length);
    }
    return bytes.subarray(0, length);
  }

  async write(bytes: Uint8Array, at: number): Promise<void> {
    const end = at + bytes.length;
    if (end > this.#size) {
      const size = Math.min(Math.ceil(end / GROWTH_BYTES) * GROWTH_BYTES, this.#maxBytes);
      await this.#writeAll(new Uint8Array(size - this.#size), this.#size);
      this.#size = size;
    }
    await this.#writeAll(bytes, at);
  }

  close(): void {
    fs.closeSync(this.#descriptor);
  }

  async #writeAll(bytes: Uint8Array, at: number): Promise<void> {
    // A disk that fills up takes a part first, and says why with the next call.
    for (let done = 0; done < bytes.length;) {
      const left = bytes.length - done;
      const { bytesWritten } = await writeTo(this.#descriptor, bytes, done, left, at + done);
      done += bytesWritten;
    }
    if (!WRITE_IS_SYNC) await dataSync(this.#descriptor);
  }
}

/** The name of a new file is on the disk when its folder is. Windows has no such call, nor the need. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const descriptor = fs.openSync(folder, 'r');
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}
