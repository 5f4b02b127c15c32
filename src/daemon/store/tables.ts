import type { TableName, Write } from './storage.ts';

/** What the journal is in front of: tables that take many writes at once, at their own pace. */
export interface Tables {
  /** This database's own, for the checksums of its journal. */
  readonly salt: Uint8Array;
  /** The last record of the journal that is in the tables. */
  readonly applied: number;
  get(table: TableName, key: Uint8Array): Uint8Array | undefined;
  /** In the order of the keys' bytes, from `start` on. */
  rows(table: TableName, start?: Uint8Array): Iterable<readonly [Uint8Array, Uint8Array]>;
  /**
   * All or nothing; resolves when it is on disk. With `applied`, everything up to that record is in the tables
   * then. One call at a time.
   */
  write(writes: readonly Write[], applied?: number): Promise<void>;
  close(): Promise<void>;
}
