import { WireError } from '../base/wire-error.ts';

export interface ServerSentEvent {
  readonly name: string;
  readonly data: string;
}

/**
 * A message of the largest size the daemon can be configured for (1 MiB), every byte of it escaped
 * as `\u00XX`, and its envelope.
 */
const MAX_EVENT_BYTES = 6 * 1024 * 1024 + 64 * 1024;

/**
 * Server-sent events from a byte stream (WHATWG HTML, section 9.2.6), without `id` and `retry`:
 *
 *     event: name LF
 *     data: text LF        (several are joined by LF)
 *     : comment LF
 *     LF                   (a blank line ends the event)
 *
 * Lines end with LF, CR LF or CR. Throws `WireError` for a line or an event past the limit.
 */
export class SseParser {
  readonly #limit: number;
  readonly #decoder = new TextDecoder();
  #pending: string[] = [];
  #pendingLength = 0;
  #afterCarriageReturn = false;
  #name = '';
  #data: string[] = [];
  #dataLength = 0;

  constructor(limit = MAX_EVENT_BYTES) {
    this.#limit = limit;
  }

  /** The events that these bytes complete. */
  push(chunk: Uint8Array): ServerSentEvent[] {
    const events: ServerSentEvent[] = [];
    const text = this.#decoder.decode(chunk, { stream: true });
    let start = 0;
    for (const match of text.matchAll(/\r\n|\n|\r/g)) {
      // A CR LF that was cut in two ends one line, not two.
      const isSecondHalf = this.#afterCarriageReturn && match.index === 0 && match[0] === '\n';
      this.#afterCarriageReturn = false;
      if (!isSecondHalf) this.#line(text.slice(start, match.index), events);
      start = match.index + match[0].length;
    }
    if (start < text.length) this.#hold(text.slice(start));
    if (text !== '') this.#afterCarriageReturn = text.endsWith('\r');
    return events;
  }

  #hold(part: string): void {
    this.#pendingLength += part.length;
    if (this.#pendingLength > this.#limit) throw new WireError('line of an event too long');
    this.#pending.push(part);
  }

  #line(end: string, events: ServerSentEvent[]): void {
    this.#hold(end);
    const line = this.#pending.length === 1 ? end : this.#pending.join('');
    this.#pending = [];
    this.#pendingLength = 0;
    if (line === '') {
      this.#finish(events);
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#name = value;
    else if (field === 'data') this.#add(value);
  }

  #add(value: string): void {
    this.#dataLength += value.length + 1;
    if (this.#dataLength > this.#limit) throw new WireError('event too long');
    this.#data.push(value);
  }

  #finish(events: ServerSentEvent[]): void {
    if (this.#data.length > 0) {
      events.push({
        name: this.#name === '' ? 'message' : this.#name,
        data: this.#data.join('\n'),
      });
    }
    this.#name = '';
    this.#data = [];
    this.#dataLength = 0;
  }
}
