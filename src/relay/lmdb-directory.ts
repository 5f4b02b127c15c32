/**
 * Tables (numbers big-endian):
 *
 *     records     first key 32             -> last seen 8, node record
 *     nodes       node number 4            -> first key 32
 *     hostnames   ASCII                    -> first key 32
 *     seen        last seen 8, first key 32 -> (empty)      oldest first, to make room
 *     counts      'n'                      -> records 8
 */
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { equalBytes } from '../base/bytes.ts';
import { decodeNodeRecord, type NodeRecord } from '../identity/node-record.ts';
import type { LookupKey } from './control-message.ts';
import {
  type Directory,
  type DirectorySettings,
  type Publication,
  type PublishOutcome,
  replaces,
  TOUCH_INTERVAL_MS,
} from './directory.ts';
import type { LmdbStore, Table } from './lmdb-store.ts';

interface Row {
  readonly seenMs: number;
  readonly bytes: Uint8Array;
}

const EMPTY = Buffer.alloc(0);
const RECORDS = Buffer.from('n');

/** A directory that survives the process. */
export class LmdbDirectory implements Directory {
  readonly #store: LmdbStore;
  readonly #settings: DirectorySettings;
  readonly #records: Table;
  readonly #nodes: Table;
  readonly #hostnames: Table;
  readonly #seen: Table;
  readonly #counts: Table;

  constructor(store: LmdbStore, settings: DirectorySettings) {
    this.#store = store;
    this.#settings = settings;
    this.#records = store.table('records');
    this.#nodes = store.table('record-nodes');
    this.#hostnames = store.table('record-hostnames');
    this.#seen = store.table('record-seen');
    this.#counts = store.table('record-counts');
  }

  async publish(publication: Publication, nowMs: number): Promise<PublishOutcome> {
    return this.#store.add(() => this.#publishNow(publication, nowMs));
  }

  async find(by: LookupKey): Promise<Uint8Array | undefined> {
    const key = this.#keyOf(by);
    return Promise.resolve(key && this.#row(key)?.bytes);
  }

  async touch(key: Uint8Array, nowMs: number): Promise<void> {
    const seenMs = this.#row(key)?.seenMs ?? nowMs;
    if (nowMs - seenMs < TOUCH_INTERVAL_MS) return;
    await this.#store.transact(() => {
      const row = this.#row(key);
      if (row !== undefined) this.#write(key, row.bytes, nowMs);
    });
  }

  /** The store is closed by whoever opened it. */
  async close(): Promise<void> {
    return Promise.resolve();
  }

  #publishNow({ record, bytes }: Publication, nowMs: number): PublishOutcome {
    const key = record.chain.firstKey;
    const known = this.#row(key);
    if (known !== undefined && equalBytes(known.bytes, bytes)) {
      this.#write(key, bytes, nowMs);
      return 'ok';
    }
    if (known !== undefined && !replaces(record, decodeNodeRecord(known.bytes))) {
      return 'stale_record';
    }
    const taken = this.#takenName(record, key, nowMs);
    if (taken !== undefined) return taken;
    if (known === undefined && !this.#makeRoom(nowMs)) return 'unavailable';
    this.#forget(key);
    this.#forget(this.#nodes.get(u32(record.node)));
    this.#forget(this.#holderOf(record.hostname));
    this.#write(key, bytes, nowMs);
    this.#nodes.putSync(u32(record.node), key);
    if (record.hostname !== '') this.#hostnames.putSync(Buffer.from(record.hostname), key);
    this.#count(1);
    return 'ok';
  }

  #takenName(record: NodeRecord, key: Uint8Array, nowMs: number): PublishOutcome | undefined {
    if (this.#isHeld(this.#nodes.get(u32(record.node)), key, nowMs)) return 'address_taken';
    if (this.#isHeld(this.#holderOf(record.hostname), key, nowMs)) return 'hostname_taken';
    return undefined;
  }

  #keyOf(by: LookupKey): Uint8Array | undefined {
    if ('key' in by) return by.key;
    return 'node' in by ? this.#nodes.get(u32(by.node)) : this.#holderOf(by.hostname);
  }

  #holderOf(hostname: string): Uint8Array | undefined {
    return hostname === '' ? undefined : this.#hostnames.get(Buffer.from(hostname));
  }

  #isHeld(holder: Uint8Array | undefined, key: Uint8Array, nowMs: number): boolean {
    return holder !== undefined && !equalBytes(holder, key) && !this.#isIdle(holder, nowMs);
  }

  #isIdle(key: Uint8Array, nowMs: number): boolean {
    const row = this.#row(key);
    return row === undefined || nowMs - row.seenMs > this.#settings.nameIdleMs;
  }

  #makeRoom(nowMs: number): boolean {
    if (this.#recordCount() < this.#settings.maxRecords) return true;
    const [oldest] = [...this.#seen.getKeys({ limit: 1 })];
    const key = oldest?.subarray(8);
    if (key === undefined || !this.#isIdle(key, nowMs)) return false;
    this.#forget(key);
    return true;
  }

  #forget(key: Uint8Array | undefined): void {
    const row = key && this.#row(key);
    if (key === undefined || row === undefined) return;
    const { node, hostname } = decodeNodeRecord(row.bytes);
    this.#records.removeSync(key);
    this.#seen.removeSync(seenKey(row.seenMs, key));
    this.#nodes.removeSync(u32(node));
    if (hostname !== '') this.#hostnames.removeSync(Buffer.from(hostname));
    this.#count(-1);
  }

  #row(key: Uint8Array): Row | undefined {
    const value = this.#records.get(key);
    if (value === undefined) return undefined;
    const reader = new ByteReader(value);
    return { seenMs: reader.u64(), bytes: reader.rest() };
  }

  /** Writes the record as seen now. */
  #write(key: Uint8Array, bytes: Uint8Array, nowMs: number): void {
    const before = this.#row(key);
    if (before !== undefined) this.#seen.removeSync(seenKey(before.seenMs, key));
    const row = new ByteWriter(8 + bytes.length).u64(nowMs).bytes(bytes);
    this.#records.putSync(key, row.finish());
    this.#seen.putSync(seenKey(nowMs, key), EMPTY);
  }

  #recordCount(): number {
    const value = this.#counts.get(RECORDS);
    return value === undefined ? 0 : new ByteReader(value).u64();
  }

  #count(change: 1 | -1): void {
    const count = new ByteWriter(8).u64(this.#recordCount() + change);
    this.#counts.putSync(RECORDS, count.finish());
  }
}

function seenKey(seenMs: number, key: Uint8Array): Buffer {
  return Buffer.concat([new ByteWriter(8).u64(seenMs).finish(), key]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
