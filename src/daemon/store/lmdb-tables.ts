/**
 * The tables of a node in one LMDB environment. Of its own it has two keys in `meta`:
 *
 *     version    1 byte
 *     journal    applied 8 (big-endian: the last record of the journal that is in the tables) ‖ salt 8
 *
 * Format 1 had no journal; a program that knows none would go on without what stands in it.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';

import { type Database, open, type RootDatabase } from 'lmdb';

import { concatBytes } from '../../base/bytes.ts';
import { PilotError } from '../../base/pilot-error.ts';
import { freeBytesOnDisk } from '../../relay/free-bytes.ts';
import { commitErrorOf } from '../../relay/lmdb-commit-error.ts';
import { checkLmdbFile } from '../../relay/lmdb-file.ts';
import { sequenceKey, sequenceOf, type TableName, TABLES, type Write } from './storage.ts';
import type { Tables } from './tables.ts';

type Table = Database<Uint8Array, Uint8Array>;

const FORMAT_VERSION = 2;
const FORMAT_WITHOUT_JOURNAL = 1;
const VERSION_KEY = new TextEncoder().encode('version');
const JOURNAL_KEY = new TextEncoder().encode('journal');
const SALT_BYTES = 8;

/**
 * What has to be free on the disk before LMDB is written. Where its writes fail, it puts a message into
 * 100 bytes of memory that may have more (lmdb 3.5.6, `mdb_page_flush`): after some dozen failures the process was
 * gone. A slice of a checkpoint makes 3 MiB of pages at most; the rest is for what others write meanwhile.
 */
const DISK_RESERVE_BYTES = 16 * 1024 * 1024;

export class LmdbTables implements Tables {
  readonly salt: Uint8Array;
  #applied: number;
  readonly #dir: string;
  readonly #root: RootDatabase<Uint8Array, Uint8Array>;
  readonly #tables: ReadonlyMap<TableName, Table>;

  private constructor(dir: string, root: RootDatabase<Uint8Array, Uint8Array>) {
    this.#dir = dir;
    this.#root = root;
    this.#tables = new Map(
      TABLES.map((name) => [
        name,
        root.openDB<Uint8Array, Uint8Array>(name, { encoding: 'binary', keyEncoding: 'binary' }),
      ]),
    );
    const kept = this.get('meta', JOURNAL_KEY);
    this.#applied = kept === undefined ? 0 : sequenceOf(kept);
    this.salt = kept?.subarray(8, 8 + SALT_BYTES) ?? randomBytes(SALT_BYTES);
  }

  /** Opens or creates the tables in folder `dir`. PilotError: damaged, of a later version. */
  static open(dir: string): LmdbTables {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    checkLmdbFile(dir);
    const root = open<Uint8Array, Uint8Array>({
      path: dir,
      noSubdir: false,
      encoding: 'binary',
      // A resolved write is an fsynced one; by default lmdb resolves before the sync.
      overlappingSync: false,
      // With it a failed write also rejects promises inside lmdb that nobody can handle.
      eventTurnBatching: false,
      maxDbs: TABLES.length,
    });
    try {
      const tables = new LmdbTables(dir, root);
      tables.#checkVersion();
      return tables;
    } catch (error) {
      void root.close();
      throw error;
    }
  }

  get applied(): number {
    return this.#applied;
  }

  get(table: TableName, key: Uint8Array): Uint8Array | undefined {
    return this.#table(table).get(key);
  }

  *rows(table: TableName, start?: Uint8Array): Iterable<readonly [Uint8Array, Uint8Array]> {
    const range = start === undefined ? {} : { start };
    for (const { key, value } of this.#table(table).getRange(range)) yield [key, value];
  }

  /** The disk is waited for in a thread of lmdb's. */
  async write(writes: readonly Write[], applied = this.#applied): Promise<void> {
    if ((await freeBytesOnDisk(this.#dir)) < DISK_RESERVE_BYTES) {
      throw new Error(`the disk of ${this.#dir} is full`);
    }
    try {
      await this.#root.transaction(() => {
        for (const write of writes) this.#apply(write);
        this.#table('meta').putSync(JOURNAL_KEY, this.#journalState(applied));
      });
    } catch (error) {
      throw await commitErrorOf(error);
    }
    this.#applied = applied;
  }

  async close(): Promise<void> {
    await this.#root.close();
  }

  #apply({ table, key, value }: Write): void {
    if (value === undefined) this.#table(table).removeSync(key);
    else this.#table(table).putSync(key, value);
  }

  #journalState(applied: number): Uint8Array {
    return concatBytes(sequenceKey(applied), this.salt);
  }

  #table(name: TableName): Table {
    const table = this.#tables.get(name);
    if (table === undefined) throw new RangeError(`no table ${name}`);
    return table;
  }

  #checkVersion(): void {
    const found = this.get('meta', VERSION_KEY)?.[0] ?? FORMAT_WITHOUT_JOURNAL;
    if (found === FORMAT_VERSION) return;
    if (found !== FORMAT_WITHOUT_JOURNAL) {
      throw new PilotError(
        'not_supported',
        `the database ${this.#dir} has format ${found}; this program knows format ${FORMAT_VERSION}`,
        { hint: 'Start the newer program that wrote it, or choose another PILOT_HOME.' },
      );
    }
    this.#root.transactionSync(() => {
      const meta = this.#table('meta');
      meta.putSync(VERSION_KEY, Uint8Array.of(FORMAT_VERSION));
      meta.putSync(JOURNAL_KEY, this.#journalState(0));
    });
  }
}
