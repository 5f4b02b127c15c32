/**
 * One peer that this node trusts or has asked for trust: which way messages go to it now.
 *
 *                 there is a way to it: a relay            something to send, a ping
 *     away ────────────────────────────────> present ─────────────────────────────> opening
 *      │ ^ it goes; its session waits a while  │ ^ refused, session over: a pause      │
 *      │ └─────────────────────────────────────┘ └─────────────────────────────────────┤
 *      │                                       │ does not answer: as if it were away   │ opened
 *      v                                       v                                       v
 *     envelopes into its mailbox, one at a time (mailbox-pump.ts)            messages in the session
 *
 * Both ways are runs (message-run.ts): each begins at the lowest message that is not delivered, so
 * whichever the receiver gets first, nothing overtakes.
 */
import { Backoff } from '../../base/backoff.ts';
import { toHex } from '../../base/bytes.ts';
import { Pause } from '../../base/pause.ts';
import type { KeyChain } from '../../identity/key-chain.ts';
import { Session } from '../../session/session.ts';
import type { ClosedReason } from '../../session/session-handlers.ts';
import { Answers, ANSWERS_LIFE_MS } from '../messages/answers.ts';
import { Incoming } from '../messages/incoming.ts';
import { nodeIdOf } from '../names/peer-name.ts';
import { type CurrentPath, PeerPaths } from '../paths/peer-paths.ts';
import { MailboxPump } from './mailbox-pump.ts';
import { Outgoing } from './outgoing.ts';
import type { PeerDeps } from './peer-deps.ts';
import { Reception } from './reception.ts';
import { logSessionEnd } from './session-end-log.ts';
import { SessionPump } from './session-pump.ts';
import { notReachable, SessionWaiters } from './session-waiters.ts';

export type PeerState = 'connected' | 'connecting' | 'online' | 'offline';

/** How long a peer that does not answer handshakes gets envelopes instead. */
const UNRESPONSIVE_MS = 30_000;
const REOPEN = { initialMs: 250, maxMs: 30_000, multiplier: 2, jitter: true };
/** A relay that is there but fails is asked again after this long. */
const MAILBOX_RETRY = { initialMs: 1000, maxMs: 60_000, multiplier: 2, jitter: true };

export class Peer {
  readonly key: string;
  readonly session: Session;
  readonly paths: PeerPaths;
  readonly #deps: PeerDeps;
  readonly #answers = new Answers();
  /**
   * To what came in a handshake that is not through. They belong into its session: if there is an open one
   * still, the peer has lost that.
   */
  readonly #earlyAnswers = new Answers();
  readonly #admission: Pause;
  readonly #reception: Reception;
  readonly #outgoing: Outgoing;
  readonly #sessionPump: SessionPump;
  readonly #mailboxPump: MailboxPump;
  readonly #unresponsive: Pause;
  readonly #reopenPause: Pause;
  readonly #mailboxPause: Pause;
  readonly #reopenBackoff: Backoff;
  readonly #mailboxBackoff: Backoff;
  readonly #waiters: SessionWaiters;
  #stateSeen: PeerState = 'offline';
  #sinceMs: number;
  #isClosed = false;

