/**
 * Sends files to a node: each is read once for its SHA-256, then sent; what cuts a transfer off is gone around by a new
 * stream that goes on where the last one ended, until nothing has moved for `timeoutMs`.
 */
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

import { Backoff } from '../base/backoff.ts';
import { type ErrorCode, PilotError } from '../base/pilot-error.ts';
import { WireError } from '../base/wire-error.ts';
import { DATA_EXCHANGE_PORT } from './exchange-frame.ts';
import { DamagedFile, FileRefused, FileSender, type SentFile } from './file-sender.ts';
import { OpenSource, type SourceFile, sourceFiles } from './file-source.ts';

export interface SendFileProgress {
  readonly file: string;
  /** `reading`: for its SHA-256; `sending`; `waiting`: the connection broke and is tried again. */
  readonly phase: 'reading' | 'sending' | 'waiting';
  /** Of this file: read, or there. */
  readonly bytes: number;
  readonly size: number;
  /** Which file of how many. */
  readonly index: number;
  readonly count: number;
}

export interface SendFileOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long nothing may move before it is given up; default 90 s. */
  readonly timeoutMs?: number | undefined;
  readonly onProgress?: ((progress: SendFileProgress) => void) | undefined;
  /** Links and what is no file, in a folder that is sent. */
  readonly onLeftOut?: ((path: string) => void) | undefined;
}

/** One file that the receiver has whole, checked and on its disk (pilotctl interface 1.7). */
export interface FileReport {
  readonly filename: string;
  /** Below the receiver's received folder. */
  readonly path: string;
  readonly bytes: number;
  readonly bytes_sent: number;
  readonly bytes_resumed: number;
  readonly sha256: string;
  readonly elapsed_ms: number;
  /** Megabytes a second, of what went over the wire. */
  readonly throughput_mbps: number;
  readonly transport: 'filestream';
  readonly verified: true;
}

export type DialPort = (port: number, signal: AbortSignal) => Promise<Duplex>;

const DEFAULT_TIMEOUT_MS = 90_000;
const RETRY = { initialMs: 500, maxMs: 5000, multiplier: 2, jitter: true };
/** What may be over in a moment. The daemon here may restart, too. */
const TEMPORARY = new Set<ErrorCode>([
  'connection_failed',
  'not_running',
  'timeout',
  'unavailable',
]);

/** PilotError, or the signal's reason. What was sent before that stays with the receiver. */
export async function sendFiles(
  dial: DialPort,
  paths: readonly string[],
  options: SendFileOptions,
): Promise<FileReport[]> {
  const files: SourceFile[] = [];
  for (const path of paths) {
    files.push(...(await sourceFiles(path, options.onLeftOut ?? (() => undefined))));
  }
  const line = new Line(dial, options);
  const reports: FileReport[] = [];
  try {
    for (const [index, file] of files.entries()) {
      options.signal?.throwIfAborted();
      reports.push(await sendOne(line, file, { index, count: files.length, options }));
    }
  } finally {
    line.close();
  }
  return reports;
}

interface Place {
  readonly index: number;
  readonly count: number;
  readonly options: SendFileOptions;
}

async function sendOne(line: Line, file: SourceFile, place: Place): Promise<FileReport> {
  const { onProgress, signal } = place.options;
  const startedMs = performance.now();
  const source = await OpenSource.open(file);
  try {
    const { size } = source;
    const tell = (phase: SendFileProgress['phase'], bytes: number): void => {
      const { index, count } = place;
      onProgress?.({ file: file.path, phase, bytes, size, index, count });
    };
    const sha256 = await source.digest(size, (bytes) => {
      signal?.throwIfAborted();
      tell('reading', bytes);
    });
    const sent = await line.send(source, sha256, tell);
    const elapsedMs = Math.max(1, performance.now() - startedMs);
    const bytesSent = size - sent.bytesResumed;
    return {
      ...{ filename: file.name, path: sent.path, bytes: size },
      ...{ bytes_sent: bytesSent, bytes_resumed: sent.bytesResumed },
      sha256: sha256.toString('hex'),
      elapsed_ms: Math.round(elapsedMs),
      throughput_mbps: Math.round(bytesSent / elapsedMs / 10) / 100,
      ...{ transport: 'filestream', verified: true },
    };
  } finally {
    await source.close();
  }
}

