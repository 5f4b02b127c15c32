import type { KeyChain } from '../identity/key-chain.ts';
import type { ClosedReason } from './closed-reason.ts';
import type { SessionStream } from './stream.ts';

export type { ClosedReason };

/**
 * What a session tells its owner. Every call may call the session back. Bodies are views into received
 * packets: they stay as they are, but a small one that is kept holds its packet in memory.
 */
export interface SessionHandlers {
  /**
   * A peer wants to open a session; `early` came with it and has been verified. Asked before our answer
   * goes out. It may ask the same again (a lost answer, somebody who plays a packet again): early
   * items need an id that is remembered.
   */
  admit(request: {
    readonly chain: KeyChain;
    readonly early: readonly Uint8Array[];
  }): { readonly accept: true } | { readonly accept: false; readonly code: string };
  /** Frames may flow. `earlyDelivered`: the peer's `admit` has had the early items given to `open`. */
  opened(info: { readonly earlyDelivered: boolean }): void;
  /** The peer answered `open` with a refusal; the session is idle again. */
  refused(code: string): void;
  /** Reliable: in order, once within this session. */
  message(body: Uint8Array): void;
  datagram(body: Uint8Array): void;
  /** The peer opened a stream: take it or refuse it, now or later. Without this there are no streams at all. */
  stream?(stream: SessionStream): void;
  /** There is room again after `send` said no. */
  writable(): void;
  /** The round trip has been measured again, on the link of now: `rttMs` is smoothed. */
  measured?(rttMs: number): void;
  /** The peer has a new key; its chain extends the one known so far. Remember it. */
  rotated(chain: KeyChain): void;
  /**
   * Over. `unacknowledged` is what `send` took and the peer may not have got, in order: it is the
   * owner's again. `code`: which rule was broken, of `violation`, or of `peer_closed` when the peer says that it was by us.
   */
  closed(reason: ClosedReason, unacknowledged: readonly Uint8Array[], code?: string): void;
}
