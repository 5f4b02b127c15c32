import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

import { build } from 'esbuild';
import { onTestFinished } from 'vitest';

import { within } from './relay-fixture.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');

/** `pilot-relay` bundled from the sources, within the checkout so that it finds its packages. */
export class RelayProgram {
  readonly #directory: string;
  readonly #file: string;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#file = path.join(directory, 'pilot-relay.js');
  }

  static async build(): Promise<RelayProgram> {
    const cache = path.join(ROOT, 'node_modules/.cache');
    mkdirSync(cache, { recursive: true });
    const program = new RelayProgram(mkdtempSync(path.join(cache, 'relay-test-')));
    await build({
      absWorkingDir: ROOT,
      entryPoints: ['src/relay/main.ts'],
      outfile: program.#file,
      bundle: true,
      platform: 'node',
      target: 'node20.19',
      format: 'esm',
      packages: 'external',
      logLevel: 'warning',
    });
    return program;
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  run(...args: string[]): RelayRun {
    const child = spawn(process.execPath, [this.#file, ...args], { cwd: this.#directory });
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
  readonly child: ChildProcessWithoutNullStreams;
  readonly lines: string[] = [];
  stderr = '';
  readonly exited: Promise<number | null>;
  readonly #waiting = new Set<() => void>();

  constructor(child: ChildProcessWithoutNullStreams) {
    this.child = child;
    this.exited = once(child, 'close').then(([code]) => code as number | null);
    child.stderr.on('data', (data: Buffer) => {
      this.stderr += data.toString();
    });
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
