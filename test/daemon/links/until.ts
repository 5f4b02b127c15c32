import { expect } from 'vitest';

const PATIENCE_MS = 10_000;

/** Resolves when the condition holds: asked again each turn of the event loop. Fails after 10 s. */
export async function until(
  what: string,
  holds: () => boolean,
  timeoutMs = PATIENCE_MS,
): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > endMs) expect.fail(`not in time: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
