import { randomBytes } from 'node:crypto';

import { PilotError } from '../base/pilot-error.ts';
import { pooledRandom } from '../base/random.ts';
import { systemClock } from '../base/system-clock.ts';
import { type CommandLine, parseCommandLine } from './command-line.ts';
import { Daemon } from './daemon.ts';
import { rotateLog } from './log/log-rotation.ts';
import { standardOutput } from './log/logging.ts';
import { openNode } from './open-node.ts';
import { startFailureText } from './start-failure.ts';

/** `pilotctl daemon stop` kills after 10 s; before that we say that we hang, and go. */
const STOP_LIMIT_MS = 8000;

/**
 * pilotd as a process: the only place of the daemon that knows it, and the only one that ends it.
 *
 * Exit 0: stopped by a signal. 1: could not start, or broke; a supervisor starts it again. 2: the
 * command line is wrong.
 */
export class Pilotd {
  #daemon: Daemon | undefined;
  #isStopping = false;
  /** Of what goes to standard error. */
  #format = process.stderr.isTTY ? 'text' : 'json';

  /** Resolves when the daemon answers. */
  async run(): Promise<void> {
    // What this process makes is for its user alone.
    process.umask(0o077);
    this.#listen();
    try {
      const commandLine = parseCommandLine(process.argv.slice(2), {
        out: (text) => process.stdout.write(text),
        err: (text) => process.stderr.write(text),
      });
      if ('exitCode' in commandLine) process.exit(commandLine.exitCode);
      this.#format = commandLine.logFormat ?? this.#format;
      this.#daemon = newDaemon(commandLine);
      await this.#daemon.start();
    } catch (error) {
      if (!(error instanceof PilotError)) this.#daemon?.log?.fatal({ err: error }, 'cannot start');
      this.#fail(error);
    }
  }

  #listen(): void {
    process.on('uncaughtException', (error) => {
      this.#crash('uncaught exception', error);
    });
    process.on('unhandledRejection', (reason) => {
      this.#crash('unhandled rejection', reason);
    });
    process.on('SIGTERM', (signal) => void this.#stop(signal));
    process.on('SIGINT', (signal) => void this.#stop(signal));
    process.on('SIGHUP', (signal) => {
      // A closed terminal ends what runs in it; a daemon in the background does not care.
      if (process.stdout.isTTY) void this.#stop(signal);
    });
    for (const stream of [process.stdout, process.stderr]) {
      // A reader that went away costs lines, not the daemon.
      stream.on('error', () => undefined);
    }
  }

  async #stop(signal: NodeJS.Signals): Promise<void> {
    // Whoever asks twice does not want to wait.
    if (this.#isStopping) process.exit(1);
    this.#isStopping = true;
    this.#daemon?.log?.info({ signal }, 'stopping');
    setTimeout(() => {
      this.#daemon?.log?.error({}, 'stopping takes too long');
      process.exit(1);
    }, STOP_LIMIT_MS).unref();
    await this.#daemon?.stop();
    process.exit(0);
  }

  /** State may be wrong from here on; the disk is not: the store is made for being killed. */
  #crash(what: string, err: unknown): never {
    const log = this.#daemon?.log;
    if (log === undefined) this.#fail(err);
    log.fatal({ err }, what);
    process.exit(1);
  }

  #fail(error: unknown): never {
    process.stderr.write(startFailureText(error, this.#format));
    process.exit(1);
  }
}

function newDaemon({ flags, configFile, socket }: CommandLine): Daemon {
  return new Daemon({
    ...{ flags, configFile, openNode },
    env: socket === undefined ? process.env : { ...process.env, PILOT_SOCKET: socket },
    clock: systemClock,
    random: pooledRandom(randomBytes),
    sink: standardOutput(),
    rotateLog: (file) => rotateLog(process.stdout.fd, file),
  });
}
