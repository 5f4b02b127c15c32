import { fromHex, toHex } from '../../../src/base/bytes.ts';
import {
  type Range,
  type Storage,
  StoreError,
  type TableName,
  type Write,
  type Writes,
} from '../../../src/daemon/store/storage.ts';

interface Job {
  readonly writes: Writes;
  readonly resolve?: () => void;
  readonly reject?: (error: Error) => void;
}

/** The store's contract without a disk: what was not committed is gone after a crash. */
export class MemoryStorage implements Storage {
  /** Commits fail, as on a full disk. */
  isFull = false;
  /** Commits wait until `isHeld` is false and `release` was called. */
  isHeld = false;
  commits = 0;
  readonly #tables: Map<TableName, Map<string, Uint8Array>>;
  #jobs: Job[] = [];
  #scheduled = false;
  #crashed = false;

  constructor(tables = new Map<TableName, Map<string, Uint8Array>>()) {
    this.#tables = tables;
  }

  get(table: TableName, key: Uint8Array): Uint8Array | undefined {
    return this.#tables.get(table)?.get(toHex(key));
  }

  *entries(table: TableName, range: Range = {}): Iterable<readonly [Uint8Array, Uint8Array]> {
    const rows = [...(this.#tables.get(table) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
    const start = range.start === undefined ? '' : toHex(range.start);
    const inRange = rows.filter(([key]) => key >= start).slice(0, range.limit);
    for (const [key, value] of inRange) yield [fromHex(key), value];
  }

  async commit(writes: Writes): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#jobs.push({ writes, resolve, reject });
      this.#schedule();
    });
  }

  owe(writes: readonly Write[]): void {
    this.#jobs.push({ writes });
    this.#schedule();
  }

  release(): void {
    this.isHeld = false;
    this.#schedule();
  }

  /** The process dies: what it had not committed is lost, and nothing of it goes on. */
  crash(): MemoryStorage {
    this.#crashed = true;
    return new MemoryStorage(
      new Map([...this.#tables].map(([name, rows]) => [name, new Map(rows)])),
    );
  }

  #schedule(): void {
    if (this.#scheduled || this.isHeld) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (!this.#crashed && !this.isHeld) this.#run();
    });
  }

  #run(): void {
    const jobs = this.#jobs;
    this.#jobs = this.isFull ? jobs.filter(({ resolve }) => resolve === undefined) : [];
    this.commits += 1;
    for (const { writes, resolve, reject } of jobs) {
      if (this.isFull) {
        reject?.(new StoreError('disk full'));
      } else {
        for (const write of typeof writes === 'function' ? writes() : writes) this.#apply(write);
        resolve?.();
      }
    }
  }

  #apply({ table, key, value }: Write): void {
    const rows = this.#tables.get(table) ?? new Map<string, Uint8Array>();
    this.#tables.set(table, rows);
    if (value === undefined) rows.delete(toHex(key));
    else rows.set(toHex(key), new Uint8Array(value));
  }
}
