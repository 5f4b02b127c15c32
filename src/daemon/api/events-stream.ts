/**
 * Readers of `GET /v1/events`.
 *
 *     node event ──> text, made once ──> reader's queue ──end of the turn, drain──> written
 *                                              └ queue is full ──> final comment, disconnected
 *
 * Events that nobody reads are not listened to, so that nobody makes them.
 */
import { type Clock, every } from '../../base/clock.ts';
import type { Emitter } from '../../base/events.ts';
import { PilotError } from '../../base/pilot-error.ts';
import { EVENT_NAMES, type EventMap, type EventName } from '../../client/api.ts';

/** Texts of one turn of the event loop leave in writes of about this size: a write costs as much as its text. */
const WRITE_CHARS = 64 * 1024;

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
  readonly #events: Emitter<EventMap>;
  readonly #clock: Clock;
  readonly #settings: EventsStreamSettings;
  readonly #readers = new Set<Reader>();
  readonly #listening = new Map<EventName, () => void>();
  readonly #stopHeartbeat: () => void;

  constructor(events: Emitter<EventMap>, clock: Clock, settings = EVENTS_STREAM_DEFAULTS) {
    this.#events = events;
    this.#clock = clock;
    this.#settings = settings;
    this.#stopHeartbeat = every(clock, settings.heartbeatMs, () => {
      for (const reader of this.#readers) reader.heartbeat();
    });
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

  /** Until the sink closes, or the result is called. */
  add(sink: EventSink, names: readonly EventName[]): () => void {
    const reader = new Reader(sink, names, this.#settings);
    this.#readers.add(reader);
    this.#listen();
    sink.on('error', () => undefined);
    sink.on('drain', () => {
      reader.drained();
    });
    const leave = (): void => {
      this.#remove(reader);
    };
    sink.on('close', leave);
    return leave;
  }

  /** Ends every stream. */
  stop(): void {
    this.#stopHeartbeat();
    for (const reader of this.#readers) this.#dismiss(reader, 'the daemon is stopping');
  }

  /** To what somebody reads, and to nothing else. */
  #listen(): void {
    for (const name of EVENT_NAMES) {
      const isRead = [...this.#readers].some((reader) => reader.wants(name));
      const release = this.#listening.get(name);
      if (isRead && release === undefined) {
        const listener = this.#events.on(name, (event) => {
          this.#publish(name, event);
        });
        this.#listening.set(name, listener);
      } else if (!isRead) {
        release?.();
        this.#listening.delete(name);
      }
    }
  }

  #remove(reader: Reader): void {
    reader.close();
    if (this.#readers.delete(reader)) this.#listen();
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
    reader.flush();
    this.#remove(reader);
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
    const { maxQueuedEvents, maxQueuedChars } = this.#settings;
    const isMuch = this.#queuedChars >= WRITE_CHARS || this.#queue.length >= maxQueuedEvents;
    if (isMuch) this.flush();
    if (this.#queue.length >= maxQueuedEvents) return false;
    if (this.#queuedChars + text.length > maxQueuedChars) return false;
    this.#queue.push(text);
    this.#queuedChars += text.length;
    if (this.#queue.length === 1) queueMicrotask(this.flush);
    return true;
  }

  drained(): void {
    this.#isFull = false;
    this.flush();
  }

  /** Only into an empty pipe: a reader that is behind is not idle. */
  heartbeat(): void {
    if (!this.#isFull) this.#isFull = !this.sink.write(':\n\n');
  }

  /** What waits is written no more. */
  close(): void {
    this.#queue = [];
    this.#queuedChars = 0;
  }

  /** As much of what waits as the socket takes. */
  readonly flush = (): void => {
    let taken = 0;
    while (taken < this.#queue.length && !this.#isFull) {
      let text = '';
      for (; taken < this.#queue.length && text.length < WRITE_CHARS; taken++) {
        text += this.#queue[taken] ?? '';
      }
      this.#queuedChars -= text.length;
      this.#isFull = !this.sink.write(text);
    }
    this.#queue.splice(0, taken);
  };
}
