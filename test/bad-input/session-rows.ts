import { Identity } from '../../src/identity/identity.ts';
import { FRAME } from '../../src/session/frame.ts';
import { MIN_LINK_PACKET_BYTES, PACKET } from '../../src/session/packet.ts';
import type { DropReason } from '../../src/session/session-counters.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { frame, HostilePeer, reliable } from './hostile-peer.ts';

/** Packets of a peer that keeps no rules, and what its victim counts them as. */
export interface SessionRow {
  readonly name: string;
  /** The victim has answered one handshake of the peer's; in this order. */
  readonly packets: (peer: HostilePeer, victim: Identity['chain']) => readonly Uint8Array[];
  readonly counted: DropReason;
  /** Authentic and against the protocol: the victim ends the session. */
  readonly endsSession?: true;
}

const BODY = new TextEncoder().encode('body');

function changed(packet: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(packet);
  const index = at < 0 ? copy.length + at : at;
  copy[index] = (copy[index] ?? 0) ^ 1;
  return copy;
}

function withByte(packet: Uint8Array, at: number, value: number): Uint8Array {
  const copy = Uint8Array.from(packet);
  copy[at] = value;
  return copy;
}

/** An initiation by `from`, for `to`. */
function initiation(from: Identity, to: Identity['chain']): Uint8Array {
  const peer = new HostilePeer({
    ...{ identity: from, victim: to, clock: new ManualClock(Date.now()) },
    random: seededRandom(5),
    send: () => undefined,
  });
  peer.open();
  return peer.initiation;
}

const stranger = Identity.create(seededRandom(71), 0);

export const PACKET_ROWS: readonly SessionRow[] = [
  { name: 'nothing at all', packets: () => [new Uint8Array()], counted: 'malformed' },
  {
    name: 'a packet of unknown type',
    packets: () => [Uint8Array.of(9, 1, 2, 3)],
    counted: 'malformed',
  },
  {
    name: 'an envelope where packets belong',
    packets: () => [Uint8Array.of(PACKET.envelope, 1, 0, 0, ...new Uint8Array(200))],
    counted: 'malformed',
  },
  {
    name: 'a sealed packet cut off in its head',
    packets: (peer) => [peer.seal(frame(FRAME.datagram, BODY)).subarray(0, 31)],
    counted: 'malformed',
  },
  {
    name: 'a sealed packet cut off at its end',
    packets: (peer) => [peer.seal(frame(FRAME.datagram, BODY)).subarray(0, -1)],
    counted: 'unauthentic',
  },
  {
    name: 'a sealed packet over the limit',
    packets: (peer) => [peer.seal(frame(FRAME.datagram, new Uint8Array(MIN_LINK_PACKET_BYTES)))],
    counted: 'malformed',
  },
  {
    name: 'a sealed packet with a bit changed',
    packets: (peer) => [changed(peer.seal(frame(FRAME.datagram, BODY)), -1)],
    counted: 'unauthentic',
  },
  {
    name: 'a sealed packet, played again',
    packets: (peer) => Array<Uint8Array>(2).fill(peer.seal(frame(FRAME.datagram, BODY))),
    counted: 'replayed',
  },
  {
    name: 'a sealed packet for another receiver',
    packets: (peer) => [changed(peer.seal(frame(FRAME.datagram, BODY)), 4)],
    counted: 'unknown_receiver',
  },
  {
    name: 'an initiation cut off',
    packets: (peer) => [peer.initiation.subarray(0, 100)],
    counted: 'malformed',
  },
  {
    name: 'an initiation of a version to come',
    packets: (peer) => [withByte(peer.initiation, 1, 9)],
    counted: 'unsupported_version',
  },
  {
    name: 'an initiation for another node',
    packets: () => [initiation(stranger, stranger.chain)],
    counted: 'bad_mac',
  },
  {
    name: 'an initiation of another node than the link is with',
    packets: (_peer, victim) => [initiation(stranger, victim)],
    counted: 'wrong_identity',
  },
  {
    name: 'the initiation of this session, played again',
    packets: (peer) => [peer.initiation],
    counted: 'replayed',
  },
  {
    name: 'an answer to no question',
    packets: () => [Uint8Array.of(PACKET.response, 1, ...new Uint8Array(100))],
    counted: 'unexpected_answer',
  },
  {
    name: 'a cookie that nobody asked for',
    packets: () => [Uint8Array.of(PACKET.cookie, 1, ...new Uint8Array(54))],
    counted: 'unexpected_answer',
  },
];

export const FRAME_ROWS: readonly SessionRow[] = [
  {
    name: 'a frame of unknown type',
    packets: (peer) => [peer.seal(frame(0x3f, BODY))],
    counted: 'unknown_frame',
  },
  {
    name: 'a reliable frame of unknown type',
    packets: (peer) => [peer.seal(reliable(0xbf, peer.sequence++, BODY))],
    counted: 'unknown_frame',
  },
  {
    name: 'a reliable frame twice',
    packets: (peer) => sealInOrder(peer, [0, 0]),
    counted: 'duplicate_frame',
  },
  {
    name: 'reliable frames in the wrong order',
    packets: (peer) => sealInOrder(peer, [1, 0, 1]),
    counted: 'out_of_order',
  },
  {
    name: 'packets in the wrong order',
    // The third says again what came too early.
    packets: (peer) => swapped(sealInOrder(peer, [0, 1, 1])),
    counted: 'out_of_order',
  },
  {
    name: 'a frame from far ahead',
    packets: (peer) => [peer.seal(reliable(FRAME.message, 2 ** 40, BODY))],
    counted: 'out_of_order',
  },
  ...(
    [
      ['a frame cut off in its head', () => Uint8Array.of(FRAME.message, 0, 0)],
      ['a frame longer than its packet', () => frame(FRAME.message, BODY, 1000)],
      ['a frame of four gigabytes', () => frame(FRAME.datagram, BODY, 2 ** 32 - 1)],
      ['a reliable frame without a number', () => frame(FRAME.message, BODY)],
      ['a ping without a token', () => frame(FRAME.ping, new Uint8Array(3))],
      ['a receipt that is cut off', () => frame(FRAME.ack, new Uint8Array(5))],
      ['a receipt for what was never sent', () => frame(FRAME.ack, receipt(1000))],
      ['a receipt for more than numbers hold', () => frame(FRAME.ack, receipt(2 ** 60))],
      ['a resumption that is cut off', () => frame(FRAME.resume, new Uint8Array(2))],
    ] as const
  ).map(([name, bytes]): SessionRow => ({
    ...{ name, counted: 'bad_frame', endsSession: true },
    packets: (peer) => [peer.seal(bytes())],
  })),
];

/** Reliable frames with these numbers, counted from the next one, each in a packet of its own. */
function sealInOrder(peer: HostilePeer, numbers: readonly number[]): Uint8Array[] {
  const next = peer.sequence;
  peer.sequence += Math.max(...numbers) + 1;
  return numbers.map((number) => peer.seal(reliable(0xbf, next + number, BODY)));
}

/** The first two the other way round. */
function swapped([first, second, ...others]: readonly Uint8Array[]): Uint8Array[] {
  return [second, first, ...others].filter((packet) => packet !== undefined);
}

/** next expected 8, window 4 */
function receipt(next: number): Uint8Array {
  const body = Buffer.alloc(12);
  body.writeBigUInt64BE(BigInt(next));
  body.writeUInt32BE(2 ** 20, 8);
  return body;
}
