import { PilotError, type PingReply } from '../../client/client.ts';
import { defineCommand, target } from '../command.ts';
import { write } from '../io.ts';
import { nodeText } from '../node-text.ts';
import { choice, count, duration } from '../option.ts';

interface PingResult {
  readonly seq: number;
  /** Of payload: our probes carry none. */
  readonly bytes: 0;
  readonly rtt_ms?: number;
  readonly path?: PingReply['path'];
  readonly error?: string;
}

const DEFAULT_TIMEOUT_MS = 5000;

export const ping = defineCommand({
  args: { target },
  options: {
    count: count('how many probes, one after another', { initial: 4, max: 10_000 }),
    timeout: duration('how long to wait for each (default 5s)'),
    path: choice(['direct', 'relay'], 'by this path, also when the other one is in use'),
  },
  returns: 'target, results[{seq, bytes, rtt_ms, path | error}], timeout',
  details:
    'Exit code 1 when every probe failed. With --path the probe goes there and comes back by that path; the traffic stays on its own.',
  async run({ args, client, io, json, options, signal, wait }) {
    const timeoutMs = options.timeout ?? DEFAULT_TIMEOUT_MS;
    const results: PingResult[] = [];
    let timeout = false;
    for (let seq = 0; seq < options.count; seq++) {
      const probe = client.ping(args.target, { timeoutMs, signal, path: options.path });
      const result = await wait(`waiting for ${args.target}`, probe).catch(lost);
      if (result instanceof PilotError) {
        timeout ||= result.code === 'timeout';
        results.push({ seq, bytes: 0, error: result.message });
        if (!json) await write(io.stdout, `seq ${seq}: ${result.message}\n`);
      } else {
        results.push({ seq, bytes: 0, rtt_ms: result.rtt_ms, path: result.path });
        if (!json) await write(io.stdout, `seq ${seq}: ${lineOf(result)}\n`);
      }
    }
    const answered = results.flatMap(({ rtt_ms: rttMs }) => (rttMs === undefined ? [] : [rttMs]));
    return {
      data: { target: args.target, results, timeout },
      text: `${answered.length} of ${results.length} answered${spread(answered)}`,
      exitCode: answered.length === 0 ? 1 : 0,
    };
  },
});

/** A probe may get lost; what would fail the same way every time ends the command. */
function lost(error: unknown): PilotError {
  const isLoss =
    error instanceof PilotError &&
    (error.code === 'timeout' ||
      error.code === 'connection_failed' ||
      error.code === 'unavailable');
  if (isLoss) return error;
  throw error;
}

function lineOf(reply: PingReply): string {
  const path = reply.path === '' ? '' : ` (${reply.path})`;
  return `${nodeText(reply)} ${reply.rtt_ms.toFixed(2)} ms${path}`;
}

function spread(rtts: readonly number[]): string {
  if (rtts.length === 0) return '';
  const average = rtts.reduce((sum, rtt) => sum + rtt, 0) / rtts.length;
  const [least, mean, most] = [Math.min(...rtts), average, Math.max(...rtts)].map((ms) =>
    ms.toFixed(2),
  );
  return `: least ${least ?? ''}, average ${mean ?? ''}, most ${most ?? ''} ms`;
}
