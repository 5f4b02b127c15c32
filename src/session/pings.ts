import type { Cancel, Clock } from '../base/clock.ts';
import { PilotError } from '../base/pilot-error.ts';
import { decodePong, encodePathPing, encodePing, type OutgoingFrame } from './frame.ts';
import { readable } from './readable.ts';

/** More waiting pings than this come from a caller that does not stop. */
export const MAX_PINGS = 64;
/** So often what is sent takes a ping along: no timer, and nothing while the session is idle. */
export const MEASURE_MS = 10_000;
/** RFC 6298's weight of a new sample. */
const SMOOTHING = 1 / 8;

interface Waiting {
  readonly sentMs: number;
  /** It left on the link of now; what is answered after a change has seen two. */
  isOfLink: boolean;
  /** Over a link that need not be the session's. */
  readonly isOfPath: boolean;
  readonly resolve: (rttMs: number) => void;
  readonly reject: (error: PilotError) => void;
  readonly cancel: Cancel;
}

/** Round trips: measured, smoothed, and waited for. */
export class Pings {
  readonly #clock: Clock;
  readonly #measured: (rttMs: number) => void;
  readonly #waiting = new Map<number, Waiting>();
  #probe: { readonly token: number; readonly sentMs: number } | undefined;
  #measure: { readonly token: number; readonly answered: (rttMs: number) => void } | undefined;
  #nextToken = 0;
  #rttMs: number | undefined;
  /** When what is sent may take a ping along again. */
  #dueMs = -Infinity;
  #isDue = false;

  /** `measured`: there is another sample; it gets the smoothed round trip. */
  constructor(clock: Clock, measured: (rttMs: number) => void = () => undefined) {
    this.#clock = clock;
    this.#measured = measured;
  }

  /** Smoothed; undefined before the first answer. */
  get rttMs(): number | undefined {
    return this.#rttMs;
  }

  /** The owner sends something anyway. */
  noteUse(): void {
    this.#isDue ||= this.#clock.monotonic() >= this.#dueMs;
  }

  /** A ping for the packet that goes out now, when it is time for one. */
  takeDue(): OutgoingFrame | undefined {
    return this.#isDue ? this.probe() : undefined;
  }

  /** A ping that nobody waits for. */
  probe(): OutgoingFrame {
    const token = this.#nextToken++;
    this.#isDue = false;
    this.#dueMs = this.#clock.monotonic() + MEASURE_MS;
    this.#probe = { token, sentMs: this.#clock.monotonic() };
    return encodePing(token);
  }

  /** A ping whose own round trip somebody wants. The last one that was asked for counts. */
  measure(answered: (rttMs: number) => void): OutgoingFrame {
    const ping = this.probe();
    this.#measure = { token: this.#nextToken - 1, answered };
    return ping;
  }

  /** Another link: what was measured on the one before says nothing of it, so it is measured at once. */
  changeLink(): void {
    this.#rttMs = undefined;
    this.#isDue = true;
    this.#probe = undefined;
    for (const waiting of this.#waiting.values()) waiting.isOfLink = false;
  }

  /** Sends a ping; resolves with its round trip in milliseconds. */
  async ping(timeoutMs: number, send: (frame: OutgoingFrame) => void): Promise<number> {
    return this.#wait(timeoutMs, false, (token) => {
      send(encodePing(token));
    });
  }

  /** The same for a link that the caller knows; it says nothing of the session's own round trip. */
  async pathPing(timeoutMs: number, send: (frame: OutgoingFrame) => void): Promise<number> {
    return this.#wait(timeoutMs, true, (token) => {
      send(encodePathPing(token));
    });
  }

  async #wait(
    timeoutMs: number,
    isOfPath: boolean,
    send: (token: number) => void,
  ): Promise<number> {
    if (this.#waiting.size >= MAX_PINGS) {
      throw new PilotError('unavailable', `${MAX_PINGS} pings to this peer are waiting already`, {
        hint: 'wait for some of them to be answered or to time out',
      });
    }
    const token = this.#nextToken++;
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(timeoutMs, () => {
        this.#waiting.delete(token);
        reject(
          new PilotError('timeout', `the peer did not answer a ping within ${timeoutMs} ms`, {
            hint: 'see `pilotctl peers` for the path to it',
          }),
        );
      });
      const sentMs = this.#clock.monotonic();
      this.#waiting.set(token, { sentMs, isOfLink: !isOfPath, isOfPath, resolve, reject, cancel });
      send(token);
    });
  }

  /** A PONG or PATHPONG; false when it is malformed. */
  onPong(body: Uint8Array, isOfPath: boolean): boolean {
    const token = readable(decodePong, body);
    if (token !== undefined) this.answered(token, isOfPath);
    return token !== undefined;
  }

  /** An answer has come. One that nobody waits for any more still tells how far it is. */
  answered(token: number, isOfPath = false): void {
    const waiting = this.#waiting.get(token);
    if (waiting === undefined) {
      if (!isOfPath) this.#probeAnswered(token);
      return;
    }
    // Of the other kind: only a broken peer answers so.
    if (waiting.isOfPath !== isOfPath) return;
    if (waiting.isOfLink) this.sample(this.#clock.monotonic() - waiting.sentMs);
    this.#settle(token, waiting);
  }

  /** Also the round trip of a handshake. */
  sample(rttMs: number): void {
    this.#dueMs = this.#clock.monotonic() + MEASURE_MS;
    const smoothedMs =
      this.#rttMs === undefined ? rttMs : this.#rttMs + (rttMs - this.#rttMs) * SMOOTHING;
    this.#rttMs = smoothedMs;
    this.#measured(smoothedMs);
  }

  /** The session has ended: so has the waiting. */
  stop(): void {
    for (const { reject, cancel } of this.#waiting.values()) {
      cancel();
      reject(
        new PilotError('connection_failed', 'the session ended before the ping was answered', {
          hint: 'try again: a new session is opened when needed',
        }),
      );
    }
    this.#waiting.clear();
  }

  #probeAnswered(token: number): void {
    if (this.#probe?.token !== token) return;
    const { sentMs } = this.#probe;
    const rttMs = this.#clock.monotonic() - sentMs;
    const measure = this.#measure?.token === token ? this.#measure : undefined;
    this.#probe = undefined;
    this.sample(rttMs);
    measure?.answered(rttMs);
  }

  #settle(token: number, { sentMs, cancel, resolve }: Waiting): void {
    this.#waiting.delete(token);
    cancel();
    resolve(this.#clock.monotonic() - sentMs);
  }
}
