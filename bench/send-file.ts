/**
 * `pilotctl send-file` beside the stream that it uses, between two daemons, in turn:
 *
 *     stream     client.dial, 256 KiB writes, to a program that discards them: until it has seen the end
 *     file       pilotctl send-file of as many bytes: read for the SHA-256, sent, hashed, written, on the disk
 *
 * and how much memory both daemons and the command hold while a file is on its way: it must not grow with the file.
 * The path is direct, between two hosts of the NAT laboratory (root); or a relay of this host whose limits are off.
 *
 * npm run bench -- send-file [MB, 300] [rounds, 3] [direct | relay, direct]
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import path from 'node:path';

import { PilotClient } from '../src/client/client.ts';
import { readPidFile } from '../src/home/pid-file.ts';
import { describeRun, type RunningProcess } from '../test/support/processes.ts';
import { Sandbox, type SandboxNode } from '../test/support/sandbox.ts';
import { startTwoNodes } from '../test/support/two-nodes.ts';
import { withDirectNodes } from './support/direct-nodes.ts';
import { processorMs, residentMb } from './support/process-costs.ts';
import { formatComparison, quantile, verdict } from './support/ratio.ts';
import { runRole, startRole } from './support/roles.ts';

const SINK_PORT = 2000;
const PIECE = randomBytes(256 * 1024);
const SAMPLE_MS = 20;
const FAST_RELAY = ['--max-bytes-per-second', '10000000000', '--max-frames-per-second', '1000000'];
/** Beyond what a command and a daemon hold anyway: windows, buffers, garbage that is not collected yet. */
const MAX_GROWTH_MB = 100;

const roles = {
  /** Reads every stream to its end, and says so with one byte. */
  sink: async (socketPath = '') => {
    const client = new PilotClient({ socketPath });
    const listener = await client.listen(SINK_PORT);
    void (async () => {
      for await (const stream of listener) {
        stream.resume().once('end', () => stream.end(Uint8Array.of(1)));
      }
    })();
    return process.pid;
  },

  /** When told how many, sends so many bytes and says how long that took. */
  source: async (socketPath = '', target = '') => {
    const client = new PilotClient({ socketPath });
    process.on('message', ({ bytes }: { bytes: number }) => {
      void streamMs(client, target, bytes).then((ms) => process.send?.(ms));
    });
    return Promise.resolve(process.pid);
  },
};

async function streamMs(client: PilotClient, target: string, bytes: number): Promise<number> {
  const startedMs = performance.now();
  const stream = await client.dial(target, SINK_PORT);
  const answered = once(stream, 'data');
  for (let at = 0; at < bytes; at += PIECE.length) {
    const piece = PIECE.subarray(0, Math.min(PIECE.length, bytes - at));
    if (!stream.write(piece)) await once(stream, 'drain');
  }
  stream.end();
  await answered;
  stream.destroy();
  return performance.now() - startedMs;
}

/** What a process held and used while something was measured. */
class ProcessWatch {
  readonly name: string;
  readonly #pid: number;
  readonly #beganMs: number;
  #usedMs: number;
  firstMb = 0;
  mostMb = 0;

  constructor(name: string, pid: number) {
    this.name = name;
    this.#pid = pid;
    this.#beganMs = processorMs(pid) ?? 0;
    this.#usedMs = this.#beganMs;
    this.sample();
  }

  get usedMs(): number {
    return this.#usedMs - this.#beganMs;
  }

