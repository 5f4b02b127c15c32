/**
 * Readers of `GET /v1/events`.
 *
 *     node event ──> text, made once ──> reader: socket takes it ─────────> written
 *                                          │ socket is full ──> queue ──drain──> written
 *                                          └ queue is full  ──> final comment, disconnected
 */
import { type Clock, every } from '../base/clock.ts';
import type { Emitter } from '../base/events.ts';
import { PilotError } from '../base/pilot-error.ts';
import { EVENT_NAMES, type EventMap, type EventName } from '../client/api.ts';

/** What a reader is written to: an HTTP response, its head sent. */
export interface EventSink {
  write(text: string): boolean;
  end(text: string): unknown;
  destroy(): unknown;
  on(event: 'drain' | 'close' | 'error', listener: () => void): unknown;
}

export interface EventsStreamSettings {
  readonly maxReaders: number;
  readonly maxQueuedEvents: number;
  /** Events carry payloads of up to a mebibyte, so their number alone bounds nothing. */
  readonly maxQueuedChars: number;
  readonly heartbeatMs: number;
  /** How long a disconnected reader has to take its final comment. */
  readonly partingMs: number;
}

export const EVENTS_STREAM_DEFAULTS: EventsStreamSettings = {
  maxReaders: 64,
  maxQueuedEvents: 1000,
  maxQueuedChars: 32 * 1024 * 1024,
  heartbeatMs: 15_000,
  partingMs: 5000,
};

export class EventsStream {
  readonly #clock: Clock;
  readonly #settings: EventsStreamSettings;
  readonly #readers = new Set<Reader>();
  readonly #release: (() => void)[];

  constructor(events: Emitter<EventMap>, clock: Clock, settings = EVENTS_STREAM_DEFAULTS) {
    this.#clock = clock;
    this.#settings = settings;
    this.#release = EVENT_NAMES.map((name) =>
      events.on(name, (event) => {
        this.#publish(name, event);
      }),
    );
    this.#release.push(
      every(clock, settings.heartbeatMs, () => {
        for (const reader of this.#readers) reader.heartbeat();
      }),
    );
  }

  get readers(): number {
    return this.#readers.size;
  }

  /** Call it before the head of an answer goes out: nothing is missed from that head on. */
  ensureRoom(): void {
    if (this.#readers.size < this.#settings.maxReaders) return;
    throw new PilotError('unavailable', `${this.#readers.size} programs read events already`, {
      hint: 'end one of them, for example a forgotten pilotctl inbox --follow',
    });
  }

  add(sink: EventSink, names: readonly EventName[]): void {
    const reader = new Reader(sink, names, this.#settings);
    this.#readers.add(reader);
    sink.on('error', () => undefined);
    sink.on('drain', () => {
      reader.drained();
    });
    sink.on('close', () => {
      this.#readers.delete(reader);
      reader.close();
    });
  }

  /** Ends every stream. */
  stop(): void {
    for (const release of this.#release.splice(0)) release();
    for (const reader of this.#readers) this.#dismiss(reader, 'the daemon is stopping');
  }

  #publish<Name extends EventName>(name: Name, event: EventMap[Name]): void {
    let text: string | undefined;
    for (const reader of this.#readers) {
      if (!reader.wants(name)) continue;
      text ??= `event: ${name}\ndata: ${JSON.stringify(event)}\n\n`;
      if (reader.push(text)) continue;
      this.#dismiss(reader, 'too far behind');
    }
  }

  #dismiss(reader: Reader, reason: string): void {
    this.#readers.delete(reader);
    reader.close();
    reader.sink.end(`: disconnected: ${reason}\n\n`);
    this.#clock.after(this.#settings.partingMs, () => {
      reader.sink.destroy();
    });
  }
}

class Reader {
  readonly sink: EventSink;
  readonly #names: ReadonlySet<EventName>;
  readonly #settings: EventsStreamSettings;
  #queue: string[] = [];
  #queuedChars = 0;
  #isFull = false;
  #isClosed = false;

  constructor(sink: EventSink, names: readonly EventName[], settings: EventsStreamSettings) {
    this.sink = sink;
    this.#names = new Set(names);
    this.#settings = settings;
  }

  wants(name: EventName): boolean {
    return this.#names.has(name);
  }

  /** False when the reader is too far behind; the text is then not taken. */
  push(text: string): boolean {
    if (!this.#isFull) {
      this.#isFull = !this.sink.write(text);
      return true;
    }
    const { maxQueuedEvents, maxQueuedChars } = this.#settings;
    if (this.#queue.length >= maxQueuedEvents) return false;
    if (this.#queuedChars + text.length > maxQueuedChars) return false;
    this.#queue.push(text);
    this.#queuedChars += text.length;
    return true;
  }

  drained(): void {
    if (this.#isClosed) return;
    this.#isFull = false;
    let taken = 0;
    for (const text of this.#queue) {
      if (this.#isFull) break;
      this.#isFull = !this.sink.write(text);
      this.#queuedChars -= text.length;
      taken += 1;
    }
    this.#queue.splice(0, taken);
  }

  /** Only into an empty pipe: a reader that is behind is not idle. */
  heartbeat(): void {
    if (!this.#isFull) this.#isFull = !this.sink.write(':\n\n');
  }

  close(): void {
    this.#isClosed = true;
    this.#queue = [];
  }
}
