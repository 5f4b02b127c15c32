/**
 * Tables (keys and values in bytes, numbers big-endian):
 *
 *     envelopes   to 32, position 8            -> from 32, id 16, stored at 8, expires at 8, body
 *     ids         to 32, from 32, id 16        -> position 8
 *     expiry      expires at 8, to 32, position 8 -> (empty)
 *     counts      'r' to 32                    -> envelopes 8, bytes 8     one mailbox
 *                 'p' to 32, from 32           -> the same                 one sender's part of it
 *                 's' from 32                  -> the same                 one sender everywhere
 *                 't'                          -> the same                 the store
 *                 'n'                          -> last position given out 8, unused 8
 */
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { utf8 } from '../base/bytes.ts';
import type { LmdbStore, Table } from './lmdb-store.ts';
import type {
  EnvelopePut,
  Mailbox,
  MailboxLimits,
  MailboxSize,
  Page,
  StoredEnvelope,
} from './mailbox.ts';
import { MailboxListeners } from './mailbox-listeners.ts';
import { ENVELOPE_ID_BYTES, KEY_BYTES } from './protocol.ts';

interface Row {
  readonly from: Uint8Array;
  readonly id: Uint8Array;
  readonly atMs: number;
  readonly expiresAtMs: number;
  readonly body: Uint8Array;
}

const EMPTY = Buffer.alloc(0);
const STORE_COUNT = Buffer.from('t');
const LAST_POSITION = Buffer.from('n');

/** A mailbox that survives the process. */
export class LmdbMailbox implements Mailbox {
  readonly #store: LmdbStore;
  readonly #limits: MailboxLimits;
  readonly #listeners = new MailboxListeners();
  readonly #envelopes: Table;
  readonly #ids: Table;
  readonly #expiry: Table;
  readonly #counts: Table;

  constructor(store: LmdbStore, limits: MailboxLimits) {
    this.#store = store;
    this.#limits = limits;
    this.#envelopes = store.table('envelopes');
    this.#ids = store.table('envelope-ids');
    this.#expiry = store.table('envelope-expiry');
    this.#counts = store.table('envelope-counts');
  }

  async put(envelope: EnvelopePut): Promise<'stored' | 'mailbox_full'> {
    const outcome = await this.#store.add(() => this.#putNow(envelope));
    if (outcome !== 'known') this.#listeners.notify(envelope.to);
    return outcome === 'known' ? 'stored' : outcome;
  }

  async list(recipient: Uint8Array, page: Page): Promise<readonly StoredEnvelope[]> {
    const listed: StoredEnvelope[] = [];
    let bytes = 0;
    const range = {
      start: rowKey(recipient, page.after + 1),
      end: rowKey(recipient, Number.MAX_SAFE_INTEGER),
    };
    for (const { key, value } of this.#envelopes.getRange(range)) {
      const row = decodeRow(value);
      if (row.expiresAtMs <= page.nowMs) continue;
      bytes += row.body.length;
      if (listed.length >= page.envelopes || (listed.length > 0 && bytes > page.bytes)) break;
      listed.push({ ...row, position: new ByteReader(key.subarray(KEY_BYTES)).u64() });
    }
    return Promise.resolve(listed);
  }

