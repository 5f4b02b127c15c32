import type { Storage } from '../store/storage.ts';
import {
  decodeTrustRecord,
  encodeTrustRecord,
  trustKey,
  type TrustRecord,
  type TrustState,
} from './trust-record.ts';

/** Nodes that we have nothing to do with any more, and owe nothing: the oldest are forgotten. */
const MAX_FORMER = 1024;

/** The nodes this one trusts, has asked, or was asked by: in memory, and on disk after `put`. */
export class TrustStore {
  readonly #storage: Storage;
  readonly #records = new Map<string, TrustRecord>();
  readonly #former = new Set<string>();
  /** As they are on disk: what counts again when the disk refuses a later one. */
  readonly #kept = new Map<string, TrustRecord>();

  constructor(storage: Storage) {
    this.#storage = storage;
    for (const [key, value] of storage.entries('trust')) {
      const record = decodeTrustRecord(key, value);
      this.#kept.set(record.peer, record);
      this.#remember(record);
    }
  }

  get(peer: string): TrustRecord | undefined {
    return this.#records.get(peer);
  }

  stateOf(peer: string): TrustState {
    return this.#records.get(peer)?.state ?? 'none';
  }

  all(): IterableIterator<TrustRecord> {
    return this.#records.values();
  }

  inState(state: TrustState): TrustRecord[] {
    return [...this.#records.values()].filter((record) => record.state === state);
  }

  /**
   * In force at once; resolves when it is on disk. StoreError: the disk refused, and what is on it is in force
   * again, unless a later one is; then `undone` is told what that is (undefined: nothing).
   */
  async put(
    record: TrustRecord,
    undone: (restored: TrustRecord | undefined) => void = () => undefined,
  ): Promise<void> {
    const doomed = this.#remember(record);
    const key = trustKey(record.peer);
    try {
      await this.#storage.commit([
        { table: 'trust', key, value: encodeTrustRecord(record) },
        ...doomed.map((peer) => ({ table: 'trust' as const, key: trustKey(peer) })),
      ]);
    } catch (error) {
      // A later one that is in force is written or refused in its turn.
      if (this.#records.get(record.peer) === record) undone(this.#undo(record));
      throw error;
    }
    this.#kept.set(record.peer, record);
    for (const peer of doomed) this.#kept.delete(peer);
  }

  #undo({ peer }: TrustRecord): TrustRecord | undefined {
    const kept = this.#kept.get(peer);
    if (kept === undefined) {
      this.#records.delete(peer);
      this.#former.delete(peer);
    } else {
      this.#remember(kept);
    }
    return kept;
  }

  /** The former peers that had to go for it. */
  #remember(record: TrustRecord): string[] {
    this.#records.set(record.peer, record);
    this.#former.delete(record.peer);
    if (record.state === 'none' && record.owed === '') this.#former.add(record.peer);
    const doomed = [...this.#former].slice(0, Math.max(0, this.#former.size - MAX_FORMER));
    for (const peer of doomed) {
      this.#former.delete(peer);
      this.#records.delete(peer);
    }
    return doomed;
  }
}
