/**
 * The messages of one peer on their way into the inbox, whatever they came by: in order, and answered
 * when they are on disk.
 *
 * A peer sends in runs: within a run every message follows all earlier ones that are not delivered yet.
 * When one is refused for now, those behind it are too (`held`), or they would overtake it; the peer
 * begins a new run at the one refused, or at the next when it has given that one up.
 */
import type { Clock } from '../../base/clock.ts';
import type { Answers } from './answers.ts';
import type { MessageItem } from './app-message.ts';
import type { Acceptance, Inbox } from './inbox.ts';

export interface IncomingDeps {
  readonly clock: Clock;
  readonly inbox: Inbox;
  readonly maxPayloadBytes: number;
  /** Somebody waits for this very reply. */
  readonly isAwaited: (sender: string, item: MessageItem) => boolean;
  readonly refused: (sender: string, item: MessageItem, code: string) => void;
  /** There are new answers. */
  readonly answered: () => void;
}

interface Judged {
  readonly item: MessageItem;
  /** Or the code of a refusal that needs no disk. */
  readonly acceptance: string | Acceptance | Promise<Acceptance>;
}

const DAY_MS = 86_400_000;
/** The longest expiry there is (30 days), and a day for clocks that differ. */
const MAX_EXPIRY_AHEAD_MS = 31 * DAY_MS;
/** What a sender that minds its window (peer.ts) never reaches while the disk is slow. */
const MAX_WAITING_BYTES = 32 * 2 ** 20;
const MAX_WAITING_ITEMS = 8192;
/** Two streams at a time, and some that were given up. */
const MAX_REFUSED_RUNS = 16;

export class Incoming {
  readonly #deps: IncomingDeps;
  readonly #sender: string;
  #waitingItems = 0;
  #waitingBytes = 0;
  #hasAnswered = false;
  /** The newest ones; a run in which something was refused for now. */
  readonly #refusedRuns = new Set<number>();

  constructor(sender: string, deps: IncomingDeps) {
    this.#sender = sender;
    this.#deps = deps;
  }

  /**
   * Resolves when each of `items` is on disk or refused, and `answers` has what to say of it. They are judged
   * at once, also while earlier ones are being written: those fail together with these, or before them, and
   * then these are judged by it (store.ts).
   */
  async push(items: readonly MessageItem[], answers: Answers): Promise<void> {
    for (const { payload } of items) this.#count(payload, 1);
    const judged = items.map((item) => ({ item, acceptance: this.#judge(item) }));
    for (const each of judged) await this.#settle(each, answers);
    this.#tellAnswered();
  }

  #judge(item: MessageItem): Judged['acceptance'] {
    const { inbox, isAwaited } = this.#deps;
    const fault = this.#faultOf(item);
    if (fault !== undefined) return fault;
    if (this.#refusedRuns.has(item.run)) return 'held';
    if (this.#waitingItems > MAX_WAITING_ITEMS || this.#waitingBytes > MAX_WAITING_BYTES) {
      this.#refuseRun(item.run);
      return 'rate_limited';
    }
    const acceptance = inbox.accept(this.#sender, item, isAwaited(this.#sender, item));
    if (!(acceptance instanceof Promise) && acceptance.kind === 'refused') {
      this.#refuseRun(item.run);
    }
    return acceptance;
  }

  async #settle({ item, acceptance }: Judged, answers: Answers): Promise<void> {
    const outcome = acceptance instanceof Promise ? await acceptance : acceptance;
    if (typeof outcome === 'string') {
      this.#refuse(item, outcome, answers);
    } else if (outcome.kind === 'refused') {
      this.#refuseRun(item.run);
      this.#refuse(item, outcome.code, answers);
    } else {
      answers.delivered(item.id);
    }
    this.#count(item.payload, -1);
  }

  /** Once for all that one transaction settles. */
  #tellAnswered(): void {
    if (this.#hasAnswered) return;
    this.#hasAnswered = true;
    queueMicrotask(() => {
      this.#hasAnswered = false;
      this.#deps.answered();
    });
  }

  #refuse(item: MessageItem, code: string, answers: Answers): void {
    answers.refused(item.id, code, item.run);
    this.#deps.refused(this.#sender, item, code);
  }

  /** What no later attempt would mend. */
  #faultOf({ expiresAtMs, payload, sentAtMs }: MessageItem): string | undefined {
    const nowMs = this.#deps.clock.now();
    if (payload.length > this.#deps.maxPayloadBytes) return 'too_large';
    if (expiresAtMs <= nowMs) return 'expired';
    // Both become dates, and there is none so late as a number can be.
    const isPossible = sentAtMs <= expiresAtMs && expiresAtMs <= nowMs + MAX_EXPIRY_AHEAD_MS;
    return isPossible ? undefined : 'malformed';
  }

  #refuseRun(run: number): void {
    this.#refusedRuns.delete(run);
    this.#refusedRuns.add(run);
    for (const oldest of this.#refusedRuns) {
      if (this.#refusedRuns.size <= MAX_REFUSED_RUNS) return;
      this.#refusedRuns.delete(oldest);
    }
  }

  #count({ length }: Uint8Array, sign: 1 | -1): void {
    this.#waitingItems += sign;
    this.#waitingBytes += sign * length;
  }
}