  async take(recipient: Uint8Array, envelope: Pick<StoredEnvelope, 'from' | 'id'>): Promise<void> {
    const idKey = key(recipient, envelope.from, envelope.id);
    await this.#store.transact(() => {
      const position = this.#ids.get(idKey);
      if (position !== undefined) this.#removeNow(recipient, new ByteReader(position).u64());
    });
  }

  async sweep(nowMs: number, limit: number): Promise<number> {
    const end = u64(nowMs + 1);
    if ([...this.#expiry.getKeys({ end, limit: 1 })].length === 0) return 0;
    return this.#store.transact(() => {
      const due = [...this.#expiry.getKeys({ end, limit })];
      for (const expiryKey of due) {
        const reader = new ByteReader(expiryKey.subarray(8));
        this.#removeNow(reader.bytes(KEY_BYTES), reader.u64());
      }
      return due.length;
    });
  }

  async size(): Promise<MailboxSize> {
    return Promise.resolve(this.#countOf(STORE_COUNT));
  }

  subscribe(recipient: Uint8Array, onStored: () => void): () => void {
    return this.#listeners.subscribe(recipient, onStored);
  }

  /** The store is closed by whoever opened it. */
  async close(): Promise<void> {
    return Promise.resolve();
  }

  #putNow(envelope: EnvelopePut): 'stored' | 'known' | 'mailbox_full' {
    const { to, from, id, atMs, expiresAtMs, body } = envelope;
    const idKey = key(to, from, id);
    if (this.#ids.doesExist(idKey)) return 'known';
    if (!this.#hasRoom(envelope)) return 'mailbox_full';
    const position = this.#countOf(LAST_POSITION).envelopes + 1;
    const row = new ByteWriter(KEY_BYTES + ENVELOPE_ID_BYTES + 16 + body.length);
    row.bytes(from).bytes(id).u64(atMs).u64(expiresAtMs).bytes(body);
    this.#counts.putSync(LAST_POSITION, encodeCount({ envelopes: position, bytes: 0 }));
    this.#envelopes.putSync(rowKey(to, position), row.finish());
    this.#ids.putSync(idKey, u64(position));
    this.#expiry.putSync(key(u64(expiresAtMs), to, u64(position)), EMPTY);
    this.#count(envelope, 1);
    return 'stored';
  }

  #removeNow(to: Uint8Array, position: number): void {
    const value = this.#envelopes.get(rowKey(to, position));
    if (value === undefined) return;
    const row = decodeRow(value);
    this.#envelopes.removeSync(rowKey(to, position));
    this.#ids.removeSync(key(to, row.from, row.id));
    this.#expiry.removeSync(key(u64(row.expiresAtMs), to, u64(position)));
    this.#count({ to, ...row }, -1);
  }

  #hasRoom({ to, from, body }: EnvelopePut): boolean {
    const limits = this.#limits;
    const fits = (countKey: Buffer, maxEnvelopes: number, maxBytes: number): boolean => {
      const { envelopes, bytes } = this.#countOf(countKey);
      return envelopes < maxEnvelopes && bytes + body.length <= maxBytes;
    };
    return (
      fits(countKey('r', to), limits.maxMailboxEnvelopes, limits.maxMailboxBytes) &&
      fits(countKey('p', to, from), limits.maxPairEnvelopes, limits.maxPairBytes) &&
      fits(countKey('s', from), limits.maxSenderEnvelopes, limits.maxSenderBytes) &&
      fits(STORE_COUNT, Infinity, limits.maxStoreBytes)
    );
  }

  #count({ to, from, body }: Pick<EnvelopePut, 'to' | 'from' | 'body'>, sign: 1 | -1): void {
    const changed = [countKey('r', to), countKey('p', to, from), countKey('s', from), STORE_COUNT];
    for (const countedBy of changed) {
      const { envelopes, bytes } = this.#countOf(countedBy);
      const size = { envelopes: envelopes + sign, bytes: bytes + sign * body.length };
      if (size.envelopes > 0) this.#counts.putSync(countedBy, encodeCount(size));
      else this.#counts.removeSync(countedBy);
    }
  }

  #countOf(countedBy: Buffer): MailboxSize {
    const value = this.#counts.get(countedBy);
    if (value === undefined) return { envelopes: 0, bytes: 0 };
    const reader = new ByteReader(value);
    return { envelopes: reader.u64(), bytes: reader.u64() };
  }
}

function decodeRow(value: Uint8Array): Row {
  const reader = new ByteReader(value);
  const from = reader.bytes(KEY_BYTES);
  const id = reader.bytes(ENVELOPE_ID_BYTES);
  return { from, id, atMs: reader.u64(), expiresAtMs: reader.u64(), body: reader.rest() };
}

function encodeCount({ envelopes, bytes }: MailboxSize): Uint8Array {
  return new ByteWriter(16).u64(envelopes).u64(bytes).finish();
}

function rowKey(to: Uint8Array, position: number): Buffer {
  return key(to, u64(position));
}

function countKey(kind: 'r' | 'p' | 's', ...keys: readonly Uint8Array[]): Buffer {
  return key(utf8(kind), ...keys);
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

function key(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(parts);
}
