/** What somebody should know of the path to one peer: raised and cleared once each, while there is a session. */
import type { Clock } from '../../base/clock.ts';
import type { PathAlarmKind } from '../../client/api.ts';
import { LatencyWatch } from './latency-watch.ts';
import type { PathSettings } from './path-settings.ts';

export interface PathAlarm {
  readonly kind: PathAlarmKind;
  readonly isRaised: boolean;
  /** For people: why it was raised. */
  readonly text: string;
}

export class PathAlarms {
  readonly #settings: PathSettings;
  readonly #changed: (alarm: PathAlarm) => void;
  readonly #latency: LatencyWatch;
  readonly #raised = new Map<PathAlarmKind, PathAlarm>();

  constructor(clock: Clock, settings: PathSettings, changed: (alarm: PathAlarm) => void) {
    this.#settings = settings;
    this.#changed = changed;
    this.#latency = new LatencyWatch(clock, settings.maxLatencyMs);
  }

  get raised(): readonly PathAlarm[] {
    return [...this.#raised.values()];
  }

  /** There is no direct path, nor is one being looked for. */
  noDirectPath(why: string): void {
    if (this.#settings.isDirectRequired) this.#raise('no_direct_path', why);
  }

  directPath(): void {
    this.#clear('no_direct_path');
  }

  /** Smoothed, of the path in use. True: it is too slow from now on. */
  measured(rttMs: number): boolean {
    if (!this.#latency.sample(rttMs)) return false;
    if (this.#latency.isSlow) {
      const limitMs = this.#settings.maxLatencyMs;
      this.#raise('slow_path', `a round trip takes ${Math.round(rttMs)} ms, above ${limitMs} ms`);
    } else this.#clear('slow_path');
    return this.#latency.isSlow;
  }

  sessionEnded(): void {
    this.#latency.reset();
    this.#clear('slow_path');
    this.#clear('no_direct_path');
  }

  #raise(kind: PathAlarmKind, text: string): void {
    if (this.#raised.has(kind)) return;
    const alarm = { kind, isRaised: true, text };
    this.#raised.set(kind, alarm);
    this.#changed(alarm);
  }

  #clear(kind: PathAlarmKind): void {
    const alarm = this.#raised.get(kind);
    if (alarm === undefined) return;
    this.#raised.delete(kind);
    this.#changed({ ...alarm, isRaised: false });
  }
}
