import { BoundedMap } from '../../base/bounded-map.ts';
import { TokenBucket } from '../../base/token-bucket.ts';

/** As many lines of one kind at once; then ten a minute: a flapping relay cannot fill a disk. */
const BURST = 20;
const PER_SECOND = 10 / 60;
/** Kinds are level and message, which the program's text bounds; this bounds a mistake in it. */
const MAX_KINDS = 512;

interface Kind {
  readonly bucket: TokenBucket;
  suppressed: number;
}

/** Holds lines back that say the same again and again. */
export class LogLimiter {
  readonly #kinds = new BoundedMap<string, Kind>(MAX_KINDS);

  /** How many lines of this kind were held back before this one; undefined: this one is, too. */
  admit(kindName: string, nowMs: number): number | undefined {
    const kind = this.#kinds.get(kindName) ?? {
      bucket: new TokenBucket({ perSecond: PER_SECOND, burst: BURST }, nowMs),
      suppressed: 0,
    };
    this.#kinds.set(kindName, kind);
    if (!kind.bucket.take(nowMs)) {
      kind.suppressed += 1;
      return undefined;
    }
    const { suppressed } = kind;
    kind.suppressed = 0;
    return suppressed;
  }
}
