import type { IncomingMessage as HttpResponse } from 'node:http';

import { PilotError } from '../base/pilot-error.ts';
import { WireError } from '../base/wire-error.ts';
import { EVENT_NAMES, type EventMap, type EventName } from './api.ts';
import { type ServerSentEvent, SseParser } from './sse-parser.ts';

/** One event with what belongs to it; `type` tells which. */
export type PilotEvent<Name extends EventName = EventName> = {
  [N in Name]: { readonly type: N; readonly data: EventMap[N] };
}[Name];

/** Three times the daemon's comment interval. */
const SILENCE_MS = 3 * 15_000;

/**
 * Events of a daemon from the moment of subscription, in order, none left out. To be iterated once.
 * It does not reconnect: whoever needs continuity has to list again what it may have missed.
 * Ends with `connection_failed` when the daemon goes, or when the reader is too far behind; with the
 * signal's reason when that is aborted.
 */
export class EventStream<Name extends EventName = EventName> {
  readonly #response: HttpResponse;
  readonly #signal: AbortSignal | undefined;
  readonly #silenceMs: number;

  constructor(response: HttpResponse, signal?: AbortSignal, silenceMs = SILENCE_MS) {
    this.#response = response;
    this.#signal = signal;
    this.#silenceMs = silenceMs;
    // Without a listener an error between two reads would end the process.
    response.on('error', () => undefined);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<PilotEvent<Name>, void, undefined> {
    const abort = (): void => {
      this.close();
    };
    this.#signal?.addEventListener('abort', abort, { once: true });
    try {
      this.#signal?.throwIfAborted();
      for await (const event of this.#decoded()) {
        yield event as PilotEvent<Name>;
        this.#signal?.throwIfAborted();
      }
      throw new Error('end of stream');
    } catch (error) {
      this.#signal?.throwIfAborted();
      throw asStreamError(error);
    } finally {
      this.#signal?.removeEventListener('abort', abort);
      this.close();
    }
  }

  close(): void {
    this.#response.destroy();
  }

  async *#decoded(): AsyncGenerator<PilotEvent, void, undefined> {
    const parser = new SseParser();
    for await (const chunk of this.#chunks()) {
      for (const raw of parser.push(chunk)) {
        const event = decode(raw);
        if (event !== undefined) yield event;
      }
    }
  }

  /** Silence counts only while we wait: a reader may take its time with an event. */
  async *#chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    const chunks = this.#response[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, undefined>;
    for (;;) {
      const timer = setTimeout(() => {
        this.#response.destroy(new Error(`silent for ${this.#silenceMs / 1000} s`));
      }, this.#silenceMs);
      const next = await chunks.next().finally(() => {
        clearTimeout(timer);
      });
      if (next.done === true) return;
      yield next.value;
    }
  }
}

function decode({ name, data }: ServerSentEvent): PilotEvent | undefined {
  // A newer daemon may know more events.
  if (!EVENT_NAMES.some((known) => known === name)) return undefined;
  try {
    return { type: name, data: JSON.parse(data) as unknown } as PilotEvent;
  } catch (cause) {
    throw new WireError('event is not JSON', { cause });
  }
}

function asStreamError(cause: unknown): PilotError {
  if (cause instanceof PilotError) return cause;
  if (cause instanceof WireError) {
    return new PilotError('internal', `the daemon's events are malformed: ${cause.message}`, {
      cause,
    });
  }
  return new PilotError('connection_failed', 'the daemon ended the stream of events', {
    hint: 'see: pilotctl daemon status',
    cause,
  });
}
