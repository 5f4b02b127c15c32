import type { Cancel, Clock } from '../base/clock.ts';

const TICK_MS = 5000;
/** Later than this is no busy moment: the host slept, or its clock was set. */
const MAX_LATE_MS = 10_000;

/**
 * Calls `onWake` with the size of the gap when the host's time has jumped: connections that were alive
 * before it may be dead now, and nobody has told. A sleep shows as a jump of the wall clock, because
 * timers and the monotonic clock stand still with the host.
 */
export function watchForWake(clock: Clock, onWake: (gapMs: number) => void): Cancel {
  let cancel: Cancel = () => undefined;
  const arm = (): void => {
    const expectedMs = clock.now() + TICK_MS;
    cancel = clock.after(TICK_MS, () => {
      const gapMs = clock.now() - expectedMs;
      arm();
      if (Math.abs(gapMs) > MAX_LATE_MS) onWake(gapMs);
    });
  };
  arm();
  return () => {
    cancel();
  };
}
