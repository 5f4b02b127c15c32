import { readFileSync } from 'node:fs';

import { formatComparison, quantile, verdict } from './ratio.ts';

/** One of two things that are measured in turn. */
export interface Side {
  measure(): Promise<number>;
  /** What its processes have used of the processor so far. */
  cpuMs(): number;
}

export interface Contest {
  readonly name: string;
  readonly unit: string;
  /** Of the ratio. */
  readonly aim?: { readonly atMost: number } | { readonly atLeast: number };
  readonly rounds: number;
  readonly ours: Side;
  readonly peer: Side;
  /** In each round, where processor time for each of them is to be told. */
  readonly megabytes?: number;
}

/** In turn, so that what else the machine does is the same for both. The first round warms up. */
export async function compareSides(contest: Contest): Promise<void> {
  const { name, unit, aim, rounds, ours, peer, megabytes } = contest;
  const [theirs, own] = [new Figures(peer), new Figures(ours)];
  for (let round = -1; round < rounds; round++) {
    for (const figures of [theirs, own]) await figures.take(round < 0);
  }
  const ratio = quantile(
    own.values.map((value, round) => value / (theirs.values[round] ?? Number.NaN)),
    0.5,
  );
  const comparison = formatComparison({ name, unit, ours: own.values, peer: theirs.values });
  const cpu = (own.cpuMs / theirs.cpuMs).toFixed(2);
  const perMegabyte =
    megabytes === undefined
      ? ''
      : ` (${(own.cpuMs / megabytes).toFixed(2)} and ${(theirs.cpuMs / megabytes).toFixed(2)} ms/MB)`;
  const judged = aim === undefined ? '' : `; ${verdict(ratio, aim)}`;
  process.stdout.write(`${comparison}; processor time ${cpu} times${perMegabyte}${judged}\n`);
}

/** Of this process. */
export function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Of several processes of this host, to 10 ms each. */
export function cpuMsOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + ticksOf(pid) * MS_PER_TICK, 0);
}

/** USER_HZ is 100 on every architecture that Linux runs Node on. */
const MS_PER_TICK = 10;

/** proc(5), fields 14 and 15. */
function ticksOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[14 - 3]) + Number(fields[15 - 3]);
}

class Figures {
  readonly #side: Side;
  readonly values: number[] = [];
  readonly #cpuMs: number[] = [];

  constructor(side: Side) {
    this.#side = side;
  }

  /** The median. */
  get cpuMs(): number {
    return quantile(this.#cpuMs, 0.5);
  }

  async take(isWarmUp: boolean): Promise<void> {
    const before = this.#side.cpuMs();
    const value = await this.#side.measure();
    const cpuMs = this.#side.cpuMs() - before;
    if (isWarmUp) return;
    this.values.push(value);
    this.#cpuMs.push(cpuMs);
  }
}
