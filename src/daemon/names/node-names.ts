/** What a node is called, from what is known of it. */
import { fromHex } from '../../base/bytes.ts';
import type { NodeNames } from '../../client/api.ts';
import { formatAddress, nextNodeNumber } from '../../identity/address.ts';
import type { KeyChain } from '../../identity/key-chain.ts';
import { encodeNodeId } from '../../identity/node-id.ts';

export function namesOf(known: {
  readonly chain: KeyChain;
  readonly node: number;
  readonly hostname: string;
}): NodeNames {
  return {
    id: encodeNodeId(known.chain.firstKey),
    node_id: known.node,
    address: formatAddress({ network: 0, node: known.node }),
    hostname: known.hostname,
  };
}

/** A node that we know by its key alone: its number is the one that a key gets first. */
export function namesOfKey(peer: string): NodeNames {
  const firstKey = fromHex(peer);
  const node = nextNodeNumber(firstKey)?.node ?? 0;
  const address = formatAddress({ network: 0, node });
  return { id: encodeNodeId(firstKey), node_id: node, address, hostname: '' };
}