/** The way to the receiver: one stream as long as it lasts, then another. */
class Line {
  readonly #dial: DialPort;
  readonly #signal: AbortSignal | undefined;
  readonly #timeoutMs: number;
  readonly #backoff = new Backoff(RETRY, randomBytes);
  #stream: Duplex | undefined;
  #sender: FileSender | undefined;
  #hasWorked = false;
  #movedAtMs = performance.now();

  constructor(dial: DialPort, { signal, timeoutMs = DEFAULT_TIMEOUT_MS }: SendFileOptions) {
    this.#dial = dial;
    this.#signal = signal;
    this.#timeoutMs = timeoutMs;
  }

  async send(
    source: OpenSource,
    sha256: Buffer,
    tell: (phase: 'sending' | 'waiting', bytes: number) => void,
  ): Promise<SentFile> {
    let there = 0;
    /** Of all attempts: the first one's offset came from before. */
    let resumed: number | undefined;
    let isAgain = false;
    this.#moved();
    for (;;) {
      try {
        const sent = await this.#attempt({
          ...{ source, sha256 },
          progress: (bytes) => {
            resumed ??= bytes;
            there = bytes;
            this.#moved();
            tell('sending', bytes);
          },
          alive: () => {
            this.#moved();
          },
        });
        return { ...sent, bytesResumed: Math.min(resumed ?? 0, sent.bytesResumed) };
      } catch (error) {
        const isWhole = this.#stream?.destroyed === false;
        this.close();
        this.#signal?.throwIfAborted();
        // The stream did not break: the disk did, or who is told of the progress.
        if (isWhole && !(error instanceof PilotError || error instanceof DamagedFile)) throw error;
        if (error instanceof DamagedFile && !isAgain) {
          isAgain = true;
          resumed = 0;
          continue;
        }
        await this.#pauseAfter(error);
        tell('waiting', there);
      }
    }
  }

  close(): void {
    this.#stream?.destroy();
    this.#stream = undefined;
    this.#sender = undefined;
  }

  async #attempt(transfer: Parameters<FileSender['send']>[0]): Promise<SentFile> {
    const stalled = new AbortController();
    const watch = setInterval(() => {
      if (this.#isStalled) stalled.abort(this.#gaveUp());
    }, 500);
    const abort = (): void => {
      this.#stream?.destroy(asError(signal.reason));
    };
    const signal = AbortSignal.any([stalled.signal, ...(this.#signal ? [this.#signal] : [])]);
    signal.addEventListener('abort', abort, { once: true });
    try {
      const sender = (this.#sender ??= await this.#open(signal));
      return await sender.send(transfer);
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof WireError ? notUnderstood(error) : error;
    } finally {
      clearInterval(watch);
      signal.removeEventListener('abort', abort);
    }
  }

  async #open(signal: AbortSignal): Promise<FileSender> {
    const stream = await this.#dial(DATA_EXCHANGE_PORT, signal);
    this.#stream = stream;
    this.#hasWorked = true;
    // Told by whoever reads from it.
    stream.on('error', () => undefined);
    return new FileSender(stream);
  }

  /** Throws what no other attempt would mend. */
  async #pauseAfter(error: unknown): Promise<void> {
    if (error instanceof DamagedFile) {
      throw new PilotError('internal', `the receiver got something else: ${error.message}`, {
        hint: 'send it again; when it stays so, look at the disks of both hosts',
      });
    }
    const isTemporary =
      !(error instanceof PilotError) ||
      (TEMPORARY.has(error.code) && !(error instanceof FileRefused));
    // The first error of a command is about how things are, not about a moment.
    if (!isTemporary || !this.#hasWorked || this.#isStalled) throw error;
    await sleep(this.#backoff.next(), undefined, this.#signal && { signal: this.#signal }).catch(
      () => {
        this.#signal?.throwIfAborted();
      },
    );
  }

  get #isStalled(): boolean {
    return performance.now() - this.#movedAtMs >= this.#timeoutMs;
  }

  #moved(): void {
    this.#movedAtMs = performance.now();
    this.#backoff.reset();
  }

  #gaveUp(): PilotError {
    return new PilotError('timeout', `nothing moved for ${this.#timeoutMs / 1000} s`, {
      hint: 'what has arrived is kept for a day: the same command goes on from there',
    });
  }
}

function notUnderstood(cause: WireError): PilotError {
  return new PilotError(
    'not_supported',
    `the receiver answers as no receiver does: ${cause.message}`,
    {
      hint: 'is another program bound to port 1001 there, or is it of another version?',
      cause,
    },
  );
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason });
}
