/** A file on its way: hidden, written from its beginning to its end, hashed as it is written. */
import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

import { FileRefusal } from './file-refusal.ts';

/** Written back while more comes, so that the end does not wait for all of it. */
const SYNC_EVERY_BYTES = 64 * 2 ** 20;
const READ_BYTES = 2 ** 20;

export class PartFile {
  readonly path: string;
  readonly #handle: FileHandle;
  #hash: Hash = createHash('sha256');
  #size: number;
  #unsynced = 0;
  #syncing: Promise<void> = Promise.resolve();
  #isClosed = false;

  private constructor(path: string, handle: FileHandle, size: number) {
    this.path = path;
    this.#handle = handle;
    this.#size = size;
  }

  /** Makes it, or goes on with what is there: `verify` comes first then. */
  static async open(path: string): Promise<PartFile> {
    const { O_CREAT, O_NOFOLLOW, O_RDWR } = constants;
    // Windows has no O_NOFOLLOW, and links only for those who may make them.
    const handle = await open(
      path,
      O_RDWR | O_CREAT | ((O_NOFOLLOW as number | undefined) ?? 0),
      0o600,
    );
    const found = await handle.stat();
    if (found.isFile() && found.nlink === 1) return new PartFile(path, handle, found.size);
    await handle.close();
    throw new FileRefusal('save_failed', 'something else lies where the file would be written');
  }

  /** How many bytes are there. */
  get size(): number {
    return this.#size;
  }

  /** FileRefusal `superseded` once it is closed: what lies there may be somebody else's to write by now. */
  checkOpen(): void {
    if (!this.#isClosed) return;
    throw new FileRefusal('superseded', 'the same file comes by another stream');
  }

  /** Of all bytes that are there. */
  digest(): Buffer {
    return this.#hash.copy().digest();
  }

  /** Reads and hashes what is there, and tells how far it is. */
  async verify(progress: (bytes: number) => Promise<void>): Promise<void> {
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, Math.max(1, this.#size)));
    let at = 0;
    while (at < this.#size) {
      this.checkOpen();
      const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) break;
      this.#hash.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
      await progress(at);
    }
    this.#size = at;
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.checkOpen();
    const written = writeAll(this.#handle, bytes, this.#size);
    // While the disk has it.
    this.#hash.update(bytes);
    await written;
    this.#size += bytes.length;
    this.#unsynced += bytes.length;
    if (this.#unsynced < SYNC_EVERY_BYTES) return;
    this.#unsynced = 0;
    await this.#syncing;
    this.#syncing = this.#handle.datasync();
    // Waited for by whoever comes next; until then nobody else hears of it.
    this.#syncing.catch(() => undefined);
  }

  /** As if nothing had come. */
  async restart(): Promise<void> {
    this.checkOpen();
    await this.#handle.truncate(0);
    this.#hash = createHash('sha256');
    this.#size = 0;
  }

  /** Resolves when all of it is on the disk. */
  async sync(): Promise<void> {
    this.checkOpen();
    await this.#syncing;
    await this.#handle.sync();
  }

  /** After what is under way. Called again it does nothing. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#syncing.catch(() => undefined);
    await this.#handle.close();
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  let at = 0;
  while (at < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, offset + at);
    at += bytesWritten;
  }
}
