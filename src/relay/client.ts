/**
 *     [stopped] ──start──> [connecting] ──login──> [online]
 *                               ^  │ fails            │ ends
 *                        timer  │  v                  │
 *                             [waiting] <─────────────┘
 */
import { Backoff } from '../base/backoff.ts';
import { toHex } from '../base/bytes.ts';
import type { Cancel, Clock } from '../base/clock.ts';
import { Emitter } from '../base/events.ts';
import type { RandomBytes } from '../base/random.ts';
import type { Identity } from '../identity/identity.ts';
import { ClientConnection, type Numberless, type ProvenRelay } from './client-connection.ts';
import { DEFAULT_RELAY_CLIENT_SETTINGS, type RelayClientSettings } from './client-settings.ts';
import { INSTANCE_BYTES, MAX_WATCH_KEYS } from './control.ts';
import type { LookupKey, RelayMessage, Reply, Request, WelcomeLimits } from './control-message.ts';
import type { Dial } from './dial.ts';
import { DATA_HEADER_BYTES, dataFrame, FRAME, framePacket, framePeer } from './protocol.ts';
import { RelayError, type RelayErrorCode } from './relay-error.ts';
import type { RelayLog } from './relay-log.ts';
import { failureOf } from './relay-refusal.ts';
import { formatRelayUrl, parseRelayUrl, type RelayUrl } from './relay-url.ts';

export interface RelayClientEvents {
  readonly online: object;
  /** A connection ended or an attempt failed; nobody is present any more. */
  readonly offline: { readonly reason: string; readonly code: RelayErrorCode };
  readonly presence: { readonly key: Uint8Array; readonly online: boolean };
  readonly packet: { readonly from: Uint8Array; readonly packet: Uint8Array };
  readonly unreachable: { readonly key: Uint8Array };
  readonly envelope: {
    readonly id: Uint8Array;
    readonly from: Uint8Array;
    readonly body: Uint8Array;
  };
  /** Another process is, or wants to be, logged in with our identity. */
  readonly duplicate: object;
}

export interface RelayClientOptions {
  /** As `parseRelayUrl` takes it. */
  readonly url: string;
  readonly identity: Identity;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly dial: Dial;
  readonly settings?: Partial<RelayClientSettings>;
  readonly log?: RelayLog;
}

export type RelayClientState = 'connecting' | 'online' | 'waiting';

interface Online {
  readonly connection: ClientConnection;
  readonly limits: WelcomeLimits;
  /** By the monotonic clock. */
  readonly atMs: number;
}

/** A node's end of one relay: stays logged in, whatever happens to the network or the relay. */
export class RelayClient {
  readonly url: string;
  readonly #options: RelayClientOptions;
  readonly #relay: RelayUrl;
  readonly #settings: RelayClientSettings;
  readonly #instance: Uint8Array;
  readonly #backoff: Backoff;
  readonly #events = new Emitter<RelayClientEvents>();
  readonly #watched = new Map<string, Uint8Array>();
  readonly #present = new Set<string>();
  #state: RelayClientState = 'waiting';
  #sinceMs: number;
  #failure: RelayError | undefined;
  #relayKey: Uint8Array | undefined;
  #stunPort: number | undefined;
  #rttMs: number | undefined;
  #connection: ClientConnection | undefined;
  #online: Online | undefined;
  #cancelRetry: Cancel = () => undefined;
  #isStarted = false;
  /** Those who wait for the end of the connection. */
  #whenEnded: (() => void)[] = [];

  /** PilotError `invalid_argument` for a URL that is none. */
  constructor(options: RelayClientOptions) {
    this.#options = options;
    this.#relay = parseRelayUrl(options.url);
    this.url = formatRelayUrl(this.#relay);
    this.#settings = { ...DEFAULT_RELAY_CLIENT_SETTINGS, ...options.settings };
    this.#instance = options.random(INSTANCE_BYTES);
    this.#backoff = new Backoff(this.#settings.backoff, options.random);
    this.#sinceMs = options.clock.now();
  }

  get state(): RelayClientState {
    return this.#state;
  }

  /** When it went online, or since when it has not been (Unix epoch). */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** Why it is not online: of the last attempt. */
  get failure(): RelayError | undefined {
    return this.#online === undefined ? this.#failure : undefined;
  }

  /** Proved by the relay; undefined before the first login. */
  get relayKey(): Uint8Array | undefined {
    return this.#relayKey;
  }

  /** Where the relay answered STUN at the last login, at the host of `url`; undefined: nowhere. */
  get stunPort(): number | undefined {
    return this.#stunPort;
  }

  get rttMs(): number | undefined {
    return this.#rttMs;
  }

  on<Name extends keyof RelayClientEvents>(
    name: Name,
    listener: (event: RelayClientEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener);
  }

  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#connect();
  }

