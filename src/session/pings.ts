import type { Cancel, Clock } from '../base/clock.ts';
import { PilotError } from '../base/pilot-error.ts';
import { encodePathPing, encodePing, type OutgoingFrame } from './frame.ts';

/** More waiting pings than this come from a caller that does not stop. */
export const MAX_PINGS = 64;
/** RFC 6298's weight of a new sample. */
const SMOOTHING = 1 / 8;

interface Waiting {
  readonly sentMs: number;
  /** Over a link that need not be the session's. */
  readonly isOfPath: boolean;
  readonly resolve: (rttMs: number) => void;
  readonly reject: (error: PilotError) => void;
  readonly cancel: Cancel;
}

/** Round trips: measured, smoothed, and waited for. */
export class Pings {
  readonly #clock: Clock;
  readonly #waiting = new Map<number, Waiting>();
  #probe: { readonly token: number; readonly sentMs: number } | undefined;
  #nextToken = 0;
  #rttMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Smoothed; undefined before the first answer. */
  get rttMs(): number | undefined {
    return this.#rttMs;
  }

  /** A ping that nobody waits for. */
  probe(): OutgoingFrame {
    const token = this.#nextToken++;
    this.#probe = { token, sentMs: this.#clock.monotonic() };
    return encodePing(token);
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
      this.#waiting.set(token, { sentMs, isOfPath, resolve, reject, cancel });
      send(token);
    });
  }

  /** An answer has come. One that nobody waits for any more still tells how far it is. */
  answered(token: number, isOfPath = false): void {
    const waiting = this.#waiting.get(token);
    // Of the other kind: only a broken peer answers so.
    if (waiting !== undefined && waiting.isOfPath !== isOfPath) return;
    if (isOfPath) {
      if (waiting !== undefined) this.#settle(token, waiting);
      return;
    }
    const sentMs = this.#probe?.token === token ? this.#probe.sentMs : waiting?.sentMs;
    if (sentMs === undefined) return;
    const rttMs = this.#clock.monotonic() - sentMs;
    this.sample(rttMs);
    if (waiting === undefined) {
      this.#probe = undefined;
      return;
    }
    this.#settle(token, waiting);
  }

  sample(rttMs: number): void {
    this.#rttMs =
      this.#rttMs === undefined ? rttMs : this.#rttMs + (rttMs - this.#rttMs) * SMOOTHING;
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

  #settle(token: number, { sentMs, cancel, resolve }: Waiting): void {
    this.#waiting.delete(token);
    cancel();
    resolve(this.#clock.monotonic() - sentMs);
  }
}
