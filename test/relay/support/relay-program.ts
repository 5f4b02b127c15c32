import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { onTestFinished } from 'vitest';

import { BundledProgram } from '../../support/bundled-program.ts';
import { within } from './relay-fixture.ts';

/** `pilot-relay` from the sources. */
export class RelayProgram {
  readonly #program: BundledProgram;

  private constructor(program: BundledProgram) {
    this.#program = program;
  }

  static async build(): Promise<RelayProgram> {
    return new RelayProgram(await BundledProgram.build('src/relay/main.ts', 'pilot-relay'));
  }

  remove(): void {
    this.#program.remove();
  }

  run(...args: string[]): RelayRun {
    return this.#started(args, 'pipe');
  }

  /** Its output goes to a descriptor of ours. */
  runInto(stdout: number, ...args: string[]): RelayRun {
    return this.#started(args, stdout);
  }

  #started(args: readonly string[], stdout: 'pipe' | number): RelayRun {
    const { file, folder } = this.#program;
    const options = { cwd: folder, stdio: ['pipe', stdout, 'pipe'] } satisfies SpawnOptions;
    const child = spawn(process.execPath, [file, ...args], options);
    const run = new RelayRun(child);
    onTestFinished(async () => {
      await run.kill();
    });
    return run;
  }
}

export type LogLine = Readonly<Record<string, unknown>>;

/** One run of the program. */
export class RelayRun {
  readonly child: ChildProcess;
  readonly lines: string[] = [];
  stderr = '';
  readonly exited: Promise<number | null>;
  readonly #waiting = new Set<() => void>();

  constructor(child: ChildProcess) {
    this.child = child;
    this.exited = once(child, 'close').then(([code]) => code as number | null);
    child.stderr?.on('data', (data: Buffer) => {
      this.stderr += data.toString();
    });
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.lines.push(line);
      for (const look of [...this.#waiting]) look();
    });
  }

  /** The first line of its output, past or to come, that fits. */
  async line(pattern: RegExp): Promise<string> {
    return within(`a line with ${String(pattern)}`, (resolve) => {
      const look = (): void => {
        const found = this.lines.find((line) => pattern.test(line));
        if (found === undefined) return;
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** The first JSON line with that message. */
  async logged(message: string): Promise<LogLine> {
    return JSON.parse(await this.line(new RegExp(`"msg":"${message}"`))) as LogLine;
  }

  /** The URL it says to give to nodes. */
  async url(): Promise<string> {
    return String((await this.logged('relay listening'))['url']);
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    this.child.kill(signal);
    return this.exited;
  }
}
