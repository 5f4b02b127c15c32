import { connect, type Socket } from 'node:net';

import { LineSplitter } from '../base/line-splitter.ts';
import { CALL_STREAM_LIMIT_HEADER, CALL_STREAM_PROTOCOL, ROUTES } from './api.ts';
import { doesNotSpeakApi, failureOf } from './daemon-failure.ts';

export interface CallConnectionEvents {
  /** It can be written to: at first, and again when it was full. */
  onWritable(): void;
  onLine(line: string): void;
  /** It is over; nothing comes after. The system's error, PilotError, or undefined when the daemon closed it. */
  onClose(error: unknown): void;
}

/** What Node's own HTTP client reads of a head at most. */
const MAX_HEAD_BYTES = 16 * 1024;
/** As for an answer over HTTP: an inbox page with its payloads; a larger one is asked for in parts. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

const { method, path } = ROUTES.calls;
/** `close` is for a daemon that does not know the upgrade: its answer then ends with the connection. */
const REQUEST =
  `${method} ${path} HTTP/1.1\r\nhost: pilotd\r\nconnection: close, upgrade\r\n` +
  `upgrade: ${CALL_STREAM_PROTOCOL}\r\n\r\n`;

/** One upgraded connection: lines of JSON both ways after the HTTP heads, which pilotctl reads without node:http. */
export class CallConnection {
  readonly #socket: Socket;
  readonly #socketPath: string;
  readonly #events: CallConnectionEvents;
  readonly #lines = new LineSplitter(MAX_LINE_BYTES);
  #head: Buffer | undefined = Buffer.alloc(0);
  #isClosed = false;
  /** How often the daemon was heard since it took the upgrade. */
  received = 0;
  maxLineBytes = Infinity;

  constructor(socketPath: string, events: CallConnectionEvents) {
    this.#socketPath = socketPath;
    this.#events = events;
    this.#socket = connect(socketPath);
    this.#socket.write(REQUEST);
    this.#socket.on('data', (chunk) => {
      this.#take(chunk);
    });
    this.#socket.on('drain', () => {
      if (this.isOpen) events.onWritable();
    });
    this.#socket.once('end', () => {
      this.close(this.#head === undefined ? undefined : this.#refusal(this.#head));
    });
    this.#socket.once('error', (error) => {
      this.close(error);
    });
    this.#socket.once('close', () => {
      this.close(undefined);
    });
  }

  /** Whether the daemon took the upgrade. */
  get wasOpen(): boolean {
    return this.#head === undefined;
  }

  get isOpen(): boolean {
    return this.wasOpen && !this.#isClosed;
  }

  get isWritable(): boolean {
    return this.isOpen && !this.#socket.writableNeedDrain;
  }

  /** False: it is full now; `onWritable` tells when it is not. */
  write(text: string): boolean {
    return this.#socket.write(text);
  }

  /** Whether it keeps the process alive. */
  keepAlive(yes: boolean): void {
    if (yes) this.#socket.ref();
    else this.#socket.unref();
  }

  /** Ends it, with what `onClose` gets. */
  close(error?: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.destroy();
    this.#events.onClose(error);
  }

  #take(chunk: Buffer): void {
    const lines = this.#head === undefined ? chunk : this.#takeHead(this.#head, chunk);
    if (lines === undefined || lines.length === 0) return;
    this.received += 1;
    this.#lines.push(lines);
    try {
      let line = this.#lines.next();
      for (; line !== undefined && !this.#isClosed; line = this.#lines.next()) {
        this.#events.onLine(line);
      }
    } catch (cause) {
      this.close(doesNotSpeakApi(this.#socketPath, cause));
    }
  }

  /** What follows the head of the 101, or undefined: there is no such head yet, or never. */
  #takeHead(before: Buffer, chunk: Buffer): Buffer | undefined {
    const bytes = Buffer.concat([before, chunk]);
    const end = bytes.indexOf('\r\n\r\n');
    const head = bytes.toString('latin1', 0, end === -1 ? bytes.length : end);
    if (end !== -1 && head.startsWith('HTTP/1.1 101 ')) {
      const limit = new RegExp(`^${CALL_STREAM_LIMIT_HEADER}: *(\\d+)`, 'im').exec(head)?.[1];
      this.maxLineBytes = Number(limit ?? Infinity);
      this.#head = undefined;
      this.#events.onWritable();
      return bytes.subarray(end + 4);
    }
    // A refusal is told apart at its end.
    this.#head = bytes;
    if (bytes.length > MAX_HEAD_BYTES) this.close(this.#refusal(bytes));
    return undefined;
  }

  #refusal(bytes: Buffer): unknown {
    if (bytes.length === 0) return undefined;
    const [head = '', body = ''] = bytes.toString('utf8').split('\r\n\r\n', 2);
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1];
    if (status === undefined) return doesNotSpeakApi(this.#socketPath);
    return failureOf({ status: Number(status), text: body }, ROUTES.calls);
  }
}
