import { formatDuration } from '../../base/duration.ts';
import { type Info, PilotError } from '../../client/client.ts';
import { livingPid } from '../../home/pid-file.ts';
import { defineCommand } from '../command.ts';
import { toggle } from '../option.ts';
import { fields } from '../output.ts';
import { relaysText } from './info.ts';

export const daemonStatus = defineCommand({
  args: {},
  options: { check: toggle('print nothing; exit code 0 when it answers, else 1') },
  returns:
    'running, pid, pid_file, socket, responsive [, node_id, id, address, hostname, uptime_secs, peers, connections, relays[]]',
  async run({ client, options, paths, signal }) {
    const info = await client.info({ signal }).catch((error: unknown) => {
      if (error instanceof PilotError && error.code !== 'invalid_argument') return undefined;
      throw error;
    });
    if (options.check) return { exitCode: info === undefined ? 1 : 0 };
    const pid = info?.pid ?? livingPid(paths.pidFile) ?? 0;
    const data = {
      running: pid !== 0,
      pid,
      pid_file: paths.pidFile,
      socket: client.socketPath,
      responsive: info !== undefined,
      ...(info && aboutNode(info)),
    };
    return { data, text: textOf(pid, info) };
  },
});

function aboutNode(info: Info): object {
  const { node_id, id, address, hostname, uptime_secs, peers, connections, relays } = info;
  return { node_id, id, address, hostname, uptime_secs, peers, connections, relays };
}

function textOf(pid: number, info: Info | undefined): string {
  if (pid === 0) return 'no daemon runs: pilotctl daemon start';
  if (info === undefined) return `process ${pid} runs, but does not answer`;
  const about = fields([
    ['daemon', `runs, process ${pid}, up ${formatDuration(info.uptime_secs * 1000)}`],
    ['Node ID', info.id],
    ['address', info.address],
    ['hostname', info.hostname],
    ['peers', info.peers],
  ]);
  return `${about}\n${relaysText(info.relays)}`;
}
