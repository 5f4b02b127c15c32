import type { Io } from './io.ts';

/** Work that is done by then needs no word. */
const PATIENCE_MS = 1000;
const REFRESH_MS = 1000;
export const CLEAR_LINE = '\r\u001b[K';
/** Of a terminal that does not say. */
export const USUAL_COLUMNS = 80;

/** Tells a person at a terminal, after a second, what a command waits for and for how long; cleans up after itself. */
export async function withProgress<T>(
  { stderr }: Pick<Io, 'stderr'>,
  label: string,
  work: Promise<T>,
): Promise<T> {
  if (stderr.isTTY !== true) return work;
  const startedMs = performance.now();
  const show = (): void => {
    const seconds = Math.floor((performance.now() - startedMs) / 1000);
    showLine(stderr, `${label} … ${seconds} s`);
  };
  let refresh: NodeJS.Timeout | undefined;
  const patience = setTimeout(() => {
    show();
    refresh = setInterval(show, REFRESH_MS);
  }, PATIENCE_MS);
  try {
    return await work;
  } finally {
    clearTimeout(patience);
    clearInterval(refresh);
    if (performance.now() - startedMs >= PATIENCE_MS) stderr.write(CLEAR_LINE);
  }
}

/** As much of it as the terminal is wide: a line that wraps cannot be wiped away. */
export function showLine(stderr: Io['stderr'], line: string): void {
  // The last column stays free: some terminals begin a new line when it is filled.
  let left = ((stderr.columns ?? 0) || USUAL_COLUMNS) - 1;
  let shown = '';
  for (const character of line) {
    // At most: beyond ASCII a character takes up to two cells.
    left -= /[ -~]/.test(character) ? 1 : 2;
    if (left < 0) break;
    shown += character;
  }
  stderr.write(CLEAR_LINE + shown);
}
