import { equalBytes } from '../base/bytes.ts';
import { WireError } from '../base/wire-error.ts';
import { KeyChain } from '../identity/key-chain.ts';
import { x25519FromEd25519 } from '../identity/x25519.ts';

/**
 * What is wrong with a chain. The last two are told to the peer: `chain_stale` is a key that was rotated
 * away (an old backup, or a thief), `chain_forked` is one of two hosts that both rotated.
 */
export type ChainFault = 'wrong_identity' | 'chain_stale' | 'chain_forked';

/**
 * The chain that a peer's handshake carries: that of the node we know, the same or longer, and its
 * current key is the one that the handshake was made with.
 */
export function judgeChain(
  known: KeyChain,
  received: Uint8Array,
  noiseStatic: Uint8Array,
): KeyChain | ChainFault {
  const chain = decodeChain(known, received);
  if (chain === undefined || !isImageOf(noiseStatic, chain)) return 'wrong_identity';
  if (!equalBytes(chain.firstKey, known.firstKey)) return 'wrong_identity';
  if (chain.extends(known)) return chain;
  return known.extends(chain) ? 'chain_stale' : 'chain_forked';
}

/** WireError unless the handshake was made with the chain's current key. */
export function decodeOwnChain(received: Uint8Array, noiseStatic: Uint8Array): KeyChain {
  const chain = KeyChain.decode(received);
  if (!isImageOf(noiseStatic, chain)) throw new WireError("not made with the chain's current key");
  return chain;
}

/** The chain we know needs no second verification, and it is the one that nearly always comes. */
function decodeChain(known: KeyChain, received: Uint8Array): KeyChain | undefined {
  if (equalBytes(received, known.encode())) return known;
  try {
    return KeyChain.decode(received);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

function isImageOf(noiseStatic: Uint8Array, chain: KeyChain): boolean {
  return equalBytes(noiseStatic, x25519FromEd25519(chain.currentKey));
}
