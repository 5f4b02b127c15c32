/**
 * Address: 48 bits, u16 network and u32 node. Text (pilotctl interface 3):
 *
 *     0:0000.A91F.7C2E
 *     │ │    └────┴ node number, high and low half, hexadecimal
 *     │ └ the network again, hexadecimal
 *     └ network, decimal
 *
 * Our nodes are in network 0. The node number comes from the key, but 32 bits can be ground in hours: an
 * address is a name, never a proof.
 */
import { sha256 } from '@noble/hashes/sha2.js';

import { concatBytes, utf8 } from '../base/bytes.ts';
import { PilotError } from '../base/pilot-error.ts';

export interface Address {
  readonly network: number;
  readonly node: number;
}

const FORM_HINT = 'an address looks like 0:0000.A91F.7C2E; list known ones with: pilotctl trust';
/** 0 to 15 are for special services, FFFFFFFF is broadcast. */
const FIRST_NODE_NUMBER = 16;
const BROADCAST_NODE_NUMBER = 0xffffffff;
const MAX_COUNTER = 255;

export function formatAddress({ network, node }: Address): string {
  return `${network}:${hex16(network)}.${hex16(node >>> 16)}.${hex16(node & 0xffff)}`;
}

/** PilotError `invalid_argument`: not the form, network out of range, or network mismatch. */
export function parseAddress(text: string): Address {
  const match = /^(\d{1,20}):([\da-f]{4})\.([\da-f]{4})\.([\da-f]{4})$/i.exec(text);
  if (match === null) throw invalid(text, 'it is not of the form NETWORK:NNNN.HHHH.LLLL');
  const [network, repeated, high, low] = [Number(match[1]), ...match.slice(2).map(fromHex16)];
  if (network > 0xffff) throw invalid(text, 'network is not in 0 to 65535');
  if (network !== repeated) {
    throw invalid(text, `network mismatch: ${network} is not ${match[2] ?? ''} in hexadecimal`);
  }
  return { network, node: (high ?? 0) * 0x10000 + (low ?? 0) };
}

/**
 * The node number of a key: the first 32 bits of SHA-256 over utf8("pilot/1 address") ‖ 00 ‖ first key ‖
 * counter (one byte). Undefined where that gives a reserved number.
 */
export function deriveNodeNumber(firstKey: Uint8Array, counter: number): number | undefined {
  if (!Number.isInteger(counter) || counter < 0 || counter > MAX_COUNTER) {
    throw new RangeError('an address counter is one byte');
  }
  const tag = utf8('pilot/1 address');
  const digest = sha256(concatBytes(tag, Uint8Array.of(0), firstKey, Uint8Array.of(counter)));
  const node = new DataView(digest.buffer, digest.byteOffset).getUint32(0);
  return node < FIRST_NODE_NUMBER || node === BROADCAST_NODE_NUMBER ? undefined : node;
}

/** The smallest counter from `from` on that gives a node number; undefined after the last one. */
export function nextNodeNumber(
  firstKey: Uint8Array,
  from = 0,
): { readonly counter: number; readonly node: number } | undefined {
  for (let counter = from; counter <= MAX_COUNTER; counter++) {
    const node = deriveNodeNumber(firstKey, counter);
    if (node !== undefined) return { counter, node };
  }
  return undefined;
}

function hex16(value: number): string {
  return value.toString(16).toUpperCase().padStart(4, '0');
}

function fromHex16(text: string): number {
  return Number.parseInt(text, 16);
}

function invalid(text: string, fault: string): PilotError {
  const shown = JSON.stringify(text.length <= 64 ? text : `${text.slice(0, 64)}…`);
  return new PilotError('invalid_argument', `${shown} is not an address: ${fault}`, {
    hint: FORM_HINT,
  });
}
