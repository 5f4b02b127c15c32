import { BoundedMap } from '../../base/bounded-map.ts';
import { TokenBucket } from '../../base/token-bucket.ts';

/** Pilotctl interface 2.9: at most 1,024 printable characters. */
export const MAX_JUSTIFICATION_CHARACTERS = 1024;
/** No control characters, line ends or broken surrogates; characters, not UTF-16 units. */
const PRINTABLE = /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]*$/u;

export function isJustification(text: string): boolean {
  return PRINTABLE.test(text) && Array.from(text).length <= MAX_JUSTIFICATION_CHARACTERS;
}

/** Why trust was refused, as people read it: a peer may have given no reason, or one that cannot be shown. */
export function rejection(why: string): string {
  return isJustification(why) && why !== '' ? `rejected: ${why}` : 'rejected';
}

const DAY_MS = 86_400_000;
/** Longer than a mailbox keeps anything (30 days), and a day for clocks that differ. */
const MAX_STATEMENT_AGE_MS = 31 * DAY_MS;
const MAX_CLOCK_LEAD_MS = DAY_MS;

/**
 * Whether a statement of a peer is a new one. Envelopes and early data can be played again by whoever
 * carried them: an old acceptance must not make trust that was revoked since.
 */
export function isFreshStatement(atMs: number, newestMs: number, nowMs: number): boolean {
  return (
    atMs > newestMs && atMs >= nowMs - MAX_STATEMENT_AGE_MS && atMs <= nowMs + MAX_CLOCK_LEAD_MS
  );
}

/**
 * When our next statement is said to be made: later than the one before. Not after one that our clock put so far
 * ahead that nobody with the right time has heard it, or nobody would hear us until then.
 */
export function nextStatementMs(newestMs: number, nowMs: number): number {
  const laterMs = newestMs + 1;
  return laterMs > nowMs + MAX_CLOCK_LEAD_MS ? nowMs : Math.max(nowMs, laterMs);
}

const HOUR_SECONDS = 3600;
/** From all strangers together: keys cost nothing, so a limit per key alone is none. */
const MAX_REQUESTS_PER_HOUR = 1024;
const MAX_SOURCES = 4096;

/** How often nodes may ask for trust: each one, and all that are not known yet together. */
export class RequestLimits {
  readonly #perSourceHour: number;
  readonly #sources = new BoundedMap<string, TokenBucket>(MAX_SOURCES);
  readonly #strangers: TokenBucket;

  constructor(perSourceHour: number, nowMs: number) {
    this.#perSourceHour = perSourceHour;
    this.#strangers = hourly(MAX_REQUESTS_PER_HOUR, nowMs);
  }

  /** `nowMs` is monotonic time. */
  allow(source: string, isStranger: boolean, nowMs: number): boolean {
    const bucket = this.#sources.get(source) ?? hourly(this.#perSourceHour, nowMs);
    this.#sources.set(source, bucket);
    return bucket.take(nowMs) && (!isStranger || this.#strangers.take(nowMs));
  }

  /** What was allowed did not come about: it will be asked for again. */
  giveBack(source: string, isStranger: boolean): void {
    this.#sources.get(source)?.giveBack();
    if (isStranger) this.#strangers.giveBack();
  }
}

function hourly(count: number, nowMs: number): TokenBucket {
  return new TokenBucket({ perSecond: count / HOUR_SECONDS, burst: count }, nowMs);
}
