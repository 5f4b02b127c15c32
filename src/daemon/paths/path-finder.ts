/**
 * Looks for a direct path to one peer for as long as there is a session to speak about it.
 *
 *     silent ── session opens ──> [attempt] ── up ──> the link in use
 *                                  │  ^                  │ lost    │ timer, network: is there a better one?
 *                                  v  │ timer, network   v         │ (not where paths are static)
 *                                 waiting <──────────────┘         └──> [attempt] beside it
 *
 * A new attempt leaves the link of the one before alone until it has one of its own, and ends as `not_better`
 * when it leads to the same pair, or to one that path-choice.ts would not take. Of two offers that cross, that of
 * the node with the lower key stands.
 */
import { Backoff, type BackoffSettings } from '../../base/backoff.ts';
import type { Cancel, Clock } from '../../base/clock.ts';
import { type RandomBytes, randomFraction } from '../../base/random.ts';
import { TokenBucket } from '../../base/token-bucket.ts';
import type { IceAgentSettings, PathQuality, SelectedPair } from '../../ice/ice-settings.ts';
import type { Link } from '../../session/link.ts';
import { type AttemptDeps, type AttemptEnd, PathAttempt, type PathOffer } from './path-attempt.ts';
import { choosePath } from './path-choice.ts';
import { BUSY, NOT_BETTER } from './path-end.ts';
import { directFacts, isSamePair } from './path-facts.ts';
import type { PathItem } from './path-message.ts';
import type { PathNetwork } from './path-network.ts';

export interface PathFinderDeps {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly network: PathNetwork;
  readonly ice?: Partial<IceAgentSettings>;
  /** Our first key is the lower one of the two. */
  readonly goesFirst: boolean;
  /** What is in use is left alone until it fails. */
  readonly isStatic: boolean;
  /** To the peer, inside the session. */
  readonly tell: (item: PathItem) => void;
  readonly handlers: PathFinderHandlers;
}

export interface PathFinderHandlers {
  packet(packet: Uint8Array): void;
  /** There is a link, another one, or none. */
  linkChanged(): void;
  /** The quality of the link may be another. */
  probed(): void;
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
/** Is there a better path than the one in use? Half of it to one and a half; both sides ask. */
export const REPROBE_MS = 10 * 60_000;
/** Who wants a path, and is told that there is none, may ask again after this long. */
const WANTED_AGAIN_MS = 10_000;
const IS_NOT_BETTER: ReadonlySet<string> = new Set([NOT_BETTER, `peer_${NOT_BETTER}`]);
/**
 * Of the peer's that are answered: each may open a socket and a connection in the process with the WebRTC library, which
 * take a second to be gone. A network that comes and goes makes one every two seconds.
 */
export const MAX_OFFERS = { perSecond: 1, burst: 20 };
/** Both sides see most changes; who does not go first waits for the other's offer. */
const SECOND_DELAY_MS = 1500;

export class PathFinder {
  readonly #deps: PathFinderDeps;
  readonly #attemptDeps: AttemptDeps;
  readonly #retry: Backoff;
  readonly #afterLoss: Backoff;
  readonly #offers: TokenBucket;
  readonly #release: () => void;
  #isTalking = false;
  /** Its link is in use. */
  #current: PathAttempt | undefined;
  /** Since when (monotonic). */
  #upMs = 0;
  #pending:
    { readonly attempt: PathAttempt; readonly isOurs: boolean; isAnswered: boolean } | undefined;
  #cancelNext: Cancel = () => undefined;
  /** When that is (monotonic). */
  #nextMs = -Infinity;
  #isAgainDue = false;
  #lastFailure: PathFailure | undefined;
  #lastEndMs = -Infinity;

