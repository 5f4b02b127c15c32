import { toHex } from '../../base/bytes.ts';
import type { Cancel, Clock } from '../../base/clock.ts';
import type { RelaySetEvents } from '../relays/relay-set.ts';

type Envelope = RelaySetEvents['envelope'];

/** A disk that is full stays so for a while; one that failed once is asked again soon enough. */
const RETRY_MS = 30_000;
/** What a relay brings before it waits for some to be taken; what is more it brings at the next login. */
const MAX_ENVELOPES = 64;
const MAX_BYTES = 8 * 2 ** 20;

/**
 * Envelopes that could not be kept. Their relay has them, but brings each once in a login, which may last for
 * months, and nothing behind them when there are many: so they are taken in again from here.
 */
export class UnkeptEnvelopes {
  readonly #clock: Clock;
  readonly #again: (envelope: Envelope) => void;
  readonly #waiting = new Map<string, Cancel>();
  #bytes = 0;

  constructor(clock: Clock, again: (envelope: Envelope) => void) {
    this.#clock = clock;
    this.#again = again;
  }

  add(envelope: Envelope): void {
    const { relay, from, id, body } = envelope;
    const key = `${toHex(from)} ${toHex(id)} ${relay.url}`;
    const hasRoom = this.#waiting.size < MAX_ENVELOPES && this.#bytes + body.length <= MAX_BYTES;
    if (!hasRoom || this.#waiting.has(key)) return;
    this.#bytes += body.length;
    const cancel = this.#clock.after(RETRY_MS, () => {
      this.#waiting.delete(key);
      this.#bytes -= body.length;
      this.#again(envelope);
    });
    this.#waiting.set(key, cancel);
  }

  stop(): void {
    for (const cancel of this.#waiting.values()) cancel();
    this.#waiting.clear();
    this.#bytes = 0;
  }
}
