// A relay and two hosts on this machine, each with a home of its own: they find and trust each other, one
// asks the other a question, and sends it a message while it is switched off. Every command is shown as
// you would type it. Ends in seconds; leaves no process and no file, also when it fails or on Ctrl-C.
//
//   node scripts/quickstart.mjs [--limit SECONDS]     it gives up after 20 s, or that long on a busy machine
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const options = parseArgs({ options: { limit: { type: 'string', default: '20' } } }).values;
const LIMIT_MS = Number(options.limit) * 1000;
/** The last part of the limit is kept for cleaning up. */
const CLEANUP_MS = 4000;
const RETRY_INTERVAL_MS = 100;

const root = path.resolve(import.meta.dirname, '..');
const folder = mkdtempSync(path.join(tmpdir(), 'pilot-quickstart-'));
const environment = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PILOT_'))),
  PATH: [path.join(root, 'bin'), process.env.PATH].join(path.delimiter),
  // Nothing leaves this machine, not even a question to its router.
  PILOT_NAT_TRAVERSAL: 'off',
};
/** Aborted, with the reason, when it has to end early. */
const stop = new AbortController();
const children = new Set();
const hosts = [];
let step = 'preparing';

/** A command on one of the hosts. Its output is kept; `end` stops it, unless it is over. */
class Command {
  output = '';
  exitCode = undefined;

  constructor(line, env) {
    const [program, ...args] = line;
    this.line = line;
    // In a process group of its own: Ctrl-C comes to us alone, and we end things in order.
    this.child = spawn(program, args, {
      ...{ cwd: folder, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] },
    });
    children.add(this);
    this.over = new Promise((resolve) => {
      this.child.on('error', ({ message }) => {
        this.output += message;
        resolve();
      });
      this.child.on('close', (code, signal) => {
        this.exitCode = code ?? signal;
        resolve();
      });
    }).finally(() => children.delete(this));
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.output += text;
      });
    }
  }

  /** Its output, once it has ended well. */
  async result() {
    await untilStopped(this.over);
    if (this.exitCode === 0) return this.output;
    throw new Error(`${this.line.join(' ')} ended with ${this.exitCode}\n${this.output}`);
  }

  /** The first match in its output so far or to come. */
  async says(pattern) {
    for (;;) {
      const match = pattern.exec(this.output);
      if (match !== null) return match[0];
      if (this.exitCode !== undefined) await this.result();
      await untilStopped(pause(RETRY_INTERVAL_MS));
    }
  }

  async end() {
    if (this.exitCode === undefined) this.child.kill('SIGTERM');
    const isOver = await Promise.race([this.over.then(() => true), pause(CLEANUP_MS / 2)]);
    if (isOver !== true) this.child.kill('SIGKILL');
  }
}

class Host {
  constructor(name, relay) {
    this.name = name;
    this.home = path.join(folder, name);
    mkdirSync(this.home, { mode: 0o700 });
    this.env = { ...environment, PILOT_HOME: this.home, PILOT_RELAY: relay };
    hosts.push(this);
    this.#prompt(['export', `PILOT_HOME=${this.home}`, `PILOT_RELAY=${relay}`]);
  }

  /** Runs a command to its end and shows what came back. */
  async pilotctl(...args) {
    this.#prompt(['pilotctl', ...args]);
    return this.#show(await this.#run(args).result());
  }

  /** Repeats a command that only looks, until it shows what is on its way here. */
  async until(pattern, ...args) {
    this.#prompt(['pilotctl', ...args]);
    for (;;) {
      const command = this.#run(args);
      await untilStopped(command.over);
      if (command.exitCode === 0 && pattern.test(command.output)) return this.#show(command.output);
      await untilStopped(pause(RETRY_INTERVAL_MS));
    }
  }

  /** Starts a command that runs on beside the others. */
  start(...args) {
    this.#prompt(['pilotctl', ...args], '&');
    return this.#run(args);
  }

  async answer(command) {
    say(`${this.name}'s command in the background says:`);
    return this.#show(await command.result());
  }

  /** Ends the daemon, if there is one. */
  async switchOff() {
    const pidFile = path.join(this.home, '.pilot', 'pilot.pid');
    if (!existsSync(pidFile)) return;
    const pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10);
    const stopping = new Command(['pilotctl', 'daemon', 'stop'], this.env);
    const isOver = await Promise.race([stopping.over.then(() => true), pause(CLEANUP_MS / 2)]);
    if (isOver !== true) process.kill(pid, 'SIGKILL');
  }

  #run(args) {
    return new Command(['pilotctl', ...args], this.env);
  }

  #prompt(line, suffix = '') {
    say(`${this.name}$ ${shellLine(line)} ${suffix}`.trimEnd());
  }

  #show(output) {
    for (const line of output.trimEnd().split('\n')) say(`    ${line}`);
    say('');
    return output;
  }
}

