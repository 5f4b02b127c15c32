import { mkdirSync } from 'node:fs';

import { type Database, open, type RootDatabase } from 'lmdb';

import { freeBytesOnDisk } from './free-bytes.ts';
import { commitErrorOf } from './lmdb-commit-error.ts';
import { checkLmdbFile } from './lmdb-file.ts';

export type Table = Database<Uint8Array, Uint8Array>;

/**
 * What stays free on the disk: a failed commit loses nothing, but freeing space needs some too, and
 * lmdb has been seen to abort the process when many large writes fail at once.
 */
const DISK_RESERVE_BYTES = 64 * 1024 * 1024;
/** How long a look at the disk counts. At full speed the relay writes a fraction of the reserve meanwhile. */
const DISK_CHECK_MS = 1000;

export interface LmdbStoreOptions {
  readonly directory: string;
  readonly freeBytes?: (directory: string) => Promise<number>;
}

/**
 * One LMDB environment. Everything is written within `transact`: what that returns is on disk.
 *
 * `overlappingSync: false` makes a commit wait for its fsync. `eventTurnBatching: false` because with it
 * a failed commit also rejects promises inside lmdb that nobody can handle, which ends the process.
 */
export class LmdbStore {
  readonly #root: RootDatabase;
  readonly #directory: string;
  readonly #freeBytes: (directory: string) => Promise<number>;
  #checkedMs = -Infinity;
  #isFull: Promise<boolean> = Promise.resolve(false);
  #isClosed = false;

  constructor({ directory, freeBytes = freeBytesOnDisk }: LmdbStoreOptions) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    checkLmdbFile(directory);
    this.#directory = directory;
    this.#freeBytes = freeBytes;
    this.#root = open({
      path: directory,
      noSubdir: false,
      overlappingSync: false,
      eventTurnBatching: false,
    });
  }

  table(name: string): Table {
    return this.#root.openDB(name, { keyEncoding: 'binary', encoding: 'binary' });
  }

  /** For writes that take room: rejects before writing while the disk is nearly full. */
  async add<T>(run: () => T): Promise<T> {
    await this.#checkDisk();
    return this.transact(run);
  }

  /**
   * Runs `run` with exclusive access and a view of every earlier write; resolves when its writes are
   * on disk. Whatever `run` wrote before it throws is kept: decide first, then write.
   */
  async transact<T>(run: () => T): Promise<T> {
    if (this.#isClosed) throw new Error('the store is closed');
    try {
      return await this.#root.transaction(run);
    } catch (error) {
      throw await commitErrorOf(error);
    }
  }

  /** After what is under way is on disk. Nothing may be read after it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#root.close();
  }

  async #checkDisk(): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - this.#checkedMs >= DISK_CHECK_MS) {
      this.#checkedMs = nowMs;
      this.#isFull = this.#lookAtDisk();
    }
    // All wait for the same look: who came later must not get ahead of who asked for it.
    if (await this.#isFull) throw new Error(`the disk of ${this.#directory} is full`);
  }

  async #lookAtDisk(): Promise<boolean> {
    return (await this.#freeBytes(this.#directory)) < DISK_RESERVE_BYTES;
  }
}
