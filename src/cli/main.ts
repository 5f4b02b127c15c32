/** pilotctl. The only file of the command line that knows the process, and the only one that ends it. */
import { describeError, PilotError } from '../base/pilot-error.ts';
import { takeJson } from './grammar.ts';
import { Interrupted } from './io.ts';
import { failureOf, failureText } from './output.ts';
import { run } from './run.ts';

/** For output to leave after a Ctrl-C. */
const PATIENCE_MS = 1000;
const stop = new AbortController();
const streams = [process.stdout, process.stderr];
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  // Once: a second Ctrl-C ends what does not react to the first.
  process.once(name, () => {
    const why = new Interrupted(name);
    stop.abort(why);
    // Who does not read what is written holds up no end.
    setInterval(() => {
      if (streams.some((stream) => stream.writableLength > 0)) process.exit(why.exitCode);
    }, PATIENCE_MS).unref();
  });
}
for (const stream of streams) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // `pilotctl … | head` has seen enough.
    if (error.code === 'EPIPE') process.exit(0);
    if (stream === process.stdout) tellUnwritable(error);
    process.exit(1);
  });
}

const { stdin, stdout, stderr, env } = process;
const exitCode = await run(process.argv.slice(2), {
  stdin,
  stdout,
  stderr,
  env,
  signal: stop.signal,
});
await Promise.all(
  streams.map(async (stream) => new Promise((flushed) => stream.write('', flushed))),
);
process.exit(exitCode);

/** A disk that is full, for example. */
function tellUnwritable(cause: Error): void {
  const message = `cannot write to standard output: ${describeError(cause)}`;
  const failure = failureOf(new PilotError('unavailable', message, { cause }));
  process.stderr.write(failureText(failure, takeJson(process.argv.slice(2)).json));
}
