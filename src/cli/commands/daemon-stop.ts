import { PilotError } from '../../base/pilot-error.ts';
import { isAlive, readPidFile } from '../../home/pid-file.ts';
import { defineCommand } from '../command.ts';
import { stopProcess } from '../stop-process.ts';

/** Pilotctl interface 1.6. */
const LIMITS = { graceMs: 10_000, killMs: 5000 };

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
    const how = await wait(`stopping process ${pid}`, stopProcess(record, LIMITS, signal));
    return how === 'ended'
      ? { data: { pid }, text: `stopped (process ${pid})` }
      : { data: { pid, forced: true }, text: `killed (process ${pid}): it did not stop in 10 s` };
  },
});