  constructor(deps: PathFinderDeps) {
    this.#deps = deps;
    this.#retry = new Backoff(RETRY, deps.random);
    this.#afterLoss = new Backoff(AFTER_LOSS, deps.random);
    this.#offers = new TokenBucket(MAX_OFFERS, deps.clock.monotonic());
    this.#attemptDeps = {
      ...deps,
      handlers: {
        isWanted: (pair) => this.#isWanted(pair),
        probed: (attempt) => {
          if (attempt === this.#current) deps.handlers.probed();
        },
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
      if (!deps.isStatic || this.#current === undefined) this.tryNow();
    });
  }

  get link(): Link | undefined {
    return this.#current?.link;
  }

  /** What the link runs over. */
  get pair(): SelectedPair | undefined {
    return this.#current?.pair;
  }

  /** Of the link; undefined without one. */
  get quality(): PathQuality | undefined {
    return this.#current?.quality;
  }

  get rttMs(): number | undefined {
    return this.#current?.rttMs;
  }

  get isTrying(): boolean {
    return this.#pending !== undefined;
  }

  /** A pair was found, over which nothing has come yet: the other side, which sends first, may be content as it is. */
  get isFound(): boolean {
    return this.#pending?.attempt.pair !== undefined;
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

  /** Something waits for a direct path: the next attempt is due, unless the last one has just ended. */
  want(): void {
    if (this.#current !== undefined || this.#pending !== undefined || !this.#isTalking) return;
    const nowMs = this.#deps.clock.monotonic();
    const isSoon = this.#nextMs <= nowMs + SECOND_DELAY_MS;
    if (!isSoon && nowMs - this.#lastEndMs >= WANTED_AGAIN_MS) this.#startIn(0);
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
    const ms = delayMs + (goesFirst ? 0 : SECOND_DELAY_MS);
    this.#cancelNext();
    this.#nextMs = clock.monotonic() + ms;
    this.#cancelNext = clock.after(ms, () => {
      this.#start();
    });
  }

  #start(): void {
    if (!this.#isTalking) return;
    if (this.#pending !== undefined) {
      // What it knows is old: once it has failed, there is another one without delay.
      this.#isAgainDue = true;
      return;
    }
    this.#isAgainDue = false;
    const attempt = PathAttempt.offer(this.#attemptDeps);
    this.#pending = { attempt, isOurs: true, isAnswered: false };
    attempt.begin();
  }

  #onOffer(offer: PathOffer): void {
    const pending = this.#pending;
    const isCrossing = pending?.isOurs === true && !pending.isAnswered;
    if (isCrossing && this.#deps.goesFirst) return;
    if (!this.#offers.take(this.#deps.clock.monotonic())) {
      this.#deps.tell({ kind: 'path', attempt: offer.attempt, step: 'end', reason: BUSY });
      return;
    }
    this.#cancelNext();
    pending?.attempt.close();
    const attempt = PathAttempt.answer(this.#attemptDeps, offer);
    this.#pending = { attempt, isOurs: false, isAnswered: true };
    attempt.begin();
  }

  #onUp(attempt: PathAttempt): void {
    if (this.#pending?.attempt === attempt) this.#pending = undefined;
    const before = this.#current;
    this.#current = attempt;
    this.#upMs = this.#deps.clock.monotonic();
    this.#retry.reset();
    this.#probeLater();
    this.#deps.handlers.linkChanged();
    // After the session has left it.
    before?.close();
  }

  #onEnded(attempt: PathAttempt, end: AttemptEnd): void {
    const wasUp = this.#current === attempt;
    if (this.#pending?.attempt === attempt) this.#pending = undefined;
    if (wasUp) this.#current = undefined;
    this.#lastEndMs = this.#deps.clock.monotonic();
    if (!end.isByPeer && this.#isTalking) {
      this.#deps.tell({ kind: 'path', attempt: attempt.id, step: 'end', reason: end.code });
    }
    if (this.#current !== undefined && IS_NOT_BETTER.has(end.code)) this.#probeLater();
    else this.#fail({ ...end, wasUp });
  }

  #fail(failure: PathFailure): void {
    const { wasUp } = failure;
    const { handlers } = this.#deps;
    this.#lastFailure = failure;
    if (wasUp) handlers.linkChanged();
    handlers.failed(failure);
    if (!this.#isTalking || this.#pending !== undefined) return;
    if (this.#current !== undefined) this.#probeLater();
    else this.#startIn(wasUp ? this.#delayAfterLoss() : this.#delayAfterFailure());
  }

  #delayAfterFailure(): number {
    return this.#isAgainDue ? 0 : this.#retry.next();
  }

  #probeLater(): void {
    const { isStatic, random } = this.#deps;
    this.#cancelNext();
    if (!isStatic) this.#startIn(Math.round(REPROBE_MS * (0.5 + randomFraction(random))));
  }

  /** Is it better than the path in use? */
  #isWanted(pair: SelectedPair): boolean {
    const { pair: before, quality } = this.#current ?? {};
    if (before === undefined || quality === undefined) return true;
    if (isSamePair(before, pair)) return false;
    const current = directFacts(before, quality, 'current');
    const found = directFacts(pair, { rttMs: pair.rttMs, loss: 0, silentMs: 0 }, 'found');
    return choosePath([current, found], 'current', { mayRelay: false }).path === found;
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
