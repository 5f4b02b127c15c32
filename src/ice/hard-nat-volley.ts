import type { Cancel, Clock } from '../base/clock.ts';

/** A timer more often costs more than the datagrams. */
const TICK_MS = 10;

/**
 * Fires each shot, `perSecond` of them at most, the first ones at once; then `done`, also when a shot says
 * false: no more may be sent.
 */
export function fireVolley<Shot>(
  clock: Clock,
  volley: { readonly shots: readonly Shot[]; readonly perSecond: number },
  fire: (shot: Shot) => boolean,
  done: () => void,
): Cancel {
  const perTick = Math.max(1, Math.floor((volley.perSecond * TICK_MS) / 1000));
  let next = 0;
  let isCancelled = false;
  let cancelTimer: Cancel = () => undefined;
  const tick = (): void => {
    for (const shot of volley.shots.slice(next, next + perTick)) {
      if (!fire(shot)) next = volley.shots.length;
      // Firing may have ended it all.
      if (isCancelled) return;
    }
    next += perTick;
    if (next >= volley.shots.length) done();
    else cancelTimer = clock.after(TICK_MS, tick);
  };
  cancelTimer = clock.after(0, tick);
  return () => {
    isCancelled = true;
    cancelTimer();
  };
}
