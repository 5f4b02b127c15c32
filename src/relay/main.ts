import { randomBytes } from 'node:crypto';

import { CommanderError } from 'commander';

import { describeError, PilotError } from '../base/pilot-error.ts';
import { systemClock } from '../base/system-clock.ts';
import { LogOutput } from './log-output.ts';
import { createRelayLogger } from './relay-logger.ts';
import { parseRelayOptions, type RelayOptions } from './relay-options.ts';
import { RelayProcess } from './relay-process.ts';

/** For the last lines of the log, where its reader is slow. */
const FLUSH_MS = 1000;
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
  const output = new LogOutput(process.stdout.fd, systemClock);
  const log = createRelayLogger({
    level: options.logLevel,
    format: options.logFormat,
    write: (line) => {
      output.write(line);
    },
  });
  try {
    const relay = new RelayProcess(options, { clock: systemClock, random: randomBytes, log });
    await relay.start();
    process.on('SIGHUP', () => {
      relay.reload();
    });
    const stop = (): void => {
      void relay
        .stop()
        .then(async () => output.flush(FLUSH_MS))
        .then(
          () => process.exit(0),
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
