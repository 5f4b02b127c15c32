import { readFileSync } from 'node:fs';

/** proc(5): clock ticks of `times`, 100 a second on every Linux that Node runs on. */
const TICK_MS = 10;

/** What a process holds in memory; undefined when it is gone. */
export function residentMb(pid: number): number | undefined {
  // A process that has ended and was not waited for yet has none.
  const kib = /VmRSS:\s+(\d+) kB/.exec(procFile(pid, 'status') ?? '')?.[1];
  return kib === undefined ? undefined : Number(kib) / 1024;
}

/** Processor time of all its threads since it began; undefined when it is gone. */
export function processorMs(pid: number): number | undefined {
  const stat = procFile(pid, 'stat');
  if (stat === undefined) return undefined;
  // Fields are counted behind the name, which may have blanks and brackets in it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function procFile(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return undefined;
  }
}
