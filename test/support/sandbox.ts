import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { PilotClient } from '../../src/client/client.ts';
import { HomePaths } from '../../src/home/home-paths.ts';
import { isAlive, readPidFile } from '../../src/home/pid-file.ts';
import {
  describeRun,
  eventually,
  type Finished,
  killDaemon,
  Processes,
  type RunningProcess,
} from './processes.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const BIN = path.join(ROOT, 'bin');

/**
 * What stands before a program so that it runs somewhere else on this host: `ip netns exec NAME` for another
 * network. Files and Unix sockets have to be the same there.
 */
export type Inside = readonly string[];

/**
 * A folder with the homes of a few nodes and relays, and the real programs running in them on loopback:
 *
 *     /tmp/pilot-XXXXXX/relay/          a relay's store
 *                       alice/.pilot/   a node's files
 *
 * Everything in it is ended and removed by `close`, however the test went.
 */
export class Sandbox {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'pilot-'));
  readonly processes = new Processes();
  readonly #nodes: SandboxNode[] = [];
  readonly #onExit = (): void => {
    this.#removeFolder();
  };

  constructor() {
    // After the processes have ended, whose own listener came first.
    process.on('exit', this.#onExit);
  }

  /** Runs a test in a sandbox of its own; when it fails, the daemons' last log lines are in the error. */
  static async run(test: (sandbox: Sandbox) => Promise<void>): Promise<void> {
    if (!existsSync(path.join(ROOT, 'dist/pilotd.js'))) {
      throw new Error('the programs are not built: npm run build');
    }
    const sandbox = new Sandbox();
    try {
      await test(sandbox);
    } catch (error) {
      if (error instanceof Error) error.message += sandbox.#lastLogLines();
      throw error;
    } finally {
      await sandbox.close();
    }
  }

  relay(name = 'relay', inside: Inside = []): SandboxRelay {
    return new SandboxRelay(this, path.join(this.folder, name), inside);
  }

  /** Its daemon runs inside; its commands do not. */
  node(name: string, inside: Inside = []): SandboxNode {
    const node = new SandboxNode(this, name, inside);
    this.#nodes.push(node);
    return node;
  }

  /** The environment of a user of this host whose settings are nobody else's. */
  environment(home: string): NodeJS.ProcessEnv {
    const others = Object.entries(process.env).filter(([name]) => !name.startsWith('PILOT_'));
    const search = [BIN, path.dirname(process.execPath), process.env['PATH'] ?? ''];
    return {
      ...Object.fromEntries(others),
      PATH: search.join(path.delimiter),
      HOME: home,
      PILOT_HOME: home,
      // A test sends to loopback alone; to a network only where it made one.
      PILOT_NAT_TRAVERSAL: 'off',
    };
  }

  async close(): Promise<void> {
    for (const node of this.#nodes) await node.kill();
    await this.processes.close();
    process.off('exit', this.#onExit);
    this.#removeFolder();
  }

  #removeFolder(): void {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  #lastLogLines(): string {
    const logs = this.#nodes.map(({ name, paths }) => {
      const text = existsSync(paths.logFile) ? readFileSync(paths.logFile, 'utf8') : '';
      return `\n--- log of ${name} ---\n${text.trimEnd().split('\n').slice(-20).join('\n')}`;
    });
    return logs.join('');
  }
}

export class SandboxRelay {
  readonly store: string;
  readonly #sandbox: Sandbox;
  readonly #inside: Inside;
  #process: RunningProcess | undefined;
  #listen = '127.0.0.1:0';
  #url = '';

  constructor(sandbox: Sandbox, store: string, inside: Inside = []) {
    this.#sandbox = sandbox;
    this.store = store;
    this.#inside = inside;
  }

