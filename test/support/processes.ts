import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

import { isAlive, type PidRecord } from '../../src/home/pid-file.ts';

export interface RunOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly input?: string | Uint8Array;
  /** Its stdin stays open for the test to write to; otherwise it ends after `input`. */
  readonly keepInputOpen?: boolean;
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Longer than any single step of a test needs, shorter than its patience. */
export const STEP_TIMEOUT_MS = 15_000;
const MAX_OUTPUT_CHARACTERS = 16 * 1024 * 1024;

/** A child that runs on beside the test; its output is kept and can be waited for. */
export class RunningProcess {
  readonly child: ChildProcessWithoutNullStreams;
  readonly lines: string[] = [];
  readonly finished: Promise<Finished>;
  readonly #name: string;
  readonly #waiting = new Set<() => void>();
  #stdout = '';
  #stderr = '';
  #isOver = false;

  constructor(name: string, child: ChildProcessWithoutNullStreams) {
    this.#name = name;
    this.child = child;
    this.finished = this.#collect();
  }

  /** The first line of either output, past or to come, that fits. */
  async line(pattern: RegExp, timeoutMs = STEP_TIMEOUT_MS): Promise<RegExpExecArray> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      for (const line of this.lines) {
        const match = pattern.exec(line);
        if (match !== null) return match;
      }
      const leftMs = deadline - Date.now();
      if (leftMs <= 0 || this.#isOver) {
        throw new Error(`${this.#name} never said ${String(pattern)}:\n${this.lines.join('\n')}`);
      }
      await this.#change(leftMs);
    }
  }

  /** Ends it: SIGTERM unless told otherwise, SIGKILL when it does not listen. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', patienceMs = 5000): Promise<Finished> {
    this.child.kill(signal);
    const kill = setTimeout(() => {
      this.kill();
    }, patienceMs);
    try {
      return await this.finished;
    } finally {
      clearTimeout(kill);
    }
  }

  /** At once, and without waiting for a grandchild that still holds its output. */
  kill(): void {
    const { child } = this;
    child.kill('SIGKILL');
    child.stdout.destroy();
    child.stderr.destroy();
  }

  async #collect(): Promise<Finished> {
    const { child } = this;
    const read = (stream: Readable, keep: (text: string) => void): void => {
      stream.setEncoding('utf8').on('data', keep);
      createInterface({ input: stream }).on('line', (line) => {
        this.lines.push(line);
        this.#changed();
      });
    };
    read(child.stdout, (text) => {
      this.#stdout = (this.#stdout + text).slice(-MAX_OUTPUT_CHARACTERS);
    });
    read(child.stderr, (text) => {
      this.#stderr = (this.#stderr + text).slice(-MAX_OUTPUT_CHARACTERS);
    });
    try {
      const [code] = (await once(child, 'close')) as [number | null];
      return { code, stdout: this.#stdout, stderr: this.#stderr };
    } finally {
      this.#isOver = true;
      this.#changed();
    }
  }

  async #change(atMostMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, atMostMs);
      this.#waiting.add(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #changed(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

/** The processes of one test. `close` ends what is left of them, and nothing else on the host. */
export class Processes {
  readonly #running = new Set<RunningProcess>();
  readonly #daemons = new Set<PidRecord>();
  readonly #onExit = (): void => {
    this.#killAll();
  };

  constructor() {
    // A worker that is told to exit at once leaves nothing behind either.
    process.on('exit', this.#onExit);
  }

  start(command: string, args: readonly string[], options: RunOptions): RunningProcess {
    const { env, cwd, input = '', keepInputOpen = false } = options;
    const child = spawn(command, args, { env, ...(cwd !== undefined && { cwd }) });
    const running = new RunningProcess([command, ...args].join(' '), child);
    this.#running.add(running);
    const forget = (): void => {
      this.#running.delete(running);
    };
    running.finished.then(forget, forget);
    // Whoever does not read its input closes it: the exit code tells, not a broken pipe.
    child.stdin.on('error', () => undefined);
    if (keepInputOpen) child.stdin.write(input);
    else child.stdin.end(input);
    return running;
  }

  /** Runs a command to its end, whatever its exit code. */
  async run(
    command: string,
    args: readonly string[],
    options: RunOptions & { readonly timeoutMs?: number },
  ): Promise<Finished> {
    const running = this.start(command, args, options);
    const { timeoutMs = STEP_TIMEOUT_MS } = options;
    const late = new AbortController();
    const kill = setTimeout(() => {
      late.abort();
      running.kill();
    }, timeoutMs);
    try {
      const finished = await running.finished;
      if (!late.signal.aborted) return finished;
      throw new Error(`not done in ${timeoutMs} ms: ${describeRun(command, args, finished)}`);
    } finally {
      clearTimeout(kill);
    }
  }

  /** A process in the background that a command of ours has started. */
  adopt(record: PidRecord): void {
    this.#daemons.add(record);
  }

  async close(): Promise<void> {
    process.off('exit', this.#onExit);
    const finished = [...this.#running].map(async ({ finished }) =>
      finished.catch(() => undefined),
    );
    this.#killAll();
    await Promise.all(finished);
  }

  #killAll(): void {
    for (const running of this.#running) running.kill();
    for (const daemon of this.#daemons) killDaemon(daemon);
    this.#daemons.clear();
  }
}

/** SIGKILL, unless that very process is gone already. */
export function killDaemon(daemon: PidRecord): void {
  if (!isAlive(daemon)) return;
  try {
    process.kill(daemon.pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export function describeRun(
  command: string,
  args: readonly string[],
  { code, stdout, stderr }: Finished,
): string {
  const output = [stdout, stderr].map((text) => text.trim()).filter((text) => text !== '');
  return `${[command, ...args].join(' ')} ended with ${code ?? 'a signal'}\n${output.join('\n')}\n`;
}

/** Asks again and again until there is an answer, for states that nothing announces. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  timeoutMs = STEP_TIMEOUT_MS,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
}

const POLL_INTERVAL_MS = 25;
