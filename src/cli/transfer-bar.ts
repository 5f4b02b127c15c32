import { formatDuration } from '../base/duration.ts';
import type { SendFileProgress } from '../client/client.ts';
import { byteText } from './byte-text.ts';
import type { Io } from './io.ts';
import { oneLine } from './printable.ts';
import { CLEAR_LINE, USUAL_COLUMNS } from './progress.ts';

const REFRESH_MS = 100;
/** The rate is that of the last seconds, so that it follows the line. */
const RATE_OVER_MS = 5000;
const BAR_CELLS = 20;
const NAME_CHARACTERS = 24;

/**
 * One line on a terminal about a file on its way: how much of it, how fast, how much longer; as much of that as the
 * terminal is wide, since a line that wraps cannot be wiped away. Nothing where no person looks.
 */
export class TransferBar {
  readonly #stderr: Io['stderr'];
  readonly #now: () => number;
  #samples: { readonly atMs: number; readonly bytes: number }[] = [];
  #shownAtMs = -Infinity;
  #isShown = false;
  #of = '';

  constructor({ stderr }: Pick<Io, 'stderr'>, now: () => number = () => performance.now()) {
    this.#stderr = stderr;
    this.#now = now;
  }

  show(progress: SendFileProgress): void {
    if (this.#stderr.isTTY !== true) return;
    const nowMs = this.#now();
    const of = `${progress.index} ${progress.phase}`;
    if (of !== this.#of) this.#samples = [];
    this.#of = of;
    this.#samples.push({ atMs: nowMs, bytes: progress.bytes });
    while ((this.#samples[1]?.atMs ?? Infinity) < nowMs - RATE_OVER_MS) this.#samples.shift();
    if (nowMs - this.#shownAtMs < REFRESH_MS) return;
    this.#shownAtMs = nowMs;
    this.#isShown = true;
    this.#stderr.write(CLEAR_LINE + this.#line(progress, nowMs));
  }

  clear(): void {
    if (this.#isShown) this.#stderr.write(CLEAR_LINE);
    this.#isShown = false;
  }

  #line({ file, phase, bytes, size, index, count }: SendFileProgress, nowMs: number): string {
    const name = oneLine(file.replace(/^.*[/\\]/, ''));
    const short = name.length > NAME_CHARACTERS ? `…${name.slice(1 - NAME_CHARACTERS)}` : name;
    const number = count > 1 ? `${index + 1}/${count} ` : '';
    const share = size === 0 ? 1 : bytes / size;
    const cells = Math.floor(share * BAR_CELLS);
    const bar = `[${'#'.repeat(cells)}${' '.repeat(BAR_CELLS - cells)}]`;
    const percent = `${Math.floor(share * 100)}%`;
    const pace = this.#pace(phase, size - bytes, nowMs);
    const much = `${percent.padStart(4)} ${byteText(bytes)} of ${byteText(size)}${pace}`;
    // The last column stays free: some terminals begin a new line when it is filled.
    const columns = (this.#stderr.columns ?? 0) || USUAL_COLUMNS;
    return fitting(columns - 1, [
      `${number}${short} ${bar}${much}`,
      `${number}${short}${much}`,
      `${number}${percent}${pace}`,
      `${percent}${pace.slice(pace.lastIndexOf(','))}`,
    ]);
  }

  #pace(phase: SendFileProgress['phase'], leftBytes: number, nowMs: number): string {
    if (phase === 'waiting') return ', waiting for the other node';
    const what = phase === 'reading' ? ', reading' : '';
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    const ms = nowMs - (first?.atMs ?? nowMs);
    const perMs = ms === 0 ? 0 : ((last?.bytes ?? 0) - (first?.bytes ?? 0)) / ms;
    if (perMs <= 0) return what;
    return `${what}, ${byteText(perMs * 1000)}/s, ${formatDuration(leftBytes / perMs)} left`;
  }
}

/** The first that fits; of the last one as much as does. */
function fitting(columns: number, lines: readonly string[]): string {
  const fits = lines.find((line) => widthOf(line) <= columns);
  return fits ?? (lines.at(-1) ?? '').slice(0, columns);
}

/** At most: beyond ASCII a character takes up to two cells. */
function widthOf(line: string): number {
  return line.replace(/[^ -~]/gu, '??').length;
}