  /** Resolves when the connection is closed. May be called twice, and `start` again after it. */
  async stop(): Promise<void> {
    this.#isStarted = false;
    this.#cancelRetry();
    const connection = this.#connection;
    if (connection === undefined) return;
    const cancel = this.#options.clock.after(this.#settings.probeTimeoutMs, () => {
      connection.terminate();
    });
    await new Promise<void>((resolve) => {
      this.#whenEnded.push(resolve);
      connection.close();
    });
    cancel();
  }

  /**
   * Something makes the connection suspect (sleep, another network, a silent path): it answers soon or is given
   * up. Repeated, it neither asks more often nor puts the end off.
   */
  probe(): void {
    this.#online?.connection.probe();
  }

  /**
   * The host has another network, or woke up: a connection is probed, and without one the waits begin anew, at once
   * with the first. Not where another node took the place: that it waits for.
   */
  networkChanged(): void {
    this.probe();
    if (!this.#isStarted || this.#online !== undefined || isContested(this.#failure)) return;
    this.#backoff.reset();
    if (this.#state !== 'waiting') return;
    this.#cancelRetry();
    this.#connect();
  }

  /** False: not online, too large, or too much waits already; nothing was taken. */
  send(peer: Uint8Array, packet: Uint8Array): boolean {
    const online = this.#online;
    if (online === undefined) return false;
    const { connection, limits } = online;
    const bytes = DATA_HEADER_BYTES + packet.length;
    if (bytes > limits.frameBytes) return false;
    if (connection.bufferedBytes + bytes > this.#settings.maxBufferedBytes) return false;
    connection.send(dataFrame(peer, packet));
    return true;
  }

  /** Whom to see and be seen by, if they watch us too. Remembered, and sent again after each login. */
  watch(add: readonly Uint8Array[], remove: readonly Uint8Array[] = []): void {
    for (const peer of remove) {
      this.#watched.delete(toHex(peer));
      this.#present.delete(toHex(peer));
    }
    for (const peer of add) this.#watched.set(toHex(peer), peer.slice());
    this.#sendWatch(add, remove);
  }

  isPresent(peer: Uint8Array): boolean {
    return this.#present.has(toHex(peer));
  }

  /** RelayError: as `put`, and `stale_record`, `bad_record`. */
  async publish(record: Uint8Array): Promise<'ok' | 'address_taken' | 'hostname_taken'> {
    const { code } = await this.#request({ t: 'publish', record });
    if (code === 'ok' || code === 'address_taken' || code === 'hostname_taken') return code;
    throw failureOf(code);
  }

  /** The signed record of a node; the caller verifies it. RelayError as `put`. */
  async lookup(by: LookupKey): Promise<Uint8Array | undefined> {
    const { code, record } = await this.#request({ t: 'lookup', by });
    if (code === 'ok') return record;
    throw failureOf(code);
  }

  /**
   * Resolves when the relay has the envelope on disk. RelayError `offline`, `timeout`, `mailbox_full`,
   * `too_large`, `expired`, `rate_limited`, `unavailable`. Repeating it is harmless.
   */
  async put(envelope: {
    readonly to: Uint8Array;
    /** 16 bytes, chosen by the sender. */
    readonly id: Uint8Array;
    readonly body: Uint8Array;
    readonly expiresAtMs: number;
  }): Promise<void> {
    if (envelope.body.length > (this.#online?.limits.bodyBytes ?? Infinity)) {
      throw failureOf('too_large');
    }
    const { code } = await this.#request({ t: 'put', ...envelope });
    if (code !== 'stored') throw failureOf(code);
  }

  /** The envelope is safe with us: the relay may forget it. Untold, it comes again at the next login. */
  taken(from: Uint8Array, id: Uint8Array): void {
    this.#online?.connection.sendMessage({ t: 'taken', from, id });
  }

  async #request(request: Numberless<Request>): Promise<Reply> {
    if (this.#online === undefined) throw new RelayError('offline', 'not logged in at the relay');
    return this.#online.connection.request(request);
  }

  #connect(): void {
    this.#turn('connecting');
    const { identity, clock, random, dial } = this.#options;
    const deps = { url: this.#relay, instance: this.#instance, settings: this.#settings };
    const connection = new ClientConnection(
      { ...deps, identity, clock, random, dial },
      {
        online: (relay) => {
          this.#wentOnline(connection, relay);
        },
        message: (message) => {
          this.#received(message);
        },
        frame: (frame) => {
          this.#receivedFrame(frame);
        },
        roundTrip: (rttMs) => {
          this.#rttMs = rttMs;
        },
        ended: (error) => {
          this.#ended(error);
        },
      },
    );
    this.#connection = connection;
  }

  #wentOnline(connection: ClientConnection, { key, limits, stunPort }: ProvenRelay): void {
    const { clock, log } = this.#options;
    this.#online = { connection, limits, atMs: clock.monotonic() };
    this.#relayKey = key;
    this.#stunPort = stunPort;
    this.#turn('online');
    log?.info({ relay: this.#relay.href }, 'relay online');
    this.#sendWatch([...this.#watched.values()], []);
    this.#events.emit('online', {});
  }

  #received(message: RelayMessage): void {
    switch (message.t) {
      case 'presence':
        this.#receivedPresence(message);
        break;
      case 'envelope': {
        const { id, from, body } = message;
        this.#events.emit('envelope', { id, from, body });
        break;
      }
      case 'notice':
        this.#options.log?.warn({ relay: this.#relay.href, code: message.code }, 'relay notice');
        if (message.code === 'duplicate_login') this.#events.emit('duplicate', {});
        break;
      case 'challenge':
      case 'welcome':
      case 'reply':
      case 'error':
        break;
    }
  }

  #receivedPresence({ key, online }: RelayClientEvents['presence']): void {
    const peer = toHex(key);
    // Late, or made up: then it could fill the memory with them.
    if (online && !this.#watched.has(peer)) return;
    if (online) this.#present.add(peer);
    else this.#present.delete(peer);
    this.#events.emit('presence', { key, online });
  }

  #receivedFrame(frame: Uint8Array): void {
    if (frame.length < DATA_HEADER_BYTES) return;
    if (frame[0] === FRAME.data) {
      this.#events.emit('packet', { from: framePeer(frame), packet: framePacket(frame) });
    } else if (frame[0] === FRAME.unreachable) {
      this.#events.emit('unreachable', { key: framePeer(frame) });
    }
  }

  #ended(error: RelayError): void {
    const { clock, log } = this.#options;
    const onlineMs = this.#online === undefined ? 0 : clock.monotonic() - this.#online.atMs;
    const stableMs = Math.min(this.#backoff.ceilingMs, this.#settings.stableAfterMs);
    if (onlineMs > stableMs) this.#backoff.reset();
    this.#online = undefined;
    this.#connection = undefined;
    this.#present.clear();
    const isNews = this.#state === 'online' || this.#failure?.code !== error.code;
    this.#failure = error;
    this.#turn('waiting');
    if (this.#isStarted) {
      const delayMs = this.#retryDelayMs(error);
      this.#cancelRetry = clock.after(delayMs, () => {
        this.#connect();
      });
      const fields = { relay: this.#relay.href, code: error.code, reason: error.message };
      // The same failure again and again is one line, not a storm.
      if (isNews) log?.warn(fields, 'relay offline');
      else log?.debug(fields, 'relay still offline');
    }
    this.#events.emit('offline', { reason: error.message, code: error.code });
    for (const resolve of this.#whenEnded.splice(0)) resolve();
  }

  #retryDelayMs(error: RelayError): number {
    const delayMs = this.#backoff.next();
    return isContested(error) ? this.#settings.replacedDelayMs + delayMs : delayMs;
  }

  /** `sinceMs` tells when online began, or when it ended: attempts in between do not move it. */
  #turn(state: RelayClientState): void {
    const wasOnline = this.#state === 'online';
    this.#state = state;
    if (wasOnline !== (state === 'online')) this.#sinceMs = this.#options.clock.now();
  }

  #sendWatch(add: readonly Uint8Array[], remove: readonly Uint8Array[]): void {
    const connection = this.#online?.connection;
    if (connection === undefined) return;
    for (let i = 0; i < Math.max(add.length, remove.length); i += MAX_WATCH_KEYS) {
      connection.sendMessage({
        t: 'watch',
        add: add.slice(i, i + MAX_WATCH_KEYS),
        remove: remove.slice(i, i + MAX_WATCH_KEYS),
      });
    }
  }
}

/** Another node has the place, under this identity. */
function isContested(error: RelayError | undefined): boolean {
  return error?.code === 'replaced' || error?.code === 'duplicate';
}
