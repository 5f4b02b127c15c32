/**
 *     [dialling] ──open──> [challenged?] ──challenge──> [answered] ──welcome──> [online]
 *          └───────────────────┴──── refused, wrong, 5 s over ───┴──────┬──────────┘
 *                                                                       v
 *                                                                    [ended]
 */
import type { Cancel, Clock } from '../base/clock.ts';
import { every } from '../base/clock.ts';
import type { RandomBytes } from '../base/random.ts';
import { WireError } from '../base/wire-error.ts';
import type { Identity } from '../identity/identity.ts';
import { encodeNodeId } from '../identity/node-id.ts';
import type { RelayClientSettings } from './client-settings.ts';
import { decodeRelayMessage, encodeNodeMessage } from './control.ts';
import type {
  Challenge,
  NodeMessage,
  RelayMessage,
  Reply,
  Request,
  WelcomeLimits,
} from './control-message.ts';
import type { Dial, DialedSocket, DialEnd } from './dial.ts';
import { answerChallenge, commonVersion, isProven } from './login.ts';
import { FRAME, FRAME_LIMIT, NONCE_BYTES } from './protocol.ts';
import { RelayError } from './relay-error.ts';
import { refusalOf } from './relay-refusal.ts';
import { isPinned, type RelayUrl } from './relay-url.ts';

/** A request without its number, which the connection gives it. */
export type Numberless<T> = T extends unknown ? Omit<T, 'n'> : never;

export interface ClientConnectionDeps {
  readonly url: RelayUrl;
  readonly identity: Identity;
  /** See `Login.instance`. */
  readonly instance: Uint8Array;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly dial: Dial;
  readonly settings: RelayClientSettings;
}

/** What a relay told of itself at the login. */
export interface ProvenRelay {
  readonly key: Uint8Array;
  readonly limits: WelcomeLimits;
  readonly stunPort: number | undefined;
}

export interface ClientConnectionHandlers {
  online(relay: ProvenRelay): void;
  /** After `online`: everything but replies. */
  message(message: RelayMessage): void;
  /** After `online`: DATA and UNREACHABLE. */
  frame(frame: Uint8Array): void;
  roundTrip(rttMs: number): void;
  /** The last call, once. Requests without an answer have been rejected. */
  ended(error: RelayError): void;
}

interface Waiting {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: RelayError) => void;
  readonly cancel: Cancel;
}

/** A line may be slow, or busy. */
const PROBE_ROUND_TRIPS = 4;

/** One connection to a relay, from the dialling to its end. */
export class ClientConnection {
  readonly #deps: ClientConnectionDeps;
  readonly #handlers: ClientConnectionHandlers;
  readonly #socket: DialedSocket;
  readonly #nonce: Uint8Array;
  readonly #waiting = new Map<number, Waiting>();
  readonly #cancelDeadline: Cancel;
  #phase: 'connecting' | { readonly answered: Challenge } | 'online' | 'ended' = 'connecting';
  #failure: RelayError | undefined;
  #cancelPings: Cancel = () => undefined;
  #cancelVerdict: Cancel | undefined;
  #heardMs = 0;
  #rttMs = 0;
  /** Of the last ping, and when its answer is due. */
  #askedMs = 0;
  #verdictMs = 0;
  #requests = 0;

