import { setMaxListeners } from 'node:events';
import type { ClientRequest } from 'node:http';

import { MAX_TIMER_MS } from '../base/system-clock.ts';
import { silent } from './daemon-failure.ts';

export interface AnswerLimits {
  readonly socketPath: string;
  readonly limitMs: number;
  readonly signal: AbortSignal | undefined;
}

export interface AwaitedRequest {
  /** It is answered, or has failed by itself. */
  readonly finish: () => void;
  /** Gives it up, for this reason. */
  readonly stop: (reason: unknown) => void;
}

/** Gives a request up after its time, or with the signal's reason. */
export function awaitAnswer(
  request: ClientRequest,
  { socketPath, limitMs, signal }: AnswerLimits,
  reject: (reason: unknown) => void,
): AwaitedRequest {
  const stop = (reason: unknown): void => {
    finish();
    reject(reason);
    request.destroy();
  };
  const abort = (): void => {
    stop(signal?.reason);
  };
  const timer = setTimeout(
    () => {
      stop(silent(socketPath, limitMs));
    },
    Math.min(limitMs, MAX_TIMER_MS),
  );
  const finish = (): void => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  };
  if (signal !== undefined) {
    // One signal may well stop hundreds of calls, and streams; that is no leak.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', abort, { once: true });
  }
  return { finish, stop };
}
