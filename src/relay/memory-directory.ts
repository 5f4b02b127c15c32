import { equalBytes } from '../base/bytes.ts';
import type { NodeRecord } from '../identity/node-record.ts';
import { byteKey } from './byte-key.ts';
import type { LookupKey } from './control-message.ts';
import {
  type Directory,
  type DirectorySettings,
  type Publication,
  type PublishOutcome,
  replaces,
} from './directory.ts';

interface Entry {
  readonly record: NodeRecord;
  readonly bytes: Uint8Array;
  seenMs: number;
}

/** A directory that a restart empties: for tests and for relays that keep nothing. */
export class MemoryDirectory implements Directory {
  readonly #settings: DirectorySettings;
  /** In the order in which they were seen last, oldest first. */
  readonly #byKey = new Map<string, Entry>();
  readonly #byNode = new Map<number, string>();
  readonly #byHostname = new Map<string, string>();

  constructor(settings: DirectorySettings) {
    this.#settings = settings;
  }

  async publish({ record, bytes }: Publication, nowMs: number): Promise<PublishOutcome> {
    return Promise.resolve(this.#publishNow({ record, bytes: bytes.slice() }, nowMs));
  }

  async find(by: LookupKey): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.#byKey.get(this.#keyOf(by) ?? '')?.bytes);
  }

  async touch(key: Uint8Array, nowMs: number): Promise<void> {
    const entry = this.#byKey.get(byteKey(key));
    if (entry !== undefined) this.#see(byteKey(key), entry, nowMs);
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#byKey.clear();
    return Promise.resolve();
  }

  #publishNow({ record, bytes }: Publication, nowMs: number): PublishOutcome {
    const key = byteKey(record.chain.firstKey);
    const known = this.#byKey.get(key);
    if (known !== undefined && equalBytes(known.bytes, bytes)) {
      this.#see(key, known, nowMs);
      return 'ok';
    }
    if (known !== undefined && !replaces(record, known.record)) return 'stale_record';
    if (this.#isHeld(this.#byNode.get(record.node), key, nowMs)) return 'address_taken';
    const { hostname } = record;
    if (hostname !== '' && this.#isHeld(this.#byHostname.get(hostname), key, nowMs)) {
      return 'hostname_taken';
    }
    if (known === undefined && !this.#makeRoom(nowMs)) return 'unavailable';
    this.#forget(key);
    this.#forget(this.#byNode.get(record.node));
    this.#forget(this.#byHostname.get(hostname));
    this.#byKey.set(key, { record, bytes, seenMs: nowMs });
    this.#byNode.set(record.node, key);
    if (hostname !== '') this.#byHostname.set(hostname, key);
    return 'ok';
  }

  #keyOf(by: LookupKey): string | undefined {
    if ('key' in by) return byteKey(by.key);
    return 'node' in by ? this.#byNode.get(by.node) : this.#byHostname.get(by.hostname);
  }

  #isHeld(holder: string | undefined, key: string, nowMs: number): boolean {
    return holder !== undefined && holder !== key && !this.#isIdle(holder, nowMs);
  }

  #isIdle(key: string, nowMs: number): boolean {
    const entry = this.#byKey.get(key);
    return entry === undefined || nowMs - entry.seenMs > this.#settings.nameIdleMs;
  }

  #makeRoom(nowMs: number): boolean {
    if (this.#byKey.size < this.#settings.maxRecords) return true;
    const oldest = this.#byKey.keys().next().value;
    if (oldest === undefined || !this.#isIdle(oldest, nowMs)) return false;
    this.#forget(oldest);
    return true;
  }

  #forget(key: string | undefined): void {
    const entry = key === undefined ? undefined : this.#byKey.get(key);
    if (key === undefined || entry === undefined) return;
    this.#byKey.delete(key);
    this.#byNode.delete(entry.record.node);
    this.#byHostname.delete(entry.record.hostname);
  }

  #see(key: string, entry: Entry, nowMs: number): void {
    this.#byKey.delete(key);
    this.#byKey.set(key, entry);
    entry.seenMs = nowMs;
  }
}
