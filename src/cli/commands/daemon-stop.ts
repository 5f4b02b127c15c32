import { setTimeout as pause } from 'node:timers/promises';

import { PilotError } from '../../base/pilot-error.ts';
import { isAlive, type PidRecord, readPidFile } from '../../home/pid-file.ts';
import { defineCommand } from '../command.ts';

/** From SIGTERM to SIGKILL (pilotctl interface 1.6). */
const GRACE_MS = 10_000;
const KILL_LIMIT_MS = 5000;
const POLL_MS = 20;

export const daemonStop = defineCommand({
  args: {},
  options: {},
  returns: 'pid [, forced]',
  details: 'SIGTERM, and SIGKILL after 10 s.',
  async run({ paths, signal, wait }) {
    const record = readPidFile(paths.pidFile);
    if (record === undefined || !isAlive(record)) {
      throw new PilotError('not_running', 'no daemon runs', {
        hint: 'start one: pilotctl daemon start',
      });
    }
    const { pid } = record;
    signalProcess(pid, 'SIGTERM');
    if (await wait(`stopping process ${pid}`, ended(record, GRACE_MS, signal))) {
      return { data: { pid }, text: `stopped (process ${pid})` };
    }
    signalProcess(pid, 'SIGKILL');
    if (!(await ended(record, KILL_LIMIT_MS, signal))) {
      throw new PilotError('timeout', `process ${pid} does not end`, { hint: `see: ps ${pid}` });
    }
    return {
      data: { pid, forced: true },
      text: `killed (process ${pid}): it did not stop in 10 s`,
    };
  },
});

/** False when it still lives after that long. */
async function ended(record: PidRecord, limitMs: number, signal: AbortSignal): Promise<boolean> {
  const deadlineMs = performance.now() + limitMs;
  while (performance.now() < deadlineMs) {
    if (!isAlive(record)) return true;
    await pause(POLL_MS, undefined, { signal });
  }
  return !isAlive(record);
}

function signalProcess(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    // Gone meanwhile: that is what was asked for.
    if (code === 'ESRCH') return;
    throw new PilotError('permission_denied', `may not stop process ${pid}`, {
      hint: 'it belongs to another user',
      cause,
    });
  }
}
