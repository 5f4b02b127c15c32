/** Stops a timer. Calling it again, or after the timer fired, does nothing. */
export type Cancel = () => void;

/** Time as protocol code sees it: real in a process, moved by hand in a test. */
export interface Clock {
  /** Milliseconds since the Unix epoch. May jump when the host's clock is set. */
  now(): number;
  /** Milliseconds from some fixed point; never goes back. For intervals and deadlines. */
  monotonic(): number;
  /** Runs `run` once, `ms` milliseconds from now. Does not keep a process alive. */
  after(ms: number, run: () => void): Cancel;
}

/** Runs `run` every `ms` milliseconds until cancelled. */
export function every(clock: Clock, ms: number, run: () => void): Cancel {
  let cancel: Cancel = () => undefined;
  const arm = (): void => {
    cancel = clock.after(ms, () => {
      arm();
      run();
    });
  };
  arm();
  return () => {
    cancel();
  };
}