  constructor(deps: ClientConnectionDeps, handlers: ClientConnectionHandlers) {
    this.#deps = deps;
    this.#handlers = handlers;
    this.#nonce = deps.random(NONCE_BYTES);
    const { clock, settings, url, dial } = deps;
    this.#cancelDeadline = clock.after(settings.loginTimeoutMs, () => {
      this.#fail(new RelayError('timeout', 'the relay did not answer in time'));
    });
    const target = { href: url.href, ca: settings.ca, maxFrameBytes: settings.maxFrameBytes };
    this.#socket = dial(target, {
      opened: () => undefined,
      frame: (frame) => {
        this.#received(frame);
      },
      ended: (end) => {
        this.#ended(end);
      },
    });
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedBytes;
  }

  send(frame: Uint8Array): void {
    this.#socket.send(frame);
  }

  sendMessage(message: NodeMessage): void {
    this.#socket.send(encodeNodeMessage(message));
  }

  /** RelayError `timeout`, or why the connection ended. */
  async request(request: Numberless<Request>): Promise<Reply> {
    const n = ++this.#requests;
    const { clock, settings } = this.#deps;
    return new Promise((resolve, reject) => {
      const cancel = clock.after(settings.requestTimeoutMs, () => {
        this.#waiting.delete(n);
        reject(new RelayError('timeout', 'the relay did not answer the request in time'));
      });
      this.#waiting.set(n, { resolve, reject, cancel });
      this.sendMessage({ ...request, n });
    });
  }

  /**
   * Asks for a sign of life; none within `timeoutMs`, and the connection is given up. Does nothing while one is
   * awaited that has to come sooner.
   */
  ping(timeoutMs: number): void {
    const { clock } = this.#deps;
    const sentMs = clock.monotonic();
    const dueMs = sentMs + timeoutMs;
    if (this.#heardMs < this.#askedMs && this.#verdictMs <= dueMs) return;
    this.#askedMs = sentMs;
    this.#verdictMs = dueMs;
    this.#cancelVerdict?.();
    this.#cancelVerdict = clock.after(timeoutMs, () => {
      if (this.#heardMs < sentMs) {
        this.#fail(new RelayError('lost', 'the relay went silent'));
      }
    });
    this.request({ t: 'ping' }).then(
      ({ code }) => {
        if (code !== 'ok') return;
        this.#rttMs = clock.monotonic() - sentMs;
        this.#handlers.roundTrip(this.#rttMs);
      },
      () => undefined,
    );
  }

  /** A sign of life is wanted soon. */
  probe(): void {
    this.ping(Math.max(this.#deps.settings.probeTimeoutMs, PROBE_ROUND_TRIPS * this.#rttMs));
  }

  close(): void {
    this.#failure ??= new RelayError('stopped', 'stopped here');
    this.#socket.close();
  }

  terminate(): void {
    this.#socket.terminate();
  }

  #received(frame: Uint8Array): void {
    if (this.#phase === 'ended' || this.#failure !== undefined) return;
    this.#heardMs = this.#deps.clock.monotonic();
    try {
      if (this.#phase !== 'online') this.#receivedBeforeLogin(frame);
      else if (frame[0] === FRAME.control) this.#receivedMessage(decodeRelayMessage(frame));
      else this.#handlers.frame(frame);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#fail(new RelayError('protocol', `not a relay's message: ${error.message}`));
    }
  }

  #receivedBeforeLogin(frame: Uint8Array): void {
    const message = decodeRelayMessage(frame);
    if (message?.t === 'challenge') this.#answer(message);
    else if (message?.t === 'welcome') this.#welcomed(message);
    else if (message?.t === 'error') this.#fail(refusalOf(message.code));
  }

  #answer(challenge: Challenge): void {
    const { url, identity, instance, settings } = this.#deps;
    if (this.#phase !== 'connecting') throw new WireError('a second challenge');
    if (!isPinned(url, challenge.key)) {
      const found = encodeNodeId(challenge.key);
      this.#fail(
        new RelayError('wrong_relay', `the relay there is ${found}, not the one pinned`, {
          hint: 'If the relay has a new key, ask its operator for the new URL; otherwise somebody else answers there.',
        }),
      );
      return;
    }
    if (commonVersion(challenge) === undefined) {
      this.#fail(refusalOf('version'));
      return;
    }
    // What was received is a view into a network buffer.
    const { key, nonce } = challenge;
    this.#phase = { answered: { ...challenge, key: key.slice(), nonce: nonce.slice() } };
    const { token } = settings;
    this.sendMessage(answerChallenge(challenge, { identity, instance, nonce: this.#nonce, token }));
  }

  #welcomed(welcome: Extract<RelayMessage, { t: 'welcome' }>): void {
    if (typeof this.#phase === 'string') throw new WireError('a welcome before the challenge');
    const challenge = this.#phase.answered;
    const proved = { identity: this.#deps.identity, nonce: this.#nonce };
    if (!isProven(challenge, proved, welcome)) {
      this.#fail(new RelayError('wrong_relay', 'the relay cannot prove the key that it names'));
      return;
    }
    const { clock, settings } = this.#deps;
    const { limits, stunPort } = welcome;
    if (limits.frameBytes < FRAME_LIMIT.min || limits.frameBytes > settings.maxFrameBytes) {
      this.#fail(wrongFrameLimit(limits.frameBytes));
      return;
    }
    this.#phase = 'online';
    this.#cancelDeadline();
    this.#cancelPings = every(clock, settings.pingIntervalMs, () => {
      this.ping(settings.pongTimeoutMs);
    });
    this.#handlers.online({ key: challenge.key, limits, stunPort });
    this.ping(settings.pongTimeoutMs);
  }

  #receivedMessage(message: RelayMessage | undefined): void {
    if (message?.t === 'reply') {
      const waiting = this.#waiting.get(message.n);
      this.#waiting.delete(message.n);
      waiting?.cancel();
      waiting?.resolve(message);
    } else if (message?.t === 'error') {
      this.#fail(refusalOf(message.code));
    } else if (message !== undefined) {
      this.#handlers.message(message);
    }
  }

  /** Ends the connection; the first reason counts. */
  #fail(error: RelayError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#socket.terminate();
  }

  #ended(end: DialEnd): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'ended';
    this.#cancelDeadline();
    this.#cancelPings();
    this.#cancelVerdict?.();
    for (const { reject, cancel } of this.#waiting.values()) {
      cancel();
      reject(new RelayError('offline', 'the connection to the relay ended'));
    }
    this.#waiting.clear();
    this.#handlers.ended(this.#failure ?? ('error' in end ? end.error : refusalOf(end.reason)));
  }
}

function wrongFrameLimit(bytes: number): RelayError {
  const { min, max } = FRAME_LIMIT;
  const message = `the relay lets frames of ${bytes} bytes through; nodes need ${min} and take ${max}`;
  return new RelayError('protocol', message, {
    hint: 'The relay’s operator has to change its --max-frame-bytes, or leave that out.',
  });
}
