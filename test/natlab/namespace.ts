import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';

import { describeRun, type Processes, type RunningProcess } from '../support/processes.ts';

/** Where `ip netns` keeps its names, and the files that stand in for those of /etc inside. */
const NAMES = '/run/netns';
const ETC = '/etc/netns';

/** `natlab-PID-START-LAB-label`: the process that made it, so that whoever comes later knows what is abandoned. */
const NAME = /^natlab-(\d+)-(\d+)-\d+-/;

/** A name that no other lab uses, on this host and as long as this process lives. */
export function namespaceName(lab: number, label: string): string {
  return `natlab-${process.pid}-${startTimeOf(process.pid) ?? 0}-${lab}-${label}`;
}

/** The namespaces of labs whose process is gone. */
export function abandonedNamespaces(): string[] {
  return [...new Set([NAMES, ETC].flatMap(entriesOf))].filter((name) => {
    const [, pid, start] = NAME.exec(name) ?? [];
    return pid !== undefined && String(startTimeOf(Number(pid))) !== start;
  });
}

/** Whoever has that network stack, whether we know of it or not; all found in one look at /proc. */
export function processesIn(namespaces: readonly string[]): number[] {
  const stacks = new Set(namespaces.map((name) => fileId(path.join(NAMES, name))));
  return entriesOf('/proc').flatMap((entry) => {
    const stack = /^\d+$/.test(entry) ? fileId(`/proc/${entry}/ns/net`) : undefined;
    return stack !== undefined && stacks.has(stack) ? [Number(entry)] : [];
  });
}

export function etcOf(namespace: string): string {
  return path.join(ETC, namespace);
}

/** Files only: `ip netns del` takes the name away. */
export function removeEtc(namespace: string): void {
  rmSync(etcOf(namespace), { recursive: true, force: true });
}

/** One network stack of a lab. Commands inside see its interfaces only; files and Unix sockets are the host's. */
export class Namespace {
  readonly name: string;
  /** What to put before a command so that it runs inside. */
  readonly inside: readonly string[];
  readonly #processes: Processes;

  constructor(name: string, processes: Processes) {
    this.name = name;
    this.inside = ['ip', 'netns', 'exec', name];
    this.#processes = processes;
  }

  /** Several `ip` commands at once, without the word `ip`. */
  async ip(...lines: readonly string[]): Promise<void> {
    await runCommand(this.#processes, ['ip', '-n', this.name, '-batch', '-'], lines.join('\n'));
  }

  async nft(rules: string): Promise<void> {
    await this.exec(['nft', '-f', '-'], rules);
  }

  /** `{ 'ipv4/ip_forward': 1 }`: the files below /proc/sys/net. What this kernel does not have is not needed either. */
  async sysctl(settings: Readonly<Record<string, number>>): Promise<void> {
    const lines = Object.entries(settings).map(([name, value]) => {
      const file = `/proc/sys/net/${name}`;
      return `if [ -e ${file} ]; then echo ${value} >${file}; fi`;
    });
    await this.exec(['sh', '-e'], lines.join('\n'));
  }

  /** Runs a command inside to its end and gives what it printed. Throws when its exit code is not 0. */
  async exec(argv: readonly string[], input = ''): Promise<string> {
    return runCommand(this.#processes, [...this.inside, ...argv], input);
  }

  /** A command that runs on inside, with its stdin open; it ends with the lab. */
  spawn(argv: readonly string[]): RunningProcess {
    const [command = '', ...args] = [...this.inside, ...argv];
    return this.#processes.start(command, args, { env: process.env, keepInputOpen: true });
  }
}

/** What the command printed. Throws when its exit code is not 0. */
export async function runCommand(
  processes: Processes,
  argv: readonly string[],
  input = '',
): Promise<string> {
  const [command = '', ...args] = argv;
  const finished = await processes.run(command, args, { env: process.env, input });
  if (finished.code !== 0) throw new Error(`${describeRun(command, args, finished)}${input}`);
  return finished.stdout;
}

/** Undefined when it is not there, or none of our business. */
function fileId(file: string): string | undefined {
  try {
    const { dev, ino } = statSync(file);
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** proc(5), field 22; undefined when there is no such process. */
function startTimeOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[22 - 3]);
  } catch {
    return undefined;
  }
}
