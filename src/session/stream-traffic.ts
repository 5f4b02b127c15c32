/**
 * The streams of a session on their way into its reliable sequence: frames are made at the moment when they may
 * go out, so that nothing waits behind them that came first.
 */
import { StreamBudget, type StreamBudgetDeps } from './stream-budget.ts';
import { Streams, type StreamsDeps } from './streams.ts';

export interface StreamTrafficDeps extends StreamsDeps, Pick<StreamBudgetDeps, 'measure'> {
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

  constructor(deps: StreamTrafficDeps) {
    this.#deps = deps;
    this.streams = new Streams(deps);
    this.#budget = new StreamBudget({
      ...{ clock: deps.clock, measure: deps.measure },
      grew: () => {
        this.#continue();
      },
    });
  }

  /** Adds to the sequence what may go out now. */
  fill(): void {
    const { sequence } = this.#deps;
    while (sequence.takesStream('control')) {
      const frame = this.streams.takeControl();
      if (frame === undefined) break;
      sequence.addStream(frame.type, frame.body);
    }
    while (
      this.streams.hasData &&
      this.#budget.allows(sequence.dataBytes) &&
      sequence.takesStream('data')
    ) {
      const frame = this.streams.takeData();
      if (frame === undefined) break;
      this.#budget.sent(sequence.addStream(frame.type, frame.body));
    }
  }

  acknowledged(next: number, bytes: number): void {
    this.#budget.acknowledged(next, bytes);
    this.#continue();
  }

  linkChanged(): void {
    this.#budget.restart();
    this.#continue();
  }

  #continue(): void {
    if (this.streams.hasFrames) this.#deps.flushSoon();
  }
}
