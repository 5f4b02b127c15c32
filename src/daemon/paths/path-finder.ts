/**
 * Looks for a direct path to one peer for as long as there is a session to speak about it.
 *
 *     silent ── session opens ──> [attempt] ── up ──> the link in use
 *                                  │  ^                    │ lost
 *                                  v  │ timer, network     v
 *                                 waiting <────────────────┘
 *
 * A new attempt leaves the link of the one before alone until it has one of its own. Of two offers that cross,
 * that of the node with the lower key stands.
 */
import { Backoff, type BackoffSettings } from '../../base/backoff.ts';
import type { Cancel, Clock } from '../../base/clock.ts';
import type { RandomBytes } from '../../base/random.ts';
import type { IceAgentSettings, SelectedPair } from '../../ice/ice-settings.ts';
import type { Link } from '../../session/link.ts';
import {
  type AttemptDeps,
  type AttemptEnd,
  PathAttempt,
  type PathNetwork,
  type PathOffer,
} from './path-attempt.ts';
import type { PathItem } from './path-message.ts';

export interface PathFinderDeps {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly network: PathNetwork;
  readonly ice?: Partial<IceAgentSettings>;
  /** Our first key is the lower one of the two. */
  readonly goesFirst: boolean;
  /** To the peer, inside the session. */
  readonly tell: (item: PathItem) => void;
  readonly handlers: PathFinderHandlers;
}

export interface PathFinderHandlers {
  packet(packet: Uint8Array): void;
  /** There is a link, another one, or none. */
  linkChanged(): void;
  /** An attempt came to nothing, or its link was lost. */
  failed(failure: PathFailure): void;
}

export interface PathFailure extends AttemptEnd {
  /** What ended was a path in use. */
  readonly wasUp: boolean;
}

/** How soon after a failure the next attempt may be, at most; a changed network does not wait. */
const RETRY: BackoffSettings = { initialMs: 30_000, maxMs: 600_000, multiplier: 2, jitter: true };
/** A path that was good is looked for again at once. */
const AFTER_LOSS: BackoffSettings = { initialMs: 500, maxMs: 30_000, multiplier: 2, jitter: true };
/** A path that lasted for so long was a good one: the next is looked for without delay. */
const STEADY_MS = 60_000;
/** Both sides see most changes; who does not go first waits for the other's offer. */
const SECOND_DELAY_MS = 1500;

export class PathFinder {
  readonly #deps: PathFinderDeps;
  readonly #attemptDeps: AttemptDeps;
  readonly #retry: Backoff;
  readonly #afterLoss: Backoff;
  readonly #release: () => void;
  #isTalking = false;
  /** Its link is in use. */
  #current: PathAttempt | undefined;
  /** Since when (monotonic). */
  #upMs = 0;
  #pending:
    { readonly attempt: PathAttempt; readonly isOurs: boolean; isAnswered: boolean } | undefined;
  #cancelNext: Cancel = () => undefined;
  #lastFailure: PathFailure | undefined;

  constructor(deps: PathFinderDeps) {
    this.#deps = deps;
    this.#retry = new Backoff(RETRY, deps.random);
    this.#afterLoss = new Backoff(AFTER_LOSS, deps.random);
    this.#attemptDeps = {
      ...deps,
      handlers: {
        up: (attempt) => {
          this.#onUp(attempt);
        },
        packet: (packet) => {
          deps.handlers.packet(packet);
        },
        ended: (attempt, end) => {
          this.#onEnded(attempt, end);
        },
      },
    };
    this.#release = deps.network.events.on('changed', () => {
      this.tryNow();
    });
  }

  get link(): Link | undefined {
    return this.#current?.link;
  }

  /** What the link runs over. */
  get pair(): SelectedPair | undefined {
    return this.#current?.pair;
  }

  get rttMs(): number | undefined {
    return this.#current?.rttMs;
  }

  get isTrying(): boolean {
    return this.#pending !== undefined;
  }

  /** Why there is no path, or why the last one was lost. */
  get lastFailure(): PathFailure | undefined {
    return this.#lastFailure;
  }

  /** There is a session to speak in. */
  sessionOpened(): void {
    this.#isTalking = true;
    this.#retry.reset();
    this.#startIn(0);
  }

  /** The peer knows nothing of our attempts any more. */
  sessionEnded(): void {
    this.#isTalking = false;
    this.#cancelNext();
    this.#pending?.attempt.close();
    this.#pending = undefined;
    this.#dropCurrent();
  }

  /** Something has changed, or somebody asks for it. */
  tryNow(): void {
    this.#retry.reset();
    if (this.#isTalking) this.#startIn(0);
  }

  receive(item: PathItem): void {
    if (!this.#isTalking) return;
    const pending = this.#pending;
    if (item.step === 'offer') {
      this.#onOffer(item);
    } else if (pending?.attempt.id === item.attempt) {
      pending.isAnswered ||= item.step === 'answer';
      pending.attempt.receive(item);
    } else if (this.#current?.id === item.attempt) {
      this.#current.receive(item);
    }
  }

  stop(): void {
    this.sessionEnded();
    this.#release();
  }

  #startIn(delayMs: number): void {
    const { clock, goesFirst } = this.#deps;
    this.#cancelNext();
    this.#cancelNext = clock.after(delayMs + (goesFirst ? 0 : SECOND_DELAY_MS), () => {
      this.#start();
    });
  }

  #start(): void {
    if (this.#pending !== undefined || !this.#isTalking) return;
    const attempt = PathAttempt.offer(this.#attemptDeps);
    this.#pending = { attempt, isOurs: true, isAnswered: false };
  }

  #onOffer(offer: PathOffer): void {
    const pending = this.#pending;
    const isCrossing = pending?.isOurs === true && !pending.isAnswered;
    if (isCrossing && this.#deps.goesFirst) return;
    this.#cancelNext();
    pending?.attempt.close();
    const attempt = PathAttempt.answer(this.#attemptDeps, offer);
    this.#pending = { attempt, isOurs: false, isAnswered: true };
  }

  #onUp(attempt: PathAttempt): void {
    if (this.#pending?.attempt === attempt) this.#pending = undefined;
    const before = this.#current;
    this.#current = attempt;
    this.#upMs = this.#deps.clock.monotonic();
    this.#retry.reset();
    this.#deps.handlers.linkChanged();
    // After the session has left it.
    before?.close();
  }

  #onEnded(attempt: PathAttempt, end: AttemptEnd): void {
    const wasUp = this.#current === attempt;
    if (this.#pending?.attempt === attempt) this.#pending = undefined;
    if (wasUp) this.#current = undefined;
    const { tell, handlers } = this.#deps;
    if (!end.isByPeer && this.#isTalking) {
      tell({ kind: 'path', attempt: attempt.id, step: 'end', reason: end.code });
    }
    this.#lastFailure = { ...end, wasUp };
    if (wasUp) handlers.linkChanged();
    handlers.failed(this.#lastFailure);
    if (!this.#isTalking || this.#pending !== undefined) return;
    this.#startIn(wasUp ? this.#delayAfterLoss() : this.#retry.next());
  }

  #delayAfterLoss(): number {
    if (this.#deps.clock.monotonic() - this.#upMs > STEADY_MS) this.#afterLoss.reset();
    return this.#afterLoss.next();
  }

  #dropCurrent(): void {
    const current = this.#current;
    if (current === undefined) return;
    this.#current = undefined;
    this.#deps.handlers.linkChanged();
    current.close();
  }
}
