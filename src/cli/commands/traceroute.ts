import { formatDuration } from '../../base/duration.ts';
import { PilotError } from '../../base/pilot-error.ts';
import type { PilotClient, TraceHop, TracerouteReply } from '../../client/client.ts';
import { defineCommand, target } from '../command.ts';
import { Deadline } from '../deadline.ts';
import { ECHO_PORT, echoRoundTrip } from '../echo-probe.ts';
import { nodeText } from '../node-text.ts';
import { duration } from '../option.ts';
import { columns } from '../output.ts';

const DEFAULT_TIMEOUT_MS = 30_000;
const SAMPLES = 3;

interface Sample {
  readonly rtt_ms?: number;
  readonly bytes?: number;
  readonly error?: string;
}

interface Samples {
  /** Until a stream to the other node was open. */
  readonly setup_ms: number;
  readonly rtt_samples: readonly Sample[];
}

export const traceroute = defineCommand({
  args: { target },
  options: { timeout: duration('how long to wait for all of it (default 30s)') },
  returns:
    'target, setup_ms, rtt_samples[{rtt_ms, bytes | error}], path, hops[{hop, endpoint, rtt_ms}], id, node_id, address, hostname',
  details:
    'The stations are this daemon, the NAT in front of it where it is known, the relay or none, the peer.\nSamples go through a stream to its echo service, or as pings where that is off.',
  async run({ args, client, options, signal: interrupted, wait }) {
    const timeoutMs = options.timeout ?? DEFAULT_TIMEOUT_MS;
    const deadline = new Deadline(timeoutMs, interrupted);
    try {
      const { signal } = deadline;
      const measuring = trace(client, args.target, { signal, timeoutMs });
      const { samples, reply } = await wait(`looking for the way to ${args.target}`, measuring);
      const data = { target: args.target, ...samples, ...reply };
      return { data, text: textOf(reply, samples) };
    } catch (error) {
      if (!deadline.isOver) throw error;
      throw new PilotError('timeout', `no answer within ${formatDuration(timeoutMs)}`, {
        hint: 'whether it is there: pilotctl peers',
      });
    } finally {
      deadline.end();
    }
  },
});

interface Limits {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

async function trace(
  client: PilotClient,
  to: string,
  limits: Limits,
): Promise<{ readonly samples: Samples; readonly reply: TracerouteReply }> {
  const samples = await byEcho(client, to, limits).catch(async (error: unknown) => {
    if (!(error instanceof PilotError) || !NO_ECHO.has(error.code)) throw error;
    return byPing(client, to, limits);
  });
  const reply = await client.traceroute(to, limits);
  const startMs = performance.now();
  await client.health({ signal: limits.signal });
  const localMs = rounded(performance.now() - startMs);
  const hops = reply.hops.map((hop) => (hop.hop === 'local' ? { ...hop, rtt_ms: localMs } : hop));
  return { samples, reply: { ...reply, hops } };
}

const NO_ECHO: ReadonlySet<string> = new Set(['connection_refused', 'not_supported']);

async function byEcho(client: PilotClient, to: string, limits: Limits): Promise<Samples> {
  const startMs = performance.now();
  const stream = await client.dial(to, ECHO_PORT, limits);
  const setup_ms = rounded(performance.now() - startMs);
  const rtt_samples: Sample[] = [];
  try {
    for (let seq = 0; seq < SAMPLES; seq++) {
      const payload = Buffer.from(`trace-${seq}`);
      const rttMs = await echoRoundTrip(stream, payload);
      rtt_samples.push({ rtt_ms: rounded(rttMs), bytes: payload.length });
    }
  } finally {
    stream.destroy();
  }
  return { setup_ms, rtt_samples };
}

async function byPing(client: PilotClient, to: string, limits: Limits): Promise<Samples> {
  const startMs = performance.now();
  await client.ping(to, limits);
  const setup_ms = rounded(performance.now() - startMs);
  const rtt_samples: Sample[] = [];
  for (let seq = 0; seq < SAMPLES; seq++) {
    const { rtt_ms } = await client.ping(to, limits);
    rtt_samples.push({ rtt_ms, bytes: 0 });
  }
  return { setup_ms, rtt_samples };
}

function textOf(reply: TracerouteReply, { setup_ms, rtt_samples }: Samples): string {
  const rows = reply.hops.map((hop, i) => [
    String(i + 1),
    nameOf(hop, reply),
    hop.endpoint,
    rtt(hop),
  ]);
  const samples = rtt_samples.map(
    ({ rtt_ms, error }) => error ?? `${rtt_ms?.toFixed(2) ?? '?'} ms`,
  );
  return `${columns(rows)}\nopened in ${setup_ms.toFixed(2)} ms, there and back in ${samples.join(', ')}`;
}

function nameOf({ hop }: TraceHop, reply: TracerouteReply): string {
  switch (hop) {
    case 'local':
      return 'this daemon';
    case 'nat':
      return 'our NAT';
    case 'relay':
      return 'relay';
    case 'peer':
      return nodeText(reply);
  }
}

function rtt({ rtt_ms }: TraceHop): string {
  return rtt_ms === null ? 'not measured' : `${rtt_ms.toFixed(2)} ms`;
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
