/** What the parts of a node need of their store; `store.ts` is the one on disk. */

/** What a table holds is said by the file that writes it. The journal knows them by their place here: only append. */
export const TABLES = [
  'meta',
  'trust',
  'outbox',
  'outbox-payloads',
  'outbox-history',
  'inbox',
  'inbox-payloads',
  'seen',
  'tunnels',
  'topics',
] as const;

export type TableName = (typeof TABLES)[number];

/** Without a value the key is removed. */
export interface Write {
  readonly table: TableName;
  readonly key: Uint8Array;
  readonly value?: Uint8Array;
}

/** A function is called when the record is made, and only then: it tells what is true by then. */
export type Writes = readonly Write[] | (() => readonly Write[]);

export interface Range {
  readonly start?: Uint8Array;
  readonly limit?: number;
}

export interface Storage {
  /**
   * Sees a commit from the moment its function was called, before it is on disk, and no more once it has
   * failed. The bytes are the store's: not to be changed.
   */
  get(table: TableName, key: Uint8Array): Uint8Array | undefined;
  /** In the order of the keys' bytes; sees what `get` sees. */
  entries(table: TableName, range?: Range): Iterable<readonly [Uint8Array, Uint8Array]>;
  /**
   * Resolves when all of `writes` are on disk; StoreError when none of them is. `soon`: nobody on this
   * host waits for it, so it may wait a few milliseconds for others.
   */
  commit(writes: Writes, when?: 'now' | 'soon'): Promise<void>;
  /**
   * For what may be lost in a crash but not by a full disk: written with the next commit that succeeds, and
   * a second later when nobody asks for one.
   */
  owe(writes: readonly Write[]): void;
}

/** A commit failed: disk full, over quota, input/output error. The store stays usable. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
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
