/** How many of a thing at once, and how fast: what benches of throughput share. */

/** Says `done` to the process that started this one whenever so many have been counted. */
export function countTo(target: number, done: string): (seen?: unknown) => void {
  let seen = 0;
  return () => {
    seen += 1;
    if (seen % target === 0) process.send?.(done);
  };
}

/** `count` calls of `send`, `inFlight` at a time, until all has arrived: calls per second. */
export async function callsPerSecond(
  { count, inFlight }: { readonly count: number; readonly inFlight: number },
  arrived: () => Promise<unknown>,
  send: () => Promise<unknown>,
): Promise<number> {
  const end = arrived();
  const startedMs = performance.now();
  let left = count;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await send();
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  await end;
  return (count / (performance.now() - startedMs)) * 1000;
}
