/**
 * How much of the received folder is taken: what lies there, and what is on its way there. People move and delete files
 * there themselves, so it is counted anew when it is a minute old, and before anything is refused.
 */
import type { Clock } from '../../base/clock.ts';
import { FileRefusal } from './file-refusal.ts';

export interface QuotaLimits {
  readonly maxBytes: number;
  readonly maxFiles: number;
}

export interface Usage {
  readonly bytes: number;
  readonly files: number;
}

export interface QuotaDeps {
  readonly clock: Clock;
  readonly limits: QuotaLimits;
  /** Counts what lies there, but not what is reserved. */
  readonly count: () => Promise<Usage>;
}

const COUNT_AGAIN_MS = 60_000;
const MIB = 1024 * 1024;

export class ReceivedQuota {
  readonly #deps: QuotaDeps;
  #bytes = 0;
  #files = 0;
  #reservedBytes = 0;
  #reservedFiles = 0;
  #countedAtMs: number | undefined;

  constructor(deps: QuotaDeps) {
    this.#deps = deps;
  }

  /** Room for one file; `lies` of its bytes lie there and were counted. Not to be called twice at once. FileRefusal. */
  async reserve(bytes: number, lies: number | undefined): Promise<void> {
    const { clock } = this.#deps;
    const isOld =
      this.#countedAtMs === undefined || clock.monotonic() - this.#countedAtMs > COUNT_AGAIN_MS;
    if (isOld || !this.#fits(bytes, lies)) await this.#count();
    if (!this.#fits(bytes, lies)) throw this.#full(bytes);
    this.#bytes -= lies ?? 0;
    this.#files -= lies === undefined ? 0 : 1;
    this.#reservedBytes += bytes;
    this.#reservedFiles += 1;
  }

  /** What was reserved is not on its way any more; so much of it lies there. */
  settle(bytes: number, lies: number | undefined): void {
    this.#reservedBytes -= bytes;
    this.#reservedFiles -= 1;
    this.#bytes += lies ?? 0;
    this.#files += lies === undefined ? 0 : 1;
  }

  /** Somebody took files away. */
  forget(): void {
    this.#countedAtMs = undefined;
  }

  #fits(bytes: number, lies: number | undefined): boolean {
    const { maxBytes, maxFiles } = this.#deps.limits;
    const files = this.#files + this.#reservedFiles + (lies === undefined ? 1 : 0);
    return this.#bytes - (lies ?? 0) + this.#reservedBytes + bytes <= maxBytes && files <= maxFiles;
  }

  async #count(): Promise<void> {
    const { bytes, files } = await this.#deps.count();
    this.#bytes = bytes;
    this.#files = files;
    this.#countedAtMs = this.#deps.clock.monotonic();
  }

  #full(bytes: number): FileRefusal {
    const { maxBytes, maxFiles } = this.#deps.limits;
    const limit = `${Math.floor(maxBytes / MIB)} MiB or ${maxFiles} files`;
    if (bytes > maxBytes) {
      return new FileRefusal('received_full', `the receiver takes no more than ${limit}`);
    }
    return new FileRefusal('received_full', `the receiver has its ${limit} of received files`);
  }
}
