/** Of the last probes of a path, which were answered: its loss, there and back. */

/** With a fifth of them lost a path is bad; a second of probing in doubt (consent.ts) replaces one or more. */
export const OUTCOMES = 20;
/** A satellite takes 0.7 s, a full buffer twice that. A later answer still makes good what was counted as lost. */
export const PATIENCE_MS = 1500;

export interface ProbeOutcome {
  readonly sentMs: number;
  isAnswered: boolean;
}

export class ProbeOutcomes {
  readonly #last: ProbeOutcome[] = [];

  sent(nowMs: number): ProbeOutcome {
    const outcome = { sentMs: nowMs, isAnswered: false };
    this.#last.push(outcome);
    if (this.#last.length > OUTCOMES) this.#last.shift();
    return outcome;
  }

  /** 0 to 1. What has not been probed yet counts as answered: a new path is not judged by its first probe. */
  loss(nowMs: number): number {
    const isLost = ({ sentMs, isAnswered }: ProbeOutcome): boolean =>
      !isAnswered && nowMs - sentMs >= PATIENCE_MS;
    return this.#last.filter(isLost).length / OUTCOMES;
  }
}
