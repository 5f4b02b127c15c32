/**
 * A node's durable state: one LMDB environment with the tables below, all keys and values bytes.
 *
 *     commit, now    ──┐
 *     commit, soon   ··┼──> queue ──> one transaction for all that one turn of the event loop brings, in
 *     owe            ··┘              order: many callers share one fsync; soon and owed wait for one
 *
 * A transaction is all or nothing, and one step of the event loop: when it has failed, who asked for it
 * knows before anything else comes in. A resolved `commit` is on the disk, not in a cache.
 */
import { mkdirSync } from 'node:fs';

import { type Database, open, type RootDatabase } from 'lmdb';

import { describeError, PilotError } from '../base/pilot-error.ts';
import { checkLmdbFile } from '../relay/lmdb-file.ts';

/** What a table holds is said by the file that writes it. */
const TABLES = [
  'meta',
  'trust',
  'outbox',
  'outbox-payloads',
  'outbox-history',
  'inbox',
  'inbox-payloads',
  'seen',
] as const;

export type TableName = (typeof TABLES)[number];

/** Without a value the key is removed. */
export interface Write {
  readonly table: TableName;
  readonly key: Uint8Array;
  readonly value?: Uint8Array;
}

/** A function is called when the transaction is made, and only then: it tells what is true by then. */
export type Writes = readonly Write[] | (() => readonly Write[]);

export interface Range {
  readonly start?: Uint8Array;
  readonly limit?: number;
}

/** What the parts of a node need of their store. */
export interface Storage {
  get(table: TableName, key: Uint8Array): Uint8Array | undefined;
  /** In the order of the keys' bytes. */
  entries(table: TableName, range?: Range): Iterable<readonly [Uint8Array, Uint8Array]>;
  /**
   * Resolves when all of `writes` are on disk; StoreError when none of them is. `soon`: nobody on this
   * host waits for it, so it may wait a few milliseconds for others.
   */
  commit(writes: Writes, when?: 'now' | 'soon'): Promise<void>;
  /**
   * For what may be lost in a crash but not by a full disk: written with the next transaction that
   * succeeds, and a second later when nobody asks for one.
   */
  owe(writes: readonly Write[]): void;
}

/** A transaction failed: disk full, over quota, input/output error. The store stays usable. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
}

const FORMAT_VERSION = 1;
const OWED_DELAY_MS = 1000;
/** What a peer's receipt takes longer, so that a message and its reply need not wait for two disks. */
const MIN_SOON_DELAY_MS = 8;
const MAX_SOON_DELAY_MS = 100;
/** A transaction holds the whole process up: with this, for a ninth of the time at most. */
const SOON_DELAYS_PER_TRANSACTION = 8;
const VERSION_KEY = new TextEncoder().encode('version');

interface Job {
  readonly writes: Writes;
  /** Somebody waits for it; what is only owed has none, and is tried again. */
  readonly caller?: { readonly resolve: () => void; readonly reject: (error: StoreError) => void };
}

export class Store implements Storage {
  readonly #root: RootDatabase<Uint8Array, Uint8Array>;
  readonly #tables: ReadonlyMap<TableName, Database<Uint8Array, Uint8Array>>;
  #jobs: Job[] = [];
  #running: Promise<void> | undefined;
  #timer: { readonly delayMs: number; readonly timeout: NodeJS.Timeout } | undefined;
  #lastTransactionMs = 0;
  #closed = false;

