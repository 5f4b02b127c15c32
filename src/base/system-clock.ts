import type { Cancel, Clock } from './clock.ts';

/** As far as `setTimeout` counts, some 24 days; what is longer it runs at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** The host's own clock; the one place under `src/base` that touches real time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    if (ms > MAX_TIMER_MS) return afterParts(ms, run);
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => {
      clearTimeout(timer);
    };
  },
};

function afterParts(ms: number, run: () => void): Cancel {
  let cancel = systemClock.after(MAX_TIMER_MS, () => {
    cancel = systemClock.after(ms - MAX_TIMER_MS, run);
  });
  return () => {
    cancel();
  };
}