  /** With its Node ID behind the `#`; the same after a restart. */
  get url(): string {
    if (this.#url === '') throw new Error('the relay was never started');
    return this.#url;
  }

  /** Of the last one started. */
  get pid(): number {
    const { pid } = this.process.child;
    if (pid === undefined) throw new Error('the relay has no process');
    return pid;
  }

  /** The one started last. */
  get process(): RunningProcess {
    if (this.#process === undefined) throw new Error('the relay was never started');
    return this.#process;
  }

  async start(...options: string[]): Promise<this> {
    const stun = options.includes('--stun') ? [] : ['--stun', 'off'];
    const place = ['--listen', this.#listen, ...stun, '--store', this.store];
    const [command = '', ...args] = [...this.#inside, 'pilot-relay', ...place, ...options];
    const env = this.#sandbox.environment(this.#sandbox.folder);
    this.#process = this.#sandbox.processes.start(command, args, { env });
    const [url] = await this.#process.line(/wss?:\/\/[^\s"]+/);
    this.#url = url;
    this.#listen = new URL(url).host;
    return this;
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  async kill(): Promise<void> {
    await this.#process?.stop('SIGKILL');
  }
}

/** One node: its home, its daemon, and the commands of its user. */
export class SandboxNode {
  readonly name: string;
  readonly home: string;
  readonly paths: HomePaths;
  /** May be changed before a command. */
  readonly env: NodeJS.ProcessEnv;
  readonly #sandbox: Sandbox;
  readonly #inside: Inside;

  constructor(sandbox: Sandbox, name: string, inside: Inside = []) {
    this.#sandbox = sandbox;
    this.#inside = inside;
    this.name = name;
    this.home = path.join(sandbox.folder, name);
    this.env = sandbox.environment(this.home);
    this.paths = HomePaths.of(this.env);
  }

  /** Starts the daemon in the background, as `pilotctl daemon start` with these options does. */
  async start(...options: string[]): Promise<this> {
    const [command = '', ...args] = [...this.#inside, 'pilotctl', 'daemon', 'start', ...options];
    const finished = await this.#sandbox.processes.run(command, args, { env: this.env });
    if (finished.code !== 0) throw new Error(describeRun(command, args, finished));
    this.adoptDaemon();
    return this;
  }

  /** Makes a daemon that was started in this home some other way end with the sandbox. */
  adoptDaemon(): void {
    const record = readPidFile(this.paths.pidFile);
    if (record === undefined) throw new Error(`${this.name} has no pid file`);
    this.#sandbox.processes.adopt(record);
  }

  async stop(): Promise<void> {
    await this.pilotctl('daemon', 'stop');
  }

  /** SIGKILL to the daemon; returns when it is gone. */
  async kill(): Promise<void> {
    const record = readPidFile(this.paths.pidFile);
    if (record === undefined) return;
    killDaemon(record);
    await eventually(`${this.name}'s daemon is gone`, () => !isAlive(record) || undefined);
  }

  /** What the command prints, without the last line feed. Throws when its exit code is not 0. */
  async pilotctl(...args: string[]): Promise<string> {
    const finished = await this.tryPilotctl(args);
    if (finished.code !== 0) throw new Error(describeRun('pilotctl', args, finished));
    return finished.stdout.replace(/\n$/, '');
  }

  /** `data` of the command's --json output. */
  async json<T = Record<string, unknown>>(...args: string[]): Promise<T> {
    const { data } = JSON.parse(await this.pilotctl('--json', ...args)) as { data: T };
    return data;
  }

  async tryPilotctl(args: readonly string[], input?: string | Uint8Array): Promise<Finished> {
    const options = { env: this.env, ...(input !== undefined && { input }) };
    return this.#sandbox.processes.run('pilotctl', args, options);
  }

  /** A command that runs on: `serve`, `inbox --follow`. */
  background(...args: string[]): RunningProcess {
    return this.#sandbox.processes.start('pilotctl', args, { env: this.env });
  }

  client(): PilotClient {
    return new PilotClient({ socketPath: this.paths.socket });
  }

  async nodeId(): Promise<string> {
    return this.pilotctl('identity', 'show');
  }
}

/** Lets two nodes with running daemons trust each other: both ask. */
export async function befriend(a: SandboxNode, b: SandboxNode): Promise<void> {
  const [idOfA, idOfB] = await Promise.all([a.nodeId(), b.nodeId()]);
  await Promise.all([a.pilotctl('handshake', idOfB), b.pilotctl('handshake', idOfA)]);
  for (const [node, other] of [
    [a, idOfB],
    [b, idOfA],
  ] as const) {
    await eventually(`${node.name} trusts its peer`, async () => {
      const { trusted } = await node.json<{ trusted: { id: string; mutual: boolean }[] }>('trust');
      return trusted.find(({ id, mutual }) => id === other && mutual);
    });
  }
}
