/**
 * One stream from a station to another one while the network changes under it:
 *
 *     sender ── stretch ── rest ── stretch … FIN ──> receiver: SHA-256 and length of what came
 *     sender <──────────────── digest, FIN ───────── the other half
 *
 * Stretches go as fast as the stream takes them; the rests between them spread it over the run, so that faults
 * meet it full, idle, and in between.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

import { type RandomBytes, randomFraction } from '../../src/base/random.ts';
import type { PilotStream } from '../../src/client/client.ts';
import type { StreamListener } from '../../src/client/stream-listener.ts';
import type { Station } from './station.ts';

export interface StreamTransfer {
  readonly bytes: number;
  /** Of all rests together, on average. */
  readonly restMs: number;
  readonly random: RandomBytes;
  /** Of each wait: for the other side's accept, for it to take more, for its answer. */
  readonly stallMs: number;
}

interface Received {
  readonly bytes: number;
  readonly sha256: string;
}

const PORT = 4100;
/** Twice a stream's largest window: it is full within each. */
const STRETCH_BYTES = 8 * 1024 * 1024;
const WRITE_BYTES = 64 * 1024;

/** Throws unless every byte came, in order, and the other side's answer came back. */
export async function transfer(from: Station, to: Station, what: StreamTransfer): Promise<void> {
  const { bytes, stallMs } = what;
  const listener = await to.client.listen(PORT);
  const receiving = receive(listener);
  // It also fails when the sender does, which says more.
  receiving.catch(() => undefined);
  try {
    const stream = await from.client.dial(to.id, PORT, { timeoutMs: stallMs });
    try {
      const sent = await send(stream, what);
      const answer = await withinMs(stallMs, 'no answer', readText(stream));
      const received = await receiving;
      if (received.sha256 !== sent || received.bytes !== bytes || answer !== sent) {
        const { bytes: came, sha256 } = received;
        throw new Error(`sent ${bytes} bytes (${sent}), ${came} came (${sha256}), told ${answer}`);
      }
    } finally {
      stream.destroy();
    }
  } catch (cause) {
    throw new Error(`the stream from ${from.name} to ${to.name}`, { cause });
  } finally {
    listener.close();
  }
}

/** Its SHA-256. */
async function send(
  stream: PilotStream,
  { bytes, restMs, random, stallMs }: StreamTransfer,
): Promise<string> {
  const hash = createHash('sha256');
  const maxRestMs = (2 * restMs) / Math.ceil(bytes / STRETCH_BYTES);
  let sent = 0;
  while (sent < bytes) {
    const stretchEnd = Math.min(bytes, sent + STRETCH_BYTES);
    while (sent < stretchEnd) {
      const chunk = random(Math.min(WRITE_BYTES, stretchEnd - sent));
      hash.update(chunk);
      sent += chunk.length;
      if (stream.write(chunk)) continue;
      if (stream.errored !== null) throw stream.errored;
      await withinMs(stallMs, `it took no more after ${sent} bytes`, once(stream, 'drain'));
    }
    if (sent < bytes) await pause(maxRestMs * randomFraction(random));
  }
  stream.end();
  return hash.digest('hex');
}

async function receive(listener: StreamListener): Promise<Received> {
  for await (const stream of listener) {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of chunksOf(stream)) {
      hash.update(chunk);
      bytes += chunk.length;
    }
    const sha256 = hash.digest('hex');
    stream.end(sha256);
    return { bytes, sha256 };
  }
  throw new Error('nobody dialled');
}

async function readText(stream: PilotStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of chunksOf(stream)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Up to its end, and the other half stays open. */
function chunksOf(stream: PilotStream): AsyncIterable<Buffer> {
  return stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
}

async function withinMs<T>(ms: number, failure: string, work: Promise<T>): Promise<T> {
  const over = new AbortController();
  const late = pause(ms, undefined, { signal: over.signal }).then(() => {
    throw new Error(`${failure} within ${ms} ms`);
  });
  // Aborted when the work is done first.
  late.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    over.abort();
  }
}