  private constructor(root: RootDatabase<Uint8Array, Uint8Array>) {
    this.#root = root;
    this.#tables = new Map(
      TABLES.map((name) => [
        name,
        root.openDB<Uint8Array, Uint8Array>(name, { encoding: 'binary', keyEncoding: 'binary' }),
      ]),
    );
  }

  /** Opens or creates the store in folder `dir`. PilotError when it cannot be used. */
  static open(dir: string): Store {
    let store: Store;
    try {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      checkLmdbFile(dir);
      store = new Store(
        open<Uint8Array, Uint8Array>({
          path: dir,
          encoding: 'binary',
          // A resolved write is an fsynced one; by default lmdb resolves before the sync.
          overlappingSync: false,
          maxDbs: TABLES.length,
        }),
      );
    } catch (error) {
      if (error instanceof PilotError) throw error;
      throw new PilotError('internal', `cannot open the database ${dir}: ${describeError(error)}`, {
        hint: 'See that the folder belongs to you and the disk is not full.',
        cause: error,
      });
    }
    store.#checkVersion(dir);
    return store;
  }

  get(table: TableName, key: Uint8Array): Uint8Array | undefined {
    return this.#table(table).get(key);
  }

  *entries(table: TableName, range: Range = {}): Iterable<readonly [Uint8Array, Uint8Array]> {
    for (const { key, value } of this.#table(table).getRange({ ...range })) yield [key, value];
  }

  async commit(writes: Writes, when: 'now' | 'soon' = 'now'): Promise<void> {
    if (this.#closed) throw new StoreError('the store is closed');
    await new Promise<void>((resolve, reject) => {
      this.#jobs.push({ writes, caller: { resolve, reject } });
      if (when === 'now') this.#running ??= this.#run();
      else this.#runIn(this.#soonDelayMs);
    });
  }

  owe(writes: readonly Write[]): void {
    if (this.#closed) return;
    this.#jobs.push({ writes });
    this.#runIn(OWED_DELAY_MS);
  }

  /** Ends after what was asked for is written (or has failed). May be called twice. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#jobs.length > 0) this.#running ??= this.#run();
    await this.#running;
    await this.#root.close();
  }

  get #soonDelayMs(): number {
    const delayMs = SOON_DELAYS_PER_TRANSACTION * this.#lastTransactionMs;
    return Math.min(Math.max(delayMs, MIN_SOON_DELAY_MS), MAX_SOON_DELAY_MS);
  }

  /** Unless a transaction is to be made before that. */
  #runIn(delayMs: number): void {
    if (this.#running !== undefined) return;
    if (this.#timer !== undefined && this.#timer.delayMs <= delayMs) return;
    clearTimeout(this.#timer?.timeout);
    const timeout = setTimeout(() => {
      this.#running ??= this.#run();
    }, delayMs);
    timeout.unref();
    this.#timer = { delayMs, timeout };
  }

  async #run(): Promise<void> {
    clearTimeout(this.#timer?.timeout);
    this.#timer = undefined;
    // Whatever one turn of the event loop brings, from all its sockets, belongs into one transaction.
    await new Promise(setImmediate);
    let progress = true;
    while (progress && this.#jobs.length > 0) progress = this.#runOnce();
    this.#running = undefined;
  }

  /** False when it failed and only owed writes are left: those wait for the next caller. */
  #runOnce(): boolean {
    const jobs = this.#jobs;
    this.#jobs = [];
    try {
      this.#transaction(
        jobs.flatMap(({ writes }) => (typeof writes === 'function' ? writes() : writes)),
      );
      for (const { caller } of jobs) caller?.resolve();
      return true;
    } catch (cause) {
      // Owed writes keep their place before whatever was asked for since.
      this.#jobs = [...jobs.filter(({ caller }) => caller === undefined), ...this.#jobs];
      const error = new StoreError('the database could not be written: disk full?', { cause });
      for (const { caller } of jobs) caller?.reject(error);
      return this.#jobs.some(({ caller }) => caller !== undefined);
    }
  }

  /**
   * On this thread, which waits for the disk: a commit costs 0.4 ms that way. lmdb's own writer thread
   * takes 0.7 ms, and 50 ms and more when both processors are busy, because every transaction waits for
   * two changes of thread. While the disk is slow, nothing could be promised to a caller anyway.
   */
  #transaction(writes: readonly Write[]): void {
    const startedMs = performance.now();
    this.#root.transactionSync(() => {
      for (const { table, key, value } of writes) {
        if (value === undefined) this.#table(table).removeSync(key);
        else this.#table(table).putSync(key, value);
      }
    });
    this.#lastTransactionMs = performance.now() - startedMs;
  }

  #table(name: TableName): Database<Uint8Array, Uint8Array> {
    const table = this.#tables.get(name);
    if (table === undefined) throw new RangeError(`no table ${name}`);
    return table;
  }

  #checkVersion(dir: string): void {
    const meta = this.#table('meta');
    const found = meta.get(VERSION_KEY)?.[0];
    if (found === undefined) {
      meta.putSync(VERSION_KEY, Uint8Array.of(FORMAT_VERSION));
    } else if (found !== FORMAT_VERSION) {
      void this.#root.close();
      throw new PilotError(
        'not_supported',
        `the database ${dir} has format ${found}; this program knows format ${FORMAT_VERSION}`,
        { hint: 'Start the newer program that wrote it, or choose another PILOT_HOME.' },
      );
    }
  }
}

/** A sequence number as a key: big-endian, so that keys sort as numbers do. */
export function sequenceKey(sequence: number): Uint8Array {
  const key = Buffer.allocUnsafe(8);
  key.writeUInt32BE(Math.floor(sequence / 2 ** 32), 0);
  key.writeUInt32BE(sequence >>> 0, 4);
  return key;
}

export function sequenceOf(key: Uint8Array): number {
  return Number(new DataView(key.buffer, key.byteOffset, 8).getBigUint64(0));
}
