/** pilotctl. The only file of the command line that knows the process, and the only one that ends it. */
import { Interrupted } from './io.ts';
import { run } from './run.ts';

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  // Once: a second Ctrl-C ends what does not react to the first.
  process.once(name, () => {
    stop.abort(new Interrupted(name));
  });
}
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // `pilotctl … | head` has seen enough.
    if (error.code === 'EPIPE') process.exit(0);
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
  [stdout, stderr].map(async (stream) => new Promise((flushed) => stream.write('', flushed))),
);
process.exit(exitCode);
