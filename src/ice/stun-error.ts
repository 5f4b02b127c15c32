/**
 * An error response (RFC 8489, 14.8 and 14.9), without the reason phrase that only people would read: an
 * answer to whoever claims to have asked is to be small.
 *
 *     header              20   class error
 *     ERROR-CODE           8   21 zero bits, 3 for the hundreds, 8 for the rest
 *     UNKNOWN-ATTRIBUTES   4 + 2 for each type, padded; with 420 only
 */
import { ByteWriter } from '../base/byte-writer.ts';
import { appendAttribute, MAGIC_COOKIE } from './stun-frame.ts';

const BINDING_ERROR = 0x0111;
const ERROR_CODE = 0x0009;
const UNKNOWN_ATTRIBUTES = 0x000a;
const UNKNOWN_ATTRIBUTE_CODE = 420;

export function encodeBindingError(transactionId: Uint8Array, code: number): Uint8Array {
  if (transactionId.length !== 12) throw new RangeError('a STUN transaction id has 12 bytes');
  const header = new ByteWriter().u16(BINDING_ERROR).u16(0).u32(MAGIC_COOKIE).bytes(transactionId);
  const value = new ByteWriter(4)
    .u16(0)
    .u8(Math.floor(code / 100))
    .u8(code % 100);
  return appendAttribute(header.finish(), ERROR_CODE, value.finish());
}

/** 420: the request has attributes that must be understood and are not. */
export function encodeUnknownAttributes(
  transactionId: Uint8Array,
  types: readonly number[],
): Uint8Array {
  const value = new ByteWriter(2 * types.length);
  for (const type of types) value.u16(type);
  const error = encodeBindingError(transactionId, UNKNOWN_ATTRIBUTE_CODE);
  return appendAttribute(error, UNKNOWN_ATTRIBUTES, value.finish());
}
