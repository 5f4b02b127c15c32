/** Why something received was dropped. */
export type DropReason =
  | 'malformed' // not a packet of ours, or one of a wrong length
  | 'unsupported_version'
  | 'bad_mac' // the sender does not know who we are, or what our key is by now
  | 'cookie_required' // we are under load and the sender has not shown that it is where it says
  | 'rate_limited'
  | 'unreadable_handshake' // does not decrypt, or what it holds is malformed
  | 'wrong_identity' // a valid handshake of another node, or under another key than its chain's
  | 'bad_batch' // early data that its sender did not sign for us
  | 'simultaneous' // both began at once, and ours goes first
  | 'unexpected_answer' // a response or cookie for no initiation that we wait for
  | 'unknown_receiver' // no keys under this index: closed, replaced, expired
  | 'replayed'
  | 'unauthentic'
  | 'bad_frame' // authentic, and yet against the protocol
  | 'duplicate_frame'
  | 'out_of_order'
  | 'unknown_frame'
  | 'closed'; // came after our end was closed for good

/** What a session has sent, received and dropped. */
export class SessionCounters {
  packetsSent = 0;
  packetsReceived = 0;
  bytesSent = 0;
  bytesReceived = 0;
  /** Initiations that got as far as curve arithmetic. */
  initiationsRead = 0;
  readonly #drops = new Map<DropReason, number>();

  get drops(): ReadonlyMap<DropReason, number> {
    return this.#drops;
  }

  drop(reason: DropReason): void {
    this.#drops.set(reason, (this.#drops.get(reason) ?? 0) + 1);
  }

  sent(packet: Uint8Array): void {
    this.packetsSent += 1;
    this.bytesSent += packet.length;
  }

  received(packet: Uint8Array): void {
    this.packetsReceived += 1;
    this.bytesReceived += packet.length;
  }
}
