/**
 * Items that one node signs for another. They travel where a handshake has not yet been answered (early
 * data, envelopes): there, somebody who has stolen the receiver's key could pass for any sender, and
 * somebody on the path can play everything again. The signature answers the first; for the second
 * the receiver remembers what it has had.
 *
 *     id            16   random
 *     sealed at      8   milliseconds since the Unix epoch, by the sender's clock
 *     recipient     32   its first public key
 *     count          2   0 to 256
 *     count items        length 4, bytes
 *     signature     64   Ed25519 by the sender's current key over all of the above, context "batch"
 */
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { concatBytes, equalBytes } from '../base/bytes.ts';
import { WireError } from '../base/wire-error.ts';
import type { Identity } from '../identity/identity.ts';
import { PUBLIC_KEY_BYTES, SIGNATURE_BYTES } from '../identity/secret-key.ts';
import { verifyStatement } from '../identity/signing.ts';

export const BATCH_ID_BYTES = 16;
export const MAX_BATCH_ITEMS = 256;
const LENGTH_BYTES = 4;
const FIXED_BYTES = BATCH_ID_BYTES + 8 + PUBLIC_KEY_BYTES + 2 + SIGNATURE_BYTES;

export interface Batch {
  readonly id: Uint8Array;
  readonly atMs: number;
  readonly items: readonly Uint8Array[];
}

/** How long a batch of these items is. */
export function batchBytes(items: readonly Uint8Array[]): number {
  return items.reduce((sum, item) => sum + LENGTH_BYTES + item.length, FIXED_BYTES);
}

export function signBatch(sender: Identity, recipient: Uint8Array, batch: Batch): Uint8Array {
  if (batch.items.length > MAX_BATCH_ITEMS) throw new RangeError('too many items for a batch');
  const writer = new ByteWriter(batchBytes(batch.items))
    .bytes(batch.id)
    .u64(batch.atMs)
    .bytes(recipient)
    .u16(batch.items.length);
  for (const item of batch.items) writer.u32(item.length).bytes(item);
  const signed = writer.finish();
  return concatBytes(signed, sender.sign('batch', signed));
}

/** The items are views into `bytes`. WireError unless `senderKey` signed it for `recipient`. */
export function openBatch(bytes: Uint8Array, senderKey: Uint8Array, recipient: Uint8Array): Batch {
  const reader = new ByteReader(bytes);
  const id = reader.bytes(BATCH_ID_BYTES);
  const atMs = reader.u64();
  if (!equalBytes(reader.bytes(PUBLIC_KEY_BYTES), recipient)) {
    throw new WireError('the batch is for somebody else');
  }
  const count = reader.u16();
  if (count > MAX_BATCH_ITEMS) throw new WireError(`${count} items in a batch`);
  const items: Uint8Array[] = [];
  for (let i = 0; i < count; i++) items.push(reader.bytes(reader.u32()));
  if (reader.remaining !== SIGNATURE_BYTES) throw new WireError('the batch has a wrong length');
  const signed = bytes.subarray(0, bytes.length - SIGNATURE_BYTES);
  if (!verifyStatement(senderKey, 'batch', signed, reader.rest())) {
    throw new WireError('the batch has a wrong signature');
  }
  return { id, atMs, items };
}
