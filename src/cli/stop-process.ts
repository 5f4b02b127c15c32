import { setTimeout as pause } from 'node:timers/promises';

import { PilotError } from '../base/pilot-error.ts';
import { isAlive, type PidRecord } from '../home/pid-file.ts';

export interface StopLimits {
  /** From SIGTERM to SIGKILL. */
  readonly graceMs: number;
  /** From SIGKILL to giving up: the system itself is stuck then. */
  readonly killMs: number;
}

const POLL_MS = 20;

/** Ends a process, by force when it does not want to. `timeout` when even that does not help. */
export async function stopProcess(
  record: PidRecord,
  { graceMs, killMs }: StopLimits,
  signal: AbortSignal,
): Promise<'ended' | 'forced'> {
  const { pid } = record;
  send(pid, 'SIGTERM');
  if (await hasEnded(record, graceMs, signal)) return 'ended';
  send(pid, 'SIGKILL');
  if (await hasEnded(record, killMs, signal)) return 'forced';
  throw new PilotError('timeout', `process ${pid} does not end`, { hint: `see: ps ${pid}` });
}

async function hasEnded(record: PidRecord, limitMs: number, signal: AbortSignal): Promise<boolean> {
  const deadlineMs = performance.now() + limitMs;
  while (performance.now() < deadlineMs) {
    if (!isAlive(record)) return true;
    await pause(POLL_MS, undefined, { signal });
  }
  return !isAlive(record);
}

function send(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (cause) {
    // Gone meanwhile: that is what was asked for.
    if ((cause as NodeJS.ErrnoException).code === 'ESRCH') return;
    throw new PilotError('permission_denied', `may not stop process ${pid}`, {
      hint: 'it belongs to another user',
      cause,
    });
  }
}
