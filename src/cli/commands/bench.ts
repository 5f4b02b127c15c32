import { randomBytes } from 'node:crypto';
import { finished } from 'node:stream/promises';

import { formatDuration } from '../../base/duration.ts';
import { PilotError } from '../../base/pilot-error.ts';
import type { PilotStream } from '../../client/client.ts';
import { defineCommand, optional, target } from '../command.ts';
import { Deadline } from '../deadline.ts';
import { ECHO_PORT, notAnEcho } from '../echo-probe.ts';
import type { Io } from '../io.ts';
import { duration } from '../option.ts';
import { CLEAR_LINE, showLine } from '../progress.ts';

const DEFAULT_TIMEOUT_MS = 120_000;
const MAX_MB = 4096;
const MB = 2 ** 20;
/** As large as a stream's buffers take at once. */
const BLOCK_BYTES = 64 * 1024;
const REFRESH_MS = 200;

interface Progress {
  sentBytes: number;
  receivedBytes: number;
  sendMs: number;
}

export const bench = defineCommand({
  args: { target, size: optional(`MiB to send there and back, up to ${MAX_MB} (default 1)`) },
  options: { timeout: duration('how long it may take (default 2m)') },
  returns:
    'target, sent_bytes, recv_bytes, send_duration_ms, total_duration_ms, send_mbps, total_mbps',
  details:
    'Sends random bytes to the echo service of the other node and checks what comes back. MiB/s.',
  async run({ args, client, io, json, options, signal: interrupted }) {
    const bytes = Math.round(sizeOf(args.size ?? '1') * MB);
    const timeoutMs = options.timeout ?? DEFAULT_TIMEOUT_MS;
    const deadline = new Deadline(timeoutMs, interrupted);
    const { signal } = deadline;
    const progress: Progress = { sentBytes: 0, receivedBytes: 0, sendMs: 0 };
    const hide = json ? () => undefined : show(io, progress, bytes);
    try {
      const stream = await client.dial(args.target, ECHO_PORT, { signal, timeoutMs });
      const totalMs = await thereAndBack(stream, bytes, progress);
      hide();
      const data = { target: args.target, ...figures(progress, totalMs) };
      return { data, text: textOf(data) };
    } catch (error) {
      if (!deadline.isOver) throw error;
      const came = `${progress.receivedBytes} of ${bytes} bytes came back`;
      throw new PilotError('timeout', `${came} within ${formatDuration(timeoutMs)}`, {
        hint: 'a smaller size, or more time: --timeout',
      });
    } finally {
      hide();
      deadline.end();
    }
  },
});

function sizeOf(given: string): number {
  const size = /^\d{1,4}(\.\d{1,6})?$/.test(given) ? Number(given) : Number.NaN;
  if (size * MB >= 1 && size <= MAX_MB) return size;
  throw new PilotError('invalid_argument', `"${given}" is no size`, {
    hint: `a number of MiB above 0, up to ${MAX_MB}`,
  });
}

/** Sends one random block again and again, and compares what comes with it. */
async function thereAndBack(
  stream: PilotStream,
  bytes: number,
  progress: Progress,
): Promise<number> {
  const block = randomBytes(BLOCK_BYTES);
  const startMs = performance.now();
  stream.on('data', (chunk: Buffer) => {
    if (isPartOf(block, chunk, progress.receivedBytes)) progress.receivedBytes += chunk.length;
    else stream.destroy(notAnEcho());
  });
  stream.once('finish', () => {
    progress.sendMs = performance.now() - startMs;
  });
  const sendMore = (): void => {
    while (progress.sentBytes < bytes) {
      const piece = block.subarray(0, Math.min(BLOCK_BYTES, bytes - progress.sentBytes));
      progress.sentBytes += piece.length;
      if (!stream.write(piece)) return;
    }
    stream.end();
  };
  stream.on('drain', sendMore);
  sendMore();
  await finished(stream);
  if (progress.receivedBytes !== bytes) throw notAnEcho();
  return performance.now() - startMs;
}

/** Whether these are the bytes from `at` on of the block repeated. */
function isPartOf(block: Buffer, chunk: Buffer, at: number): boolean {
  for (let done = 0; done < chunk.length;) {
    const from = (at + done) % block.length;
    const length = Math.min(block.length - from, chunk.length - done);
    if (block.compare(chunk, done, done + length, from, from + length) !== 0) return false;
    done += length;
  }
  return true;
}

interface Figures {
  readonly sent_bytes: number;
  readonly recv_bytes: number;
  readonly send_duration_ms: number;
  readonly total_duration_ms: number;
  readonly send_mbps: number;
  readonly total_mbps: number;
}

function figures({ sentBytes, receivedBytes, sendMs }: Progress, totalMs: number): Figures {
  const rate = (bytes: number, ms: number): number =>
    Math.round((bytes / MB / Math.max(ms, 0.001)) * 1000 * 100) / 100;
  return {
    ...{ sent_bytes: sentBytes, recv_bytes: receivedBytes },
    ...{ send_duration_ms: Math.round(sendMs), total_duration_ms: Math.round(totalMs) },
    ...{ send_mbps: rate(sentBytes, sendMs), total_mbps: rate(receivedBytes, totalMs) },
  };
}

function textOf(data: Figures): string {
  const sent = `sent ${data.sent_bytes} bytes in ${data.send_duration_ms} ms: ${data.send_mbps} MiB/s`;
  return `${sent}\nback after ${data.total_duration_ms} ms: ${data.total_mbps} MiB/s there and back`;
}

/** How far it is, at a terminal; the result takes it away. */
function show({ stderr }: Io, progress: Progress, bytes: number): () => void {
  if (stderr.isTTY !== true) return () => undefined;
  const timer = setInterval(() => {
    const percent = Math.floor((100 * progress.receivedBytes) / bytes);
    const sent = (progress.sentBytes / MB).toFixed(1);
    const back = (progress.receivedBytes / MB).toFixed(1);
    showLine(stderr, `${percent} %: ${sent} MiB sent, ${back} MiB back`);
  }, REFRESH_MS);
  return () => {
    clearInterval(timer);
    stderr.write(CLEAR_LINE);
  };
}
