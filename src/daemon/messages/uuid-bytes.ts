import { v7 } from 'uuid';

import { fromHex, toHex } from '../../base/bytes.ts';
import type { Clock } from '../../base/clock.ts';
import type { RandomBytes } from '../../base/random.ts';

/** Ids travel and are stored as 16 bytes; people and programs see lower-case UUID text (RFC 9562). */
export const UUID_BYTES = 16;
const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/;

/** A new id that sorts by its time (UUIDv7). */
export function newUuid(clock: Clock, random: RandomBytes): string {
  return v7({ msecs: clock.now(), random: random(UUID_BYTES) });
}

export function isUuid(text: string): boolean {
  return UUID.test(text);
}

export function uuidToBytes(uuid: string): Uint8Array {
  return fromHex(uuid.replaceAll('-', ''));
}

export function uuidFromBytes(bytes: Uint8Array): string {
  const hex = toHex(bytes);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}