  constructor(key: string, remote: KeyChain, deps: PeerDeps) {
    this.key = key;
    this.#deps = deps;
    this.#sinceMs = deps.clock.now();
    this.#waiters = new SessionWaiters(deps.clock);
    const wake = (): void => {
      this.wake();
    };
    this.#unresponsive = new Pause(deps.clock, wake);
    this.#reopenPause = new Pause(deps.clock, wake);
    this.#mailboxPause = new Pause(deps.clock, wake);
    this.#reopenBackoff = new Backoff(REOPEN, deps.random);
    this.#mailboxBackoff = new Backoff(MAILBOX_RETRY, deps.random);
    this.#admission = new Pause(deps.clock, wake);
    this.#outgoing = new Outgoing(key, { ...deps, wake });
    this.session = new Session({
      ...{ identity: deps.identity, clock: deps.clock, random: deps.random },
      get remote() {
        return deps.chainOf(key) ?? remote;
      },
      settings: { handshakeTimeoutMs: deps.handshakeTimeoutMs },
      ...{ cookies: deps.cookies, isUnderLoad: deps.isUnderLoad, source: () => key },
      handlers: {
        admit: ({ chain, early }) => this.#admit(chain, early),
        opened: ({ earlyDelivered }) => {
          this.#onOpened(earlyDelivered);
        },
        refused: (code) => {
          this.#onRefused(code);
        },
        message: (body) => {
          this.#take(this.session.remote, [body], this.#answers);
        },
        ...deps.ports.handlersOf(key),
        writable: wake,
        measured: (rttMs) => {
          this.paths.measured(rttMs);
        },
        rotated: (chain) => {
          deps.acceptsChain(chain);
        },
        closed: (reason, unacknowledged, code) => {
          // A peer that breaks the rules is owed nothing: it would be called again and again.
          this.#sessionPump.ended(reason === 'violation' ? [] : unacknowledged);
          this.paths.sessionEnded();
          this.#onClosed(reason, code);
        },
      },
    });
    this.paths = new PeerPaths({
      ...{ clock: deps.clock, random: deps.random, settings: deps.paths },
      finder: deps.network && {
        network: deps.network,
        goesFirst: toHex(deps.identity.firstKey) < key,
      },
      tell: (item) => {
        this.#sessionPump.tell(item);
      },
      sessionRttMs: () => this.session.rttMs,
      handlers: {
        packet: (packet) => {
          this.session.receive(packet, this.paths.linkOver('direct'));
        },
        changed: (path, before) => {
          this.#onPathChanged(path, before);
        },
        failed: (failure) => {
          deps.pathFailed(key, failure);
        },
        alarm: (alarm) => {
          deps.pathAlarm(key, alarm);
        },
      },
    });
    this.#reception = new Reception(key, {
      ...deps,
      incoming: new Incoming(key, { ...deps.incoming, answered: wake }),
      outgoing: this.#outgoing,
      path: (item) => {
        this.paths.receive(item);
      },
    });
    this.#sessionPump = new SessionPump({
      session: this.session,
      answers: this.#answers,
      outgoing: this.#outgoing,
      acceptance: () => deps.acceptanceFor(key),
      mayCarryMessages: () => this.paths.carriesMessages,
    });
    this.#mailboxPump = new MailboxPump({
      outgoing: this.#outgoing,
      mailbox: () => (this.#canStore() ? deps.mailboxFor(key) : undefined),
      answers: this.#answers,
      acceptance: () => deps.acceptanceFor(key),
      answersExpireAtMs: () => deps.clock.now() + ANSWERS_LIFE_MS,
      failed: (code) => {
        this.#onMailboxFailure(code);
      },
      stored: () => {
        this.#mailboxBackoff.reset();
      },
    });
  }

  get state(): PeerState {
    if (this.paths.current === undefined) return 'offline';
    if (this.session.state === 'open') return 'connected';
    return this.session.state === 'opening' ? 'connecting' : 'online';
  }

  /** Since when the state holds. */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** Why its messages wait though it is there; empty when they need not. */
  get whyHeld(): string {
    if (this.paths.current === undefined || this.paths.carriesMessages) return '';
    return `no direct path: ${this.paths.whyNotDirect}`;
  }

  /** What carries the session; undefined: there is no way to it. */
  get path(): CurrentPath | undefined {
    return this.paths.current;
  }

  /** Something may have become possible, or necessary. Cheap when it has not. */
  wake(): void {
    if (this.#isClosed) return;
    if (!this.#admission.isRunning) this.#answers.absorb(this.#earlyAnswers);
    if (!this.#isReachable()) {
      this.#mailboxPump.pump();
    } else if (this.session.state === 'open') {
      this.#sessionPump.pump();
      if (!this.paths.carriesMessages && this.#outgoing.hasMessages) this.paths.want();
    } else if (this.session.state === 'idle' && this.#wantsSession()) {
      this.#sessionPump.open();
      this.#noteState();
    }
  }

  /** Its presence or ours has changed. */
  routeChanged(): void {
    if (this.#isClosed) return;
    const route = this.#deps.routeTo(this.key);
    if (route?.url !== this.paths.route?.url) {
      this.#unresponsive.end();
      this.#reopenPause.end();
      this.#reopenBackoff.reset();
      this.paths.setRoute(route);
    }
    this.#mailboxPause.end();
    this.wake();
  }

  /** What else it is to be told of its messages. */
  owes(answers: Answers): void {
    this.#answers.absorb(answers);
    this.wake();
  }

  /**
   * Items of this peer, by whatever way. Resolves when what follows from them is on disk, and `answers` has
   * what to say of them.
   */
  async receive(
    chain: KeyChain,
    bodies: readonly Uint8Array[],
    answers = this.#answers,
  ): Promise<void> {
    await this.#reception.receive(chain, bodies, answers);
  }

  /** Resolves when there is an open session; PilotError says why there is none. */
  async open(timeoutMs: number): Promise<void> {
    if (this.paths.current === undefined) throw notReachable('it is not online at a relay of ours');
    if (this.session.state === 'open') return;
    const opened = this.#waiters.wait(timeoutMs);
    this.#unresponsive.end();
    this.#reopenPause.end();
    this.wake();
    await opened;
  }

  /** For good: trust ended, or the node stops. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const pause of this.#pauses) pause.end();
    this.#outgoing.stop();
    this.#mailboxPump.stop();
    this.session.close();
    this.#waiters.failed('this node does not deal with it any more');
    this.paths.stop();
    this.#noteState();
  }

  get #pauses(): readonly Pause[] {
    return [this.#admission, this.#unresponsive, this.#reopenPause, this.#mailboxPause];
  }

  #isReachable(): boolean {
    return this.paths.current !== undefined && !this.#unresponsive.isRunning;
  }

  #canStore(): boolean {
    return !this.#isReachable() && !this.#mailboxPause.isRunning && this.#deps.isTrusted(this.key);
  }

  #wantsSession(): boolean {
    if (this.#reopenPause.isRunning || !this.#deps.isTrusted(this.key)) return false;
    return !this.#answers.isEmpty || !this.#waiters.isEmpty || this.#outgoing.hasMessages;
  }

  /** `receive`, where nobody waits for it. */
  #take(chain: KeyChain, bodies: readonly Uint8Array[], answers: Answers): void {
    this.receive(chain, bodies, answers).catch((error: unknown) => {
      const fields = { err: error, peer: nodeIdOf(this.key) };
      this.#deps.log.warn(fields, 'could not keep what a peer told us');
    });
  }

  #admit(chain: KeyChain, early: readonly Uint8Array[]): { accept: true } | Refusal {
    if (!this.#deps.acceptsChain(chain)) return { accept: false, code: 'wrong_key' };
    // An acceptance among them makes the peer a trusted one before we look.
    this.#admission.start(this.#deps.handshakeTimeoutMs);
    this.#take(chain, early, this.#earlyAnswers);
    if (this.#deps.isTrusted(this.key)) return { accept: true };
    return { accept: false, code: 'trust_required' };
  }

  #onOpened(earlyDelivered: boolean): void {
    this.#admission.end();
    this.#unresponsive.end();
    this.#reopenPause.end();
    this.#reopenBackoff.reset();
    this.#deps.confirmed(this.key);
    this.#sessionPump.opened(earlyDelivered);
    this.paths.sessionOpened();
    this.#noteState();
    this.#waiters.opened();
    this.wake();
  }

  #onRefused(code: string): void {
    this.#deps.log.info({ peer: nodeIdOf(this.key), code }, 'a peer refused a session');
    // The pause first: what may be sent next must not open a session at once.
    this.#reopenPause.start(this.#reopenBackoff.next());
    this.#sessionPump.ended();
    this.#outgoing.refusedFirst(code);
    this.#waiters.failed(`it refused the session: ${code}`);
    this.#noteState();
  }

  #onClosed(reason: ClosedReason, code: string | undefined): void {
    if (reason === 'replaced' || this.#isClosed) return;
    logSessionEnd(this.#deps.log, nodeIdOf(this.key), { reason, code });
    if (reason === 'handshake_timeout' && this.paths.current !== undefined) {
      this.#unresponsive.start(UNRESPONSIVE_MS);
    }
    this.#waiters.failed(`the session ended: ${reason}`);
    this.#reopenPause.start(this.#reopenBackoff.next());
    this.#noteState();
    this.wake();
  }

  #onPathChanged(path: CurrentPath | undefined, before: CurrentPath | undefined): void {
    if (!this.paths.carriesMessages && this.#outgoing.hasUnderWay) {
      // What the session has not got through would go out again over the relay: it goes back to the outbox.
      this.session.setLink(undefined);
      this.session.restart();
    }
    this.session.setLink(path?.link);
    this.#deps.pathChanged(this.key, path, before);
    this.#noteState();
    this.wake();
  }

  #onMailboxFailure(code: string): void {
    this.#mailboxPause.start(this.#mailboxBackoff.next());
    this.#deps.log.debug({ peer: nodeIdOf(this.key), code }, 'a relay did not keep an envelope');
  }

  #noteState(): void {
    if (this.state === this.#stateSeen) return;
    this.#stateSeen = this.state;
    this.#sinceMs = this.#deps.clock.now();
    this.#deps.changed(this.key);
  }
}

interface Refusal {
  readonly accept: false;
  readonly code: string;
}
