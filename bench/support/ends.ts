/**
 * Ends of connections of different kinds, and the two things that are done over all of them: 100 B there and back,
 * and as many 64 KiB writes as are taken until the last byte is there.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';

import { quantile } from './ratio.ts';

const SMALL = randomBytes(100);
const LARGE = randomBytes(64 * 1024);

/** One end of a connection of any kind. */
export interface End {
  /** Resolves when there is room for more; undefined: at once. */
  send(bytes: Uint8Array): Promise<void> | undefined;
  onBytes: (bytes: Uint8Array) => void;
}

export class DuplexEnd implements End {
  readonly #stream: Duplex;
  onBytes: (bytes: Uint8Array) => void = () => undefined;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on('data', (bytes: Buffer) => {
      this.onBytes(bytes);
    });
    stream.on('error', () => undefined);
  }

  send(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#stream.write(bytes)) return undefined;
    return once(this.#stream, 'drain').then(() => undefined);
  }
}

/** So many bytes, or a few more, that are whole writes. */
export function wholePieces(bytes: number): number {
  return Math.ceil(bytes / LARGE.length) * LARGE.length;
}

/** Sends small things back; answers with one byte when `total` bytes of large ones are there. */
export function serve(end: End, total: number): void {
  let received = 0;
  let isBulk = false;
  end.onBytes = (bytes) => {
    isBulk ||= bytes.length > SMALL.length;
    if (!isBulk) {
      void end.send(bytes);
      return;
    }
    received += bytes.length;
    if (received < total) return;
    received -= total;
    isBulk = false;
    void end.send(Uint8Array.of(1));
  };
}

/** The median of so many, one at a time. */
export async function roundTripUs(end: End, count: number): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const startedMs = performance.now();
    const answered = answer(end, SMALL.length);
    void end.send(SMALL);
    await answered;
    times.push((performance.now() - startedMs) * 1000);
  }
  return quantile(times, 0.5);
}

/** Over all ends at once, `each` bytes over each. */
export async function megabytesPerSecond(ends: readonly End[], each: number): Promise<number> {
  const startedMs = performance.now();
  await Promise.all(ends.map(async (end) => sendBulk(end, each)));
  return (each * ends.length) / 1000 / (performance.now() - startedMs);
}

async function sendBulk(end: End, total: number): Promise<void> {
  const answered = answer(end, 1);
  for (let sent = 0; sent < total; sent += LARGE.length) await end.send(LARGE);
  await answered;
}

async function answer(end: End, length: number): Promise<void> {
  return new Promise((resolve) => {
    let received = 0;
    end.onBytes = (bytes) => {
      received += bytes.length;
      if (received >= length) resolve();
    };
  });
}
