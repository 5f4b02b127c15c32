import type { BackoffSettings } from '../../base/backoff.ts';
import type { Clock } from '../../base/clock.ts';
import type { RandomBytes } from '../../base/random.ts';
import type { Identity } from '../../identity/identity.ts';
import type { KeyChain } from '../../identity/key-chain.ts';
import type { CookieIssuer } from '../../session/cookie.ts';
import type { SessionHandlers } from '../../session/session-handlers.ts';
import type { Log } from '../log/log.ts';
import type { AppMessage, TrustItem } from '../messages/app-message.ts';
import type { IncomingDeps } from '../messages/incoming.ts';
import type { Outbox } from '../messages/outbox.ts';
import type { OutboxEntry } from '../messages/outbox-entry.ts';
import type { PathAlarm } from '../paths/path-alarms.ts';
import type { PathFailure } from '../paths/path-finder.ts';
import type { PathNetwork } from '../paths/path-network.ts';
import type { PathSettings } from '../paths/path-settings.ts';
import type { CurrentPath } from '../paths/peer-paths.ts';
import type { Route } from '../paths/route.ts';

export interface RetryPolicy extends BackoffSettings {
  /** Refusals after which a message is a dead letter. */
  readonly maxAttempts: number;
}

/** One relay as a place to leave envelopes for a certain peer. */
export interface Mailbox {
  readonly url: string;
  /** Another one when what was left before may not be read: another relay, another key of either side. */
  readonly place: string;
  /** Seals `items` for the peer and leaves them; resolves when the relay has them on its disk. */
  put(items: readonly Uint8Array[], expiresAtMs: number): Promise<void>;
}

/** What sessions bring for the node's virtual ports. */
export interface PeerPorts {
  handlersOf(peer: string): Required<Pick<SessionHandlers, 'datagram' | 'stream'>>;
}

/** What all peers of a node share. */
export interface PeerDeps {
  readonly identity: Identity;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
  readonly outbox: Outbox;
  readonly incoming: Omit<IncomingDeps, 'answered'>;
  readonly retry: RetryPolicy;
  readonly handshakeTimeoutMs: number;
  readonly ports: PeerPorts;
  readonly cookies: CookieIssuer;
  readonly isUnderLoad: () => boolean;
  /** The fields by which a message is found in the logs of both hosts. */
  readonly trace: (entry: Pick<OutboxEntry, 'id' | 'correlationId' | 'peer'>) => object;
  readonly isTrusted: (peer: string) => boolean;
  /** Resolves when what follows from it is on disk. */
  readonly hear: (chain: KeyChain, item: TrustItem) => Promise<void>;
  /** What tells a peer of our trust, as long as it has not shown that it knows. */
  readonly acceptanceFor: (peer: string) => AppMessage | undefined;
  readonly confirmed: (peer: string) => void;
  /** The peer's key chain as it is known now. */
  readonly chainOf: (peer: string) => KeyChain | undefined;
  /** False: not a chain that this peer may have. */
  readonly acceptsChain: (chain: KeyChain) => boolean;
  readonly routeTo: (peer: string) => Route | undefined;
  /** The relay to leave envelopes at for a peer that is away. */
  readonly mailboxFor: (peer: string) => Mailbox | undefined;
  readonly changed: (peer: string) => void;
  readonly paths: PathSettings;
  /** Where direct paths are looked for; undefined: nowhere. */
  readonly network: PathNetwork | undefined;
  /** Another path carries the session, or none does. */
  readonly pathChanged: (
    peer: string,
    path: CurrentPath | undefined,
    before: CurrentPath | undefined,
  ) => void;
  readonly pathFailed: (peer: string, failure: PathFailure) => void;
  readonly pathAlarm: (peer: string, alarm: PathAlarm) => void;
  readonly roundTrip: (rttMs: number) => void;
  readonly dropped: (reason: string) => void;
}