  sample(): void {
    const mb = residentMb(this.#pid);
    this.#usedMs = processorMs(this.#pid) ?? this.#usedMs;
    // Over already.
    if (mb === undefined) return;
    if (this.firstMb === 0) this.firstMb = mb;
    this.mostMb = Math.max(this.mostMb, mb);
  }
}

interface Nodes {
  readonly sandbox: Sandbox;
  readonly alice: SandboxNode;
  readonly bob: SandboxNode;
}

interface Measured {
  readonly mbPerSecond: number;
  readonly processes: readonly ProcessWatch[];
}

/** `work` gives milliseconds. */
async function measure(
  bytes: number,
  pids: Readonly<Record<string, number>>,
  work: () => Promise<number>,
): Promise<Measured> {
  const processes = Object.entries(pids).map(([name, pid]) => new ProcessWatch(name, pid));
  const timer = setInterval(() => {
    for (const one of processes) one.sample();
  }, SAMPLE_MS);
  const ms = await work();
  clearInterval(timer);
  for (const one of processes) one.sample();
  return { mbPerSecond: bytes / 1000 / ms, processes };
}

/** As the command itself measures it. */
async function sendMs(running: RunningProcess): Promise<number> {
  const finished = await running.finished;
  if (finished.code !== 0) throw new Error(describeRun('pilotctl', ['send-file'], finished));
  return (JSON.parse(finished.stdout) as { data: { elapsed_ms: number } }).data.elapsed_ms;
}

async function compare({ sandbox, alice, bob }: Nodes, bytes: number, rounds: number) {
  const target = await bob.nodeId();
  const file = path.join(sandbox.folder, 'file.bin');
  writeFile(file, bytes);
  const sink = await startRole('sink', bob.paths.socket);
  const source = await startRole('source', alice.paths.socket, target);
  const daemons = { sender: daemonPid(alice), receiver: daemonPid(bob) };
  const streams: Measured[] = [];
  const files: Measured[] = [];
  for (let round = -1; round < rounds; round++) {
    const programs = { ...daemons, source: Number(source.ready), sink: Number(sink.ready) };
    const stream = await measure(bytes, programs, async () => {
      const took = source.next();
      source.tell({ bytes });
      return Number(await took);
    });
    const args = ['--json', 'send-file', target, file];
    const running = sandbox.processes.start('pilotctl', args, { env: alice.env });
    const command = { ...daemons, command: running.child.pid ?? 0 };
    const sent = await measure(bytes, command, async () => sendMs(running));
    await bob.json('received', '--clear');
    if (round < 0) continue; // warm-up
    streams.push(stream);
    files.push(sent);
  }
  await Promise.all([source.stop(), sink.stop()]);
  report(bytes, files, streams);
}

function report(bytes: number, files: readonly Measured[], streams: readonly Measured[]): void {
  const say = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  const [ours, peer] = [files, streams].map((all) => all.map(({ mbPerSecond }) => mbPerSecond));
  if (ours === undefined || peer === undefined) return;
  const ratio = quantile(
    ours.map((rate, round) => rate / (peer[round] ?? Number.NaN)),
    0.5,
  );
  const name = 'send-file against the stream';
  const comparison = formatComparison({ name, unit: 'MB/s', ours, peer });
  say(`${comparison}; ${verdict(ratio, { atLeast: 0.8 })}`);
  for (const [what, all] of [['stream', streams] as const, ['file', files] as const]) {
    const each = all.at(-1)?.processes.map((one) => costs(one, bytes));
    say(`${what}, last round: ${each?.join('; ') ?? ''}`);
  }
  const growth = files.flatMap(({ processes }) => processes.map((one) => one.mostMb - one.firstMb));
  say(`memory that a file adds: ${verdict(Math.max(...growth), { atMost: MAX_GROWTH_MB })} MB`);
  say(`load average ${readFileSync('/proc/loadavg', 'utf8').trim()}`);
}

function costs({ name, usedMs, firstMb, mostMb }: ProcessWatch, bytes: number): string {
  const msPerMb = (usedMs * 1e6) / bytes;
  return `${name} ${msPerMb.toFixed(2)} ms/MB, ${firstMb.toFixed(0)} to ${mostMb.toFixed(0)} MB`;
}

function daemonPid(node: SandboxNode): number {
  const record = readPidFile(node.paths.pidFile);
  if (record === undefined) throw new Error(`${node.name} has no daemon`);
  return record.pid;
}

function writeFile(file: string, bytes: number): void {
  const descriptor = openSync(file, 'w');
  for (let at = 0; at < bytes; at += PIECE.length) {
    // No two pieces alike, so that nothing on the way can be clever.
    PIECE.writeUIntBE(at, 0, 6);
    writeSync(descriptor, PIECE, 0, Math.min(PIECE.length, bytes - at));
  }
  closeSync(descriptor);
}

async function main(): Promise<void> {
  const [megabytes = '300', rounds = '3', way = 'direct'] = process.argv.slice(2);
  const run = async (nodes: Nodes): Promise<void> =>
    compare(nodes, Number(megabytes) * 1e6, Number(rounds));
  if (way === 'direct') await withDirectNodes(run);
  else
    await Sandbox.run(async (sandbox) =>
      run({ sandbox, ...(await startTwoNodes(sandbox, FAST_RELAY)) }),
    );
}

if (!(await runRole(roles))) {
  await main();
  process.exit(0);
}
