/**
 * A node's durable state: a journal in front of LMDB tables, all keys and values bytes.
 *
 *     commit, now   ──┐
 *     commit, soon  ··┼──> group ──> batch ──> one record ──> journal ──> resolved
 *     owe           ··┘                │                        ·
 *                                      v                        v
 *     get, entries <── batches being written, overlays of the journal, tables
 *
 * A batch is all or nothing. Its writes are seen from the moment they are known; when it has failed nobody
 * sees them any more, and all who asked for them are told. A resolved `commit` is on the disk, not in a
 * cache. The disk is waited for off this thread.
 */
import path from 'node:path';

import { describeError, PilotError } from '../../base/pilot-error.ts';
import { systemClock } from '../../base/system-clock.ts';
import { type Batch, batchesOf } from './batch.ts';
import { GroupCommit, type Job } from './group-commit.ts';
import { DiskJournalFile } from './journal-file.ts';
import { JournaledTables, type JournaledTablesDeps } from './journaled-tables.ts';
import { LmdbTables } from './lmdb-tables.ts';
import { mergedRange } from './merged-range.ts';
import { entryOf, Overlay, textOfKey, valueOf } from './overlay.ts';
import {
  type Range,
  type Storage,
  StoreError,
  type TableName,
  type Write,
  type Writes,
} from './storage.ts';
import type { Tables } from './tables.ts';

/** Of each of the two: some seconds of a busy node, and a few milliseconds to read at a start. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

export class Store implements Storage {
  readonly #tables: Tables;
  readonly #journaled: JournaledTables;
  readonly #group: GroupCommit;
  /** What is being written, oldest first. */
  #unwritten: readonly Batch[] = [];
  #closed = false;

  /** PilotError: the journal is damaged. */
  constructor(deps: JournaledTablesDeps) {
    this.#tables = deps.tables;
    this.#journaled = new JournaledTables(deps);
    this.#group = new GroupCommit(deps.clock, async (jobs) => this.#write(jobs));
  }

  /** Opens or creates the store in folder `dir`. PilotError when it cannot be used. */
  static open(dir: string): Store {
    const opened: { readonly close: () => unknown }[] = [];
    const keep = <T extends { readonly close: () => unknown }>(part: T): T => {
      opened.push(part);
      return part;
    };
    try {
      const tables = keep(LmdbTables.open(dir));
      const first = keep(new DiskJournalFile(path.join(dir, 'journal-0'), MAX_FILE_BYTES));
      const second = keep(new DiskJournalFile(path.join(dir, 'journal-1'), MAX_FILE_BYTES));
      const files = [first, second] as const;
      return new Store({ tables, files, maxFileBytes: MAX_FILE_BYTES, clock: systemClock });
    } catch (error) {
      for (const part of opened) part.close();
      if (error instanceof PilotError) throw error;
      throw new PilotError('internal', `cannot open the database ${dir}: ${describeError(error)}`, {
        hint: 'See that the folder belongs to you and the disk is not full.',
        cause: error,
      });
    }
  }

  get(table: TableName, key: Uint8Array): Uint8Array | undefined {
    const text = textOfKey(key);
    for (const overlay of this.#overlays()) {
      const entry = overlay.get(table, text);
      if (entry !== undefined) return valueOf(entry);
    }
    return this.#tables.get(table, key);
  }

  *entries(table: TableName, range: Range = {}): Iterable<readonly [Uint8Array, Uint8Array]> {
    const rows = this.#tables.rows(table, range.start);
    yield* mergedRange({ table, rows, overlays: this.#overlays() }, range);
  }

  async commit(writes: Writes, when: 'now' | 'soon' = 'now'): Promise<void> {
    if (this.#closed) throw new StoreError('the store is closed');
    await new Promise<void>((resolve, reject) => {
      this.#group.add({ writes, caller: { resolve, reject } }, when);
    });
  }

  owe(writes: readonly Write[]): void {
    if (!this.#closed) this.#group.add({ writes }, 'owed');
  }

  /** Ends after what was asked for is written (or has failed). May be called twice. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#group.close();
    await this.#journaled.close();
  }

  /** Newest first. */
  #overlays(): readonly Overlay[] {
    const { overlays } = this.#journaled;
    if (this.#unwritten.length === 0) return overlays;
    return [...this.#unwritten.map(({ overlay }) => overlay).reverse(), ...overlays];
  }

  /** Never rejects. After a batch that failed the rest fails, too: nothing overtakes what is owed. */
  async #write(jobs: readonly Job[]): Promise<void> {
    this.#unwritten = batchesOf(jobs);
    for (let [batch] = this.#unwritten; batch !== undefined; [batch] = this.#unwritten) {
      try {
        if (!batch.overlay.isEmpty) await this.#journaled.write(batch.record, batch.overlay);
      } catch (cause) {
        this.#fail(cause);
        return;
      }
      this.#unwritten = this.#unwritten.slice(1);
      for (const { caller } of batch.jobs) caller?.resolve();
    }
  }

  #fail(cause: unknown): void {
    const jobs = this.#unwritten.flatMap((batch) => batch.jobs);
    this.#unwritten = [];
    const owed = jobs.flatMap((job) => (job.caller === undefined ? job.writes : []));
    if (owed.length > 0) this.#group.putBack([...Overlay.of(owed.map(entryOf)).writes()]);
    const error = new StoreError('the database could not be written: disk full?', { cause });
    for (const { caller } of jobs) caller?.reject(error);
  }
}
