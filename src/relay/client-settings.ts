import type { BackoffSettings } from '../base/backoff.ts';
import { FRAME_LIMIT } from './protocol.ts';

export interface RelayClientSettings {
  /** Shown to relays that ask for one; the token itself is never sent. */
  readonly token?: string | undefined;
  /** PEM of certificates to trust instead of the system's. */
  readonly ca?: string | undefined;
  readonly backoff: BackoffSettings;
  /** A connection that was online for so long, or longer than the next delay could be, ends the back-off. */
  readonly stableAfterMs: number;
  /** From the first packet to the welcome. */
  readonly loginTimeoutMs: number;
  /** After another node with our identity took our place: more often, and the two take turns. */
  readonly replacedDelayMs: number;
  readonly pingIntervalMs: number;
  /** Nothing received for so long after a ping: the connection is dead. */
  readonly pongTimeoutMs: number;
  /** The same after `probe`, where four round trips are not longer. */
  readonly probeTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** `send` takes nothing more while so much waits for the network. */
  readonly maxBufferedBytes: number;
  /** Larger messages from the relay end the connection. */
  readonly maxFrameBytes: number;
}

export const DEFAULT_RELAY_CLIENT_SETTINGS: RelayClientSettings = {
  backoff: { initialMs: 100, maxMs: 15_000, multiplier: 2, jitter: true },
  // Longer than a relay takes that fails at its start; shorter than what people wait for.
  stableAfterMs: 2000,
  loginTimeoutMs: 5000,
  replacedDelayMs: 60_000,
  // Below the 30 s after which some NATs forget a connection.
  pingIntervalMs: 20_000,
  pongTimeoutMs: 10_000,
  // On lines slower than that four round trips count; with a login after it, back within 3 s.
  probeTimeoutMs: 1500,
  // An fsync under load and a slow line.
  requestTimeoutMs: 10_000,
  // As much as a relay holds for a slow receiver.
  maxBufferedBytes: 8 * 1024 * 1024,
  maxFrameBytes: FRAME_LIMIT.max,
};
