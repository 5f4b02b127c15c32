import { MAX_RESEND_BYTES } from './resend-queue.ts';

export interface SessionSettings {
  /** An initiation is sent again after 1, 3, 7… s; after this long it has failed. */
  readonly handshakeTimeoutMs: number;
  /** The initiator asks for new keys when the old ones are this old and something is sent. */
  readonly rekeyAfterMs: number;
  /** …or have sealed this many packets. */
  readonly rekeyAfterPackets: number;
  /** Keys this old neither seal nor open anything and are erased. */
  readonly rejectAfterMs: number;
  /** A session without a link ends after this long. */
  readonly linkGraceMs: number;
  /** How many unacknowledged bytes the peer may have under way to us. */
  readonly receiveWindowBytes: number;
}

export const DEFAULT_SESSION_SETTINGS: SessionSettings = {
  handshakeTimeoutMs: 5000,
  rekeyAfterMs: 10 * 60_000,
  // With packets of at most 1.25 MiB well inside what AES-GCM allows under one key.
  rekeyAfterPackets: 2 ** 30,
  rejectAfterMs: 15 * 60_000,
  linkGraceMs: 60_000,
  receiveWindowBytes: MAX_RESEND_BYTES,
};
