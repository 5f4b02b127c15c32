/**
 * Frames of the data exchange, port 1001, both ways (docs/protocol-services.md):
 *
 *     type      4   big-endian, as all numbers
 *     length    4   of what follows
 */
import { ByteWriter } from '../base/byte-writer.ts';

export const DATA_EXCHANGE_PORT = 1001;

export const EXCHANGE_TYPE = {
  text: 1,
  binary: 2,
  json: 3,
  file: 4,
  trace: 5,
  fileStream: 7,
  tagged: 10,
} as const;

export const EXCHANGE_HEAD_BYTES = 8;

export function exchangeHead(type: number, length: number): Uint8Array {
  return new ByteWriter(EXCHANGE_HEAD_BYTES).u32(type).u32(length).finish();
}

export function exchangeFrame(type: number, payload: Uint8Array): Uint8Array {
  return new ByteWriter(EXCHANGE_HEAD_BYTES + payload.length)
    .u32(type)
    .u32(payload.length)
    .bytes(payload)
    .finish();
}
