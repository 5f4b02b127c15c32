/**
 * The streams of a session on their way into its reliable sequence: frames are made at the moment when they may
 * go out, so that nothing waits behind them that came first.
 */
import { Deadline } from './deadline.ts';
import type { Link, LinkLoad } from './link.ts';
import type { ClosedReason } from './session-handlers.ts';
import { StreamBudget, type StreamBudgetDeps } from './stream-budget.ts';
import { Streams, type StreamsDeps } from './streams.ts';

/** How soon what the link says of itself is looked at again: nobody tells when it has room. */
const LOOK_AGAIN_MS = 3;

export interface StreamTrafficDeps extends StreamsDeps, Pick<StreamBudgetDeps, 'measure'> {
  readonly link: () => Link | undefined;
  readonly sequence: {
    /** Unacknowledged stream data. */
    readonly dataBytes: number;
    takesStream(what: 'data' | 'control'): boolean;
    addStream(type: number, body: Uint8Array): number;
  };
}

export class StreamTraffic {
  readonly streams: Streams;
  readonly #deps: StreamTrafficDeps;
  readonly #budget: StreamBudget;
  readonly #lookAgain: Deadline;
  #isFilling = false;

  constructor(deps: StreamTrafficDeps) {
    this.#deps = deps;
    this.streams = new Streams(deps);
    this.#budget = new StreamBudget({
      ...{ clock: deps.clock, measure: deps.measure },
      grew: () => {
        this.#continue();
      },
    });
    this.#lookAgain = new Deadline(deps.clock, () => {
      this.#continue();
    });
  }

  /** Adds to the sequence what may go out now. */
  fill(): void {
    // A stream that hears of its room may close the session: nothing overtakes the frame that is being made.
    if (this.#isFilling) return;
    this.#isFilling = true;
    try {
      this.#fillWithAll();
    } finally {
      this.#isFilling = false;
    }
  }

  stop(reason: ClosedReason): void {
    this.#lookAgain.clear();
    this.streams.end(reason);
  }

  acknowledged(next: number, bytes: number): void {
    this.#budget.acknowledged(next, bytes);
    this.#continue();
  }

  linkChanged(): void {
    this.#budget.restart();
    this.#continue();
  }

  #fillWithAll(): void {
    const { sequence } = this.#deps;
    while (sequence.takesStream('control')) {
      const frame = this.streams.takeControl();
      if (frame === undefined) break;
      sequence.addStream(frame.type, frame.body);
    }
    const load = this.#deps.link()?.load;
    this.#fillWithData(load);
    if (load !== undefined && this.streams.hasData && !this.#lookAgain.isSet) {
      this.#lookAgain.setIn(LOOK_AGAIN_MS);
    }
  }

  #fillWithData(load: LinkLoad | undefined): void {
    const { sequence } = this.#deps;
    let addedBytes = 0;
    while (this.streams.hasData) {
      const now = load && { ...load, underWayBytes: load.underWayBytes + addedBytes };
      const maxBytes = this.#budget.nextFrameBytes(sequence.dataBytes, now);
      if (maxBytes === 0 || !sequence.takesStream('data')) return;
      const frame = this.streams.takeData(maxBytes);
      if (frame === undefined) return;
      addedBytes += frame.body.length;
      this.#budget.sent(sequence.addStream(frame.type, frame.body));
    }
  }

  #continue(): void {
    if (this.streams.hasFrames) this.#deps.flushSoon();
  }
}
