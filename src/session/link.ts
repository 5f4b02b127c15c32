/**
 * What carries a session's packets at the moment: a relay, a direct stream, a data channel.
 *
 * A link keeps order while it lives and may lose everything that is under way when it dies; that it
 * loses single packets, doubles them or hands over rubbish costs time and nothing else. It is
 * dead when its owner says so with `Session.setLink`.
 */
export interface Link {
  readonly kind: 'relay' | 'direct' | 'webrtc';
  /** At least `MIN_LINK_PACKET_BYTES`, so that the largest body fits into one packet. */
  readonly maxPacketBytes: number;
  /** Undefined: it cannot tell. */
  readonly load?: LinkLoad | undefined;
  /** Takes the packet over. Never throws; what cannot be sent is lost. */
  send(packet: Uint8Array): void;
}

/** What a link has to do at the moment. */
export interface LinkLoad {
  /** Taken over and, by the link's own acknowledgements, not there yet: what waits in it and what is on its way. */
  readonly underWayBytes: number;
  /** It sends next to nothing for a moment, and what it is given waits: nothing large, please. */
  readonly isResting: boolean;
}

/**
 * What streams, or datagrams, may have under way. Of the session's 4 MiB, the rest of which is for messages: with those a
 * link holds no more, and what is beyond that it loses, messages too.
 */
export const MAX_UNDER_WAY_BYTES = 3 * 2 ** 20;

/** A datagram would not only wait, as far as the link can tell. */
export function takesDatagram(link: Link | undefined): boolean {
  return link !== undefined && (link.load?.underWayBytes ?? 0) < MAX_UNDER_WAY_BYTES;
}
