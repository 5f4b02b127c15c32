/**
 * Frames between a node and a relay: one per binary WebSocket message.
 *
 *     type   1   01 CONTROL       CBOR map, see control.ts
 *                10 DATA          peer key 32, sealed bytes: to the relay the destination's key,
 *                                 from the relay the source's
 *                11 UNREACHABLE   peer key 32: a DATA frame to it went nowhere
 *
 * A peer is named by its first public key. Frames of other types are skipped.
 */
export const PROTOCOL_VERSION = 1;
/** The oldest version that this release still speaks. */
export const OLDEST_PROTOCOL_VERSION = 1;
/** WebSocket subprotocol: tells a relay from anything else that speaks WebSocket at the first answer. */
export const SUBPROTOCOL = 'pilot-relay';

export const FRAME = { control: 0x01, data: 0x10, unreachable: 0x11 } as const;
export const KEY_BYTES = 32;
export const NONCE_BYTES = 32;
export const ENVELOPE_ID_BYTES = 16;
export const DATA_HEADER_BYTES = 1 + KEY_BYTES;
/**
 * What a relay may limit frames to. A session's packet has up to 1.25 MiB and its heads, an envelope a key chain
 * besides: what does not get through holds up all behind it. Nodes take so much and no more, or a stranger's
 * envelope in the mailbox would end each login.
 */
export const FRAME_LIMIT = { min: 1.25 * 2 ** 20 + 16 * 1024, max: 2.25 * 2 ** 20 } as const;

/** WebSocket close codes (RFC 6455, 7.4: 4000 and up are ours to define); the reason is a code of control.ts. */
export const CLOSE = {
  goingAway: 1001,
  loginRefused: 4001,
  violation: 4002,
  replaced: 4003,
} as const;

export function dataFrame(peer: Uint8Array, packet: Uint8Array): Uint8Array {
  const frame = new Uint8Array(DATA_HEADER_BYTES + packet.length);
  frame[0] = FRAME.data;
  frame.set(peer, 1);
  frame.set(packet, DATA_HEADER_BYTES);
  return frame;
}

export function unreachableFrame(peer: Uint8Array): Uint8Array {
  const frame = new Uint8Array(DATA_HEADER_BYTES);
  frame[0] = FRAME.unreachable;
  frame.set(peer, 1);
  return frame;
}

/** The peer that a DATA or UNREACHABLE frame names: a view, not a copy. */
export function framePeer(frame: Uint8Array): Uint8Array {
  return frame.subarray(1, DATA_HEADER_BYTES);
}

export function framePacket(frame: Uint8Array): Uint8Array {
  return frame.subarray(DATA_HEADER_BYTES);
}
