import { randomBytes } from 'node:crypto';

import { CommanderError } from 'commander';
import { destination } from 'pino';

import { describeError, PilotError } from '../base/pilot-error.ts';
import { systemClock } from '../base/system-clock.ts';
import { createRelayLogger } from './relay-logger.ts';
import { parseRelayOptions, type RelayOptions } from './relay-options.ts';
import { RelayProcess } from './relay-process.ts';

/** Characters that a reader of our output may be behind; more are dropped rather than held. */
const MAX_LOG_BACKLOG = 1024 * 1024;
const EXIT = { failed: 1, usage: 2 };

function readOptions(): RelayOptions {
  try {
    return parseRelayOptions(process.argv.slice(2));
  } catch (error) {
    // Commander has printed its own message, or the help that was asked for.
    if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : EXIT.usage);
    return fail(error, EXIT.usage);
  }
}

function fail(error: unknown, exitCode: number): never {
  const hint = error instanceof PilotError ? error.hint : undefined;
  const lines = [`pilot-relay: ${describeError(error)}`, ...(hint === undefined ? [] : [hint])];
  process.stderr.write(`${lines.join('\n')}\n`);
  process.exit(exitCode);
}

async function main(): Promise<void> {
  const options = readOptions();
  const stdout = destination({ dest: 1, sync: false, maxLength: MAX_LOG_BACKLOG });
  const log = createRelayLogger({
    level: options.logLevel,
    format: options.logFormat,
    write: (line) => stdout.write(line),
  });
  try {
    const relay = new RelayProcess(options, { clock: systemClock, random: randomBytes, log });
    await relay.start();
    process.on('SIGHUP', () => {
      relay.reload();
    });
    const stop = (): void => {
      void relay.stop().then(
        () => {
          stdout.flushSync();
          process.exit(0);
        },
        (error: unknown) => fail(error, EXIT.failed),
      );
    };
    process.once('SIGTERM', stop);
    process.once('SIGINT', stop);
  } catch (error) {
    fail(error, EXIT.failed);
  }
}

await main();