async function tour() {
  begin(
    'starting the relay',
    'A relay. It forwards sealed bytes, and keeps them for who is offline.',
  );
  const line = ['pilot-relay', '--listen', '127.0.0.1:0', '--stun', 'off', '--store', 'relay'];
  say(`relay$ ${shellLine(line)} &`);
  const relay = await new Command(line, environment).says(/wss?:\/\/[^\s"]+/);
  say(`    ${relay}\n`);

  begin('starting the daemons', 'Two hosts. Each makes its key, and is known by it from now on.');
  const alice = new Host('alice', relay);
  await alice.pilotctl('daemon', 'start');
  await alice.pilotctl('identity', 'show');
  const bob = new Host('bob', relay);
  await bob.pilotctl('daemon', 'start');
  await bob.pilotctl('identity', 'show');

  begin('setting hostnames', 'Names to find each other by. Security rests on the Node ID.');
  await alice.pilotctl('set-hostname', 'alice');
  await bob.pilotctl('set-hostname', 'bob');
  await alice.until(/bob/, 'find', 'bob');

  begin('agreeing on trust', 'Nodes are private: a stranger can ask for trust, and nothing else.');
  const asking = alice.start('handshake', 'bob', 'we work together');
  await bob.until(/we work together/, 'pending');
  await bob.pilotctl('approve', 'alice');
  await alice.answer(asking);
  await alice.until(/mutual/, 'trust');

  begin('asking a question', 'An agent on bob: each message comes on stdin, stdout is the reply.');
  const serving = bob.start('serve', '--', 'tr', 'a-z', 'A-Z');
  expect(
    /^HELLO, BOB$/m,
    await alice.pilotctl('send-message', 'bob', '--data', 'hello, bob', '--wait'),
  );
  await serving.end();

  begin(
    'sending to a host that is off',
    'bob is switched off: the relay keeps the message, sealed.',
  );
  await bob.pilotctl('daemon', 'stop');
  await alice.pilotctl('send-message', 'bob', '--data', 'read this later');
  await alice.until(/stored/, 'outbox');
  await bob.pilotctl('daemon', 'start');
  await bob.until(/read this later/, 'inbox');
}

/** Stops what runs, whatever it is; a daemon that is just being started first gets its pid file. */
async function cleanUp() {
  const starting = [...children].filter(({ line }) => line.join(' ') === 'pilotctl daemon start');
  await Promise.race([Promise.all(starting.map(({ over }) => over)), pause(CLEANUP_MS / 2)]);
  await Promise.all(hosts.map(async (host) => host.switchOff()));
  await Promise.all([...children].map(async (command) => command.end()));
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

async function untilStopped(work) {
  stop.signal.throwIfAborted();
  let onAbort;
  const stopped = new Promise((_resolve, reject) => {
    onAbort = () => reject(stop.signal.reason);
    stop.signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    stop.signal.removeEventListener('abort', onAbort);
  }
}

function stopEarly(message, exitCode) {
  stop.abort(Object.assign(new Error(message), { exitCode }));
}

function begin(name, explanation) {
  step = name;
  say(`# ${explanation}`);
}

function say(line) {
  process.stdout.write(`${line}\n`);
}

function expect(pattern, output) {
  if (!pattern.test(output)) throw new Error(`no ${pattern} in: ${output}`);
}

/** As one would type it. */
function shellLine(words) {
  return words.map((word) => (/^[\w@%+=:,./#-]+$/.test(word) ? word : `'${word}'`)).join(' ');
}

for (const [signal, exitCode] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 })) {
  process.on(signal, () => stopEarly(`interrupted by ${signal}`, exitCode));
}
process.stdout.on('error', () => stopEarly('nobody reads its output', 1));
const deadline = setTimeout(
  () => stopEarly(`it took longer than ${options.limit} s`, 1),
  LIMIT_MS - CLEANUP_MS,
);

let failure;
try {
  await tour();
} catch (error) {
  failure = error;
}
clearTimeout(deadline);
await cleanUp();
if (failure === undefined) {
  say('Done; nothing of it is left. README.md goes on with two hosts and a relay of your own.');
} else {
  process.stderr.write(`\nquickstart failed while ${step}: ${failure.message}\n`);
  process.exitCode = failure.exitCode ?? 1;
}
