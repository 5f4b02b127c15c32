import { setTimeout as pause } from 'node:timers/promises';

import { formatDuration } from '../../base/duration.ts';
import { PilotError } from '../../base/pilot-error.ts';
import { type Info, PilotClient } from '../../client/client.ts';
import type { HomePaths } from '../../home/home-paths.ts';
import { livingPid } from '../../home/pid-file.ts';
import { type CallWith, defineCommand, type Outcome } from '../command.ts';
import {
  daemonArguments,
  daemonEnvironment,
  daemonOptions,
  noticesFor,
  refuseUnsupported,
} from '../daemon-options.ts';
import { earlyEnd, runDaemon, startDaemon, type StartedDaemon } from '../daemon-process.ts';
import { duration, toggle } from '../option.ts';
import { fields } from '../output.ts';
import { relaysText } from './info.ts';

const START_LIMIT_MS = 15_000;
const POLL_MS = 50;
/** A relay that is near is online by then; one that is not is no failure. */
const RELAY_PATIENCE_MS = 2000;
/** How long an answer may come from another process than ours before it is taken for ours. */
const PID_PATIENCE_MS = 1000;

const options = {
  ...daemonOptions,
  foreground: toggle('stay in the foreground; the log goes to this terminal'),
  wait: duration('how long to wait until it answers (default 15s)'),
};
type StartCall = CallWith<typeof options>;

export const daemonStart = defineCommand({
  args: {},
  options,
  returns: 'pid, node_id, id, address, hostname, socket, log_file, relays[], notices[]',
  details: 'Options count for this run; pilotctl init and config keep them for later ones.',
  async run(call): Promise<Outcome> {
    const { io, notice, paths, signal } = call;
    refuseUnsupported(call.options);
    const notices = noticesFor(call.options);
    const args = await daemonArguments(call.options);
    const socketPath = call.options.socket ?? paths.socket;
    const client = new PilotClient({ socketPath });
    try {
      await refuseSecond(client, paths, signal);
      for (const line of notices) notice(line);
      paths.ensureRoot();
      if (call.options.foreground)
        return { exitCode: await runDaemon(args, daemonEnvironment(io.env, call.options), signal) };
      const info = await start(call, client, args);
      return { data: dataOf(info, notices), text: textOf(info) };
    } finally {
      client.close();
    }
  },
});

async function start(call: StartCall, client: PilotClient, args: readonly string[]): Promise<Info> {
  const { io, paths, signal, wait } = call;
  const daemon = startDaemon(args, daemonEnvironment(io.env, call.options), paths.logFile);
  const settled = new AbortController();
  try {
    const limitMs = call.options.wait ?? START_LIMIT_MS;
    const end = earlyEnd(daemon, settled.signal);
    const answer = await wait(
      'starting the daemon',
      answered(client, { daemon, end, limitMs, signal }),
    );
    return await wait('connecting to a relay', firstRelay(client, answer, signal));
  } catch (error) {
    // Interrupted: what was begun here ends here.
    if (signal.aborted) daemon.child.kill('SIGTERM');
    throw error;
  } finally {
    settled.abort();
  }
}

interface Waiting {
  readonly daemon: StartedDaemon;
  readonly end: Promise<PilotError | undefined>;
  readonly limitMs: number;
  readonly signal: AbortSignal;
}

/** The first answer of the daemon that was started, and not of one that was there before it. */
async function answered(
  client: PilotClient,
  { daemon, end, limitMs, signal }: Waiting,
): Promise<Info> {
  const deadlineMs = performance.now() + limitMs;
  let strangerSinceMs: number | undefined;
  while (performance.now() < deadlineMs) {
    const info = await client.info({ signal }).catch(notYet);
    const nextPoll = pause(POLL_MS, undefined, { signal }).catch(() => undefined);
    const failure = await Promise.race([end, info === undefined ? nextPoll : undefined]);
    signal.throwIfAborted();
    if (failure !== undefined) throw failure;
    if (info === undefined) continue;
    strangerSinceMs ??= performance.now();
    const isOurs = info.pid === daemon.child.pid;
    if (isOurs || performance.now() - strangerSinceMs > PID_PATIENCE_MS) return info;
    await nextPoll;
  }
  throw new PilotError('timeout', `the daemon has not answered within ${formatDuration(limitMs)}`, {
    hint: `see its log: ${daemon.logFile}; end it with: pilotctl daemon stop`,
  });
}

function notYet(error: unknown): undefined {
  if (error instanceof PilotError && error.code !== 'invalid_argument') return undefined;
  throw error;
}

/** Until one relay is online, or each has been tried, or patience ends. */
async function firstRelay(client: PilotClient, first: Info, signal: AbortSignal): Promise<Info> {
  const deadlineMs = performance.now() + RELAY_PATIENCE_MS;
  let info = first;
  while (!isSettled(info) && performance.now() < deadlineMs) {
    await pause(POLL_MS, undefined, { signal });
    info = await client.info({ signal });
  }
  return info;
}

function isSettled({ relays }: Info): boolean {
  const isOneOnline = relays.some(({ state }) => state === 'online');
  return isOneOnline || relays.every(({ state }) => state === 'waiting');
}

async function refuseSecond(
  client: PilotClient,
  paths: HomePaths,
  signal: AbortSignal,
): Promise<void> {
  const hint = 'see it with: pilotctl daemon status; end it with: pilotctl daemon stop';
  try {
    const { pid } = await client.info({ signal });
    throw new PilotError('already_exists', `a daemon runs already (process ${pid})`, { hint });
  } catch (error) {
    if (!(error instanceof PilotError)) throw error;
    if (error.code === 'already_exists' || error.code === 'invalid_argument') throw error;
    const pid = livingPid(paths.pidFile);
    if (pid === undefined) return;
    const message = `a daemon runs already (process ${pid}), though it does not answer`;
    throw new PilotError('already_exists', message, { hint, cause: error });
  }
}

function dataOf(info: Info, notices: readonly string[]): object {
  const { pid, node_id, id, address, hostname, socket, log_file, relays } = info;
  return { pid, node_id, id, address, hostname, socket, log_file, relays, notices };
}

function textOf(info: Info): string {
  const about = fields([
    ['daemon', `started, process ${info.pid}`],
    ['Node ID', info.id],
    ['address', info.address],
    ['hostname', info.hostname],
    ['log', info.log_file],
  ]);
  return `${about}\n${relaysText(info.relays)}`;
}
