import type { Clock } from '../base/clock.ts';
import type { RandomBytes } from '../base/random.ts';
import type { Identity } from '../identity/identity.ts';
import type { KeyChain } from '../identity/key-chain.ts';
import type { CookieIssuer } from './cookie.ts';
import type { SessionHandlers } from './session-handlers.ts';
import type { SessionSettings } from './session-settings.ts';

export interface SessionDeps {
  /** Read at each handshake: its key may have been rotated since the last one. */
  readonly identity: Identity;
  /** The peer, as far as it is known. Read at each handshake: a getter serves what is heard elsewhere. */
  readonly remote: KeyChain;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly handlers: SessionHandlers;
  readonly settings?: Partial<SessionSettings>;
  /**
   * Runs a function once the current turn is over. Frames of one turn share packets that way. A process
   * has `queueMicrotask`, which is the default; a test may run at once or by hand.
   */
  readonly defer?: (run: () => void) => void;
  /** Handshakes come faster than they can be answered: ask their senders for cookies. */
  readonly isUnderLoad?: () => boolean;
  /** One for all sessions of a process saves memory. */
  readonly cookies?: CookieIssuer;
  /** Where the peer's packets come from, for the cookie: its relay and key, its address. */
  readonly source?: () => string;
}
