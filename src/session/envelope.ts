/**
 * A sealed letter to a node that may be offline: Noise message 1 on its own. Only the recipient can open
 * it and sees who sent it; its forward secrecy is on the sender's side alone.
 *
 *     type             1   5
 *     version          1   1
 *     reserved         2   0
 *     Noise message 1      prologue "pilot/1 envelope" ‖ version ‖ recipient's first key;
 *                          payload CBOR {chain, batch} (handshake-payload.ts, batch.ts)
 */
import { concatBytes } from '../base/bytes.ts';
import { encodeCbor } from '../base/cbor.ts';
import { CborFields } from '../base/cbor-fields.ts';
import type { RandomBytes } from '../base/random.ts';
import { WireError } from '../base/wire-error.ts';
import type { Identity } from '../identity/identity.ts';
import { type KeyChain, MAX_KEY_CHAIN_BYTES } from '../identity/key-chain.ts';
import { x25519FromEd25519 } from '../identity/x25519.ts';
import { type Batch, BATCH_ID_BYTES, batchBytes, openBatch, signBatch } from './batch.ts';
import { MAX_BODY_BYTES } from './frame.ts';
import { decodeInitiation, handshakeFault, hasValidMac1 } from './handshake-packet.ts';
import { decodeInitiationPayload } from './handshake-payload.ts';
import { IkInitiator, IkResponder, MESSAGE_1_OVERHEAD_BYTES } from './noise.ts';
import { PACKET } from './packet.ts';
import { decodeOwnChain } from './peer-chain.ts';
import { noisePrologue, staticKeyPair } from './static-key.ts';
import { X25519_BYTES, x25519KeyPair } from './x25519.ts';

const HEAD = Uint8Array.of(PACKET.envelope, 1, 0, 0);
/** All items of a batch together: one of the largest bodies, or many small ones. */
export const MAX_ENVELOPE_ITEM_BYTES = MAX_BODY_BYTES;
/** The largest batch with the longest chain; CBOR around them takes less than 64. */
export const MAX_ENVELOPE_BYTES =
  HEAD.length +
  MESSAGE_1_OVERHEAD_BYTES +
  MAX_KEY_CHAIN_BYTES +
  batchBytes([]) +
  256 * 4 +
  MAX_ENVELOPE_ITEM_BYTES +
  64;

export interface Envelope {
  readonly sender: KeyChain;
  readonly sentAtMs: number;
  /** Random, from the sender: the same envelope twice has it twice. */
  readonly id: Uint8Array;
  readonly items: readonly Uint8Array[];
}

/** RangeError for more than 256 items or `MAX_ENVELOPE_ITEM_BYTES`. */
export function sealEnvelope(letter: {
  identity: Identity;
  recipient: KeyChain;
  items: readonly Uint8Array[];
  nowMs: number;
  random: RandomBytes;
}): Uint8Array {
  const { identity, recipient, items, nowMs, random } = letter;
  const itemBytes = items.reduce((sum, item) => sum + item.length, 0);
  if (itemBytes > MAX_ENVELOPE_ITEM_BYTES) throw new RangeError('items too large for an envelope');
  const batch = signBatch(identity, recipient.firstKey, {
    id: random(BATCH_ID_BYTES),
    atMs: nowMs,
    items,
  });
  const noise = new IkInitiator({
    prologue: noisePrologue('pilot/1 envelope', recipient.firstKey),
    static: staticKeyPair(identity),
    remoteStatic: x25519FromEd25519(recipient.currentKey),
    ephemeral: x25519KeyPair(random(X25519_BYTES)),
  });
  const payload = encodeCbor({ chain: identity.chain.encode(), batch });
  return concatBytes(HEAD, noise.writeMessage1(payload));
}

/**
 * WireError unless it is whole, for us, and signed by the key that it came with. Whether that sender's
 * chain extends the one we may know of it is the caller's to check; so is having had it before.
 */
export function openEnvelope(identity: Identity, packet: Uint8Array): Envelope {
  if (packet.length > MAX_ENVELOPE_BYTES) throw new WireError('envelope too large');
  if (HEAD.some((byte, i) => packet[i] !== byte)) throw new WireError('not an envelope');
  const noise = new IkResponder({
    prologue: noisePrologue('pilot/1 envelope', identity.firstKey),
    static: staticKeyPair(identity),
  });
  const fields = CborFields.decode(noise.readMessage1(packet.subarray(HEAD.length)));
  const sender = decodeOwnChain(
    fields.bytes('chain', { atMost: MAX_KEY_CHAIN_BYTES }),
    noise.remoteStatic,
  );
  const bytes = fields.bytes('batch', { atMost: MAX_ENVELOPE_BYTES });
  const batch: Batch = openBatch(bytes, sender.currentKey, identity.firstKey);
  return { sender, sentAtMs: batch.atMs, id: batch.id, items: batch.items };
}

/**
 * Who an initiation is from, for a caller that cannot tell by where it came from. Costs curve arithmetic:
 * ask for a cookie and count before. WireError when it is not a whole initiation for us.
 */
export function initiationFrom(identity: Identity, packet: Uint8Array): KeyChain {
  const buffer = Buffer.from(packet.buffer, packet.byteOffset, packet.length);
  const own = staticKeyPair(identity);
  if (buffer[0] !== PACKET.initiation || handshakeFault(buffer) !== undefined) {
    throw new WireError('not an initiation');
  }
  if (!hasValidMac1(buffer, own.publicKey)) throw new WireError('the initiation has a wrong mac1');
  const noise = new IkResponder({
    prologue: noisePrologue('pilot/1', identity.firstKey),
    static: own,
  });
  const payload = noise.readMessage1(decodeInitiation(buffer).noise);
  return decodeOwnChain(decodeInitiationPayload(payload).chain, noise.remoteStatic);
}
