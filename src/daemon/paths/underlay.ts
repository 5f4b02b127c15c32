import type { Endpoint } from '../../base/endpoint.ts';
import type { LocalBase } from '../../ice/base-gatherer.ts';
import type { Link } from '../../session/link.ts';

/** A session's packets between two sockets that ICE has found to reach each other. */
export interface UnderlayLink extends Link {
  readonly kind: 'direct';
  /** Measured by the transport; undefined while it is not known. */
  readonly rttMs: number | undefined;
  /** Sends what it has, for a moment. May be called twice. */
  close(): Promise<void>;
}

/** A data channel for a pair that ICE is looking for. It comes about beside that, and is of use after both. */
export interface UnderlayChannel extends Link {
  readonly kind: 'webrtc';
  /** SHA-256 of the peer's certificate, in hexadecimal digits. */
  accept(fingerprint: string): void;
  /** Runs over this pair; the peer's end is there, or begins. Once. */
  use(base: string, remote: Endpoint): void;
  /** Sends what it has, for a moment. May be called twice. */
  close(): Promise<void>;
}

export interface ChannelHandlers {
  /** Of our certificate: for the peer to be told. */
  described(fingerprint: string): void;
  /** What is sent from now on goes out. */
  opened(): void;
  /** Belongs to whom it is given. */
  packet(packet: Uint8Array): void;
  /** Once, and the last that is heard of the channel; not after `close`. */
  closed(reason: string, detail: string): void;
}

export interface LinkAddress {
  /** The local socket by name. */
  readonly base: string;
  readonly remote: Endpoint;
  /** By which the peer's packets find our end, and ours the peer's. */
  readonly localId: number;
  readonly remoteId: number;
}

export interface LinkHandlers {
  /** Belongs to whom it is given. */
  packet(packet: Uint8Array): void;
  /** Once, and the last that is heard of the link; not after `close`. */
  closed(reason: string): void;
}

/** The sockets of a node. */
export interface Underlay {
  /** One for each address family that there is. */
  readonly bases: readonly LocalBase[];
  /** False: links are data channels alone. */
  readonly hasStreams: boolean;
  /** Never throws; what cannot be sent is lost. */
  send(bytes: Uint8Array, base: string, to: Endpoint): void;
  /** More sockets for IPv4, by name, whose datagrams go where those of the others do; fewer, or none, when there are no more. */
  openExtra(count: number): readonly string[];
  /** Those of `openExtra`, with the links over them. */
  closeExtra(bases: readonly string[]): void;
  /** For a link of ours, for the peer to be told; hard to guess. */
  newStreamId(): number;
  /** PilotError `unavailable` when the base does not reach the remote. */
  openLink(address: LinkAddress, handlers: LinkHandlers): UnderlayLink;
  /**
   * One side is the client, which begins. Undefined: this node has no data channels. PilotError `unavailable` when the
   * system gives none.
   */
  openChannel(isClient: boolean, handlers: ChannelHandlers): UnderlayChannel | undefined;
}
