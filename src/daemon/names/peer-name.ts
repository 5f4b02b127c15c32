import { fromHex } from '../../base/bytes.ts';
import { encodeNodeId } from '../../identity/node-id.ts';

/** A peer (hexadecimal first key) as people and logs know it: its Node ID. */
export function nodeIdOf(peer: string): string {
  return encodeNodeId(fromHex(peer));
}
