import { setTimeout as pause } from 'node:timers/promises';

import { PilotError } from '../base/pilot-error.ts';

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5000;

/**
 * Runs `work` again whenever it ends because the daemon went, until the signal is aborted, and throws its reason. `work` says
 * when it is connected; what fails before the first time is the user's to know at once.
 */
export async function stayConnected(
  work: (connected: () => void) => Promise<void>,
  { signal, notice }: { readonly signal: AbortSignal; readonly notice: (line: string) => void },
): Promise<void> {
  const state = { wasConnected: false, isAway: false, pauseMs: FIRST_PAUSE_MS };
  const connected = (): void => {
    if (state.isAway) notice('the daemon is back');
    Object.assign(state, { wasConnected: true, isAway: false, pauseMs: FIRST_PAUSE_MS });
  };
  while (!signal.aborted) {
    try {
      await work(connected);
    } catch (error) {
      signal.throwIfAborted();
      if (!state.wasConnected || !isAbsence(error)) throw error;
      if (!state.isAway) notice('the daemon is gone; waiting for it');
      state.isAway = true;
      await pause(state.pauseMs, undefined, { signal }).catch(() => undefined);
      state.pauseMs = Math.min(LONGEST_PAUSE_MS, state.pauseMs * 2);
    }
  }
  signal.throwIfAborted();
}

function isAbsence(error: unknown): boolean {
  if (!(error instanceof PilotError)) return false;
  return ['not_running', 'connection_failed', 'unavailable', 'timeout'].includes(error.code);
}
