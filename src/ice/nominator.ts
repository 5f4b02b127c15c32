/**
 * Regular nomination (RFC 8445, 8.1.1), for when we control: the best valid pair, once nothing better is
 * being tried or a short time after the first. A better one that becomes valid later is nominated too, and
 * the controlled side follows the last: what RFC 8445 leaves to a restart.
 */
import type { Cancel, Clock } from '../base/clock.ts';
import type { CandidatePair } from './candidate-pair.ts';
import type { CheckList } from './check-list.ts';

export interface NominatorDeps {
  readonly clock: Clock;
  readonly list: CheckList;
  readonly settleMs: number;
  readonly nominate: (pair: CandidatePair) => void;
}

export class Nominator {
  readonly #deps: NominatorDeps;
  #nominated: CandidatePair | undefined;
  #settling: 'no' | 'yes' | 'over' = 'no';
  #isClosed = false;
  #cancelSettling: Cancel = () => undefined;

  constructor(deps: NominatorDeps) {
    this.#deps = deps;
  }

  /** It is not valid any more, so its nomination came to nothing. */
  forget(pair: CandidatePair): void {
    if (this.#nominated === pair) this.#nominated = undefined;
  }

  /** To be called when a pair became valid or failed while we control. */
  consider(): void {
    const { list, clock, settleMs, nominate } = this.#deps;
    if (this.#isClosed) return;
    const best = list.bestValid();
    if (best === undefined || !this.#isBetter(best)) return;
    const mayImprove = list.pairs.some((pair) => pair.isOpen && list.compare(pair, best) > 0);
    if (mayImprove && this.#settling !== 'over') {
      if (this.#settling === 'yes') return;
      this.#settling = 'yes';
      this.#cancelSettling = clock.after(settleMs, () => {
        this.#settling = 'over';
        this.consider();
      });
      return;
    }
    this.#nominated = best;
    nominate(best);
  }

  /** Time is up: what is selected stays. */
  close(): void {
    this.#isClosed = true;
    this.#cancelSettling();
  }

  /** We do not control any more. */
  stop(): void {
    this.#cancelSettling();
    if (this.#settling === 'yes') this.#settling = 'no';
    this.#nominated = undefined;
  }

  #isBetter(pair: CandidatePair): boolean {
    return this.#nominated === undefined || this.#deps.list.compare(pair, this.#nominated) > 0;
  }
}
