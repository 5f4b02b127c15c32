import { equalBytes } from '../base/bytes.ts';
import type { Clock } from '../base/clock.ts';
import type { RandomBytes } from '../base/random.ts';
import { TokenBucket } from '../base/token-bucket.ts';
import { WireError } from '../base/wire-error.ts';
import type { Identity } from '../identity/identity.ts';
import type { KeyChain } from '../identity/key-chain.ts';
import { openBatch } from './batch.ts';
import type { CookieIssuer } from './cookie.ts';
import { Deadline } from './deadline.ts';
import {
  decodeInitiation,
  encodeCookieReply,
  encodeResponse,
  handshakeFault,
  hasValidMac1,
  isSameInitiation,
} from './handshake-packet.ts';
import {
  decodeInitiationPayload,
  encodeResponsePayload,
  type InitiationPayload,
  type ResponsePayload,
} from './handshake-payload.ts';
import { randomIndex } from './initiator.ts';
import { IkResponder } from './noise.ts';
import { type ChainFault, judgeChain } from './peer-chain.ts';
import type { DropReason, SessionCounters } from './session-counters.ts';
import { Epoch } from './session-keys.ts';
import { noisePrologue, staticKeyPair } from './static-key.ts';
import { X25519_BYTES, x25519KeyPair } from './x25519.ts';

/** Longer than an initiator goes on trying to show that it has the keys (see FIRST_SILENCE_MS). */
export const HALF_OPEN_LIFE_MS = 15_000;
const INITIATIONS = { perSecond: 1, burst: 10 };

export interface ResponderDeps {
  readonly identity: () => Identity;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly counters: SessionCounters;
  readonly cookies: CookieIssuer;
  /** What a cookie stands for: where packets of this peer come from. */
  readonly source: () => string;
  readonly isUnderLoad: () => boolean;
  readonly send: (packet: Uint8Array) => void;
}

/** An initiation that we could read: the peer's own words, verified. */
export interface PeerInitiation {
  readonly session: Uint8Array;
  readonly rekey: boolean;
  readonly atMs: number;
  readonly peerWindowBytes: number;
  readonly peerFeatures: readonly string[];
  readonly chain: KeyChain | Exclude<ChainFault, 'wrong_identity'>;
  readonly early: readonly Uint8Array[];
  readonly packet: Buffer;
  readonly senderIndex: number;
  readonly noise: IkResponder;
}

export interface AcceptTerms {
  readonly windowBytes: number;
  readonly features: readonly string[];
}

/** An accepted initiation whose sender has not yet shown that it got our answer. */
export interface HalfOpen {
  readonly initiation: PeerInitiation;
  readonly epoch: Epoch;
  readonly response: Buffer;
}

/**
 * The side of the handshake that answers. Cheap checks come first; keys made here count for nothing until
 * a packet under them arrives. At most two half-open handshakes are kept: the one whose initiator says
 * it is the newest, and the one that came last. So initiations played again push out each
 * other and never the real one.
 */
export class Responder {
  readonly #deps: ResponderDeps;
  readonly #bucket: TokenBucket;
  readonly #expiry: Deadline;
  #halfOpen: readonly HalfOpen[] = [];

  constructor(deps: ResponderDeps) {
    this.#deps = deps;
    this.#bucket = new TokenBucket(INITIATIONS, deps.clock.monotonic());
    this.#expiry = new Deadline(deps.clock, () => {
      this.#expire();
    });
  }

  /** Everything that costs no curve arithmetic: why the initiation is not read, if it is not. */
  screen(packet: Buffer): DropReason | undefined {
    const fault = handshakeFault(packet);
    if (fault !== undefined) return fault;
    const { cookies, clock } = this.#deps;
    const source = this.#deps.source();
    const ownStatic = staticKeyPair(this.#deps.identity()).publicKey;
    if (!hasValidMac1(packet, ownStatic)) return 'bad_mac';
    if (this.#deps.isUnderLoad() && !cookies.accepts(packet, source)) {
      this.#deps.send(encodeCookieReply(cookies.reply(packet, source, ownStatic)));
      return 'cookie_required';
    }
    return this.#bucket.take(clock.monotonic()) ? undefined : 'rate_limited';
  }

  /** True when the initiation has been answered already; the same answer goes out again. */
  answerAgain(packet: Buffer): boolean {
    const known = this.#halfOpen.find((one) => isSameInitiation(one.initiation.packet, packet));
    if (known !== undefined) this.#deps.send(known.response);
    return known !== undefined;
  }

  /** Decrypts and verifies an initiation that has passed `screen`. */
  read(packet: Buffer, known: KeyChain): PeerInitiation | DropReason {
    this.#deps.counters.initiationsRead += 1;
    const identity = this.#deps.identity();
    const { senderIndex, noise: message } = decodeInitiation(packet);
    const noise = new IkResponder({
      prologue: noisePrologue('pilot/1', identity.firstKey),
      static: staticKeyPair(identity),
    });
    const payload = readPayload(noise, message, senderIndex);
    if (payload === undefined) return 'unreadable_handshake';
    const chain = judgeChain(known, payload.chain, noise.remoteStatic);
    if (chain === 'wrong_identity') return 'wrong_identity';
    const early = typeof chain === 'string' ? [] : readEarly(payload, chain, identity.firstKey);
    if (early === undefined) return 'bad_batch';
    const { session, rekey, atMs, windowBytes: peerWindowBytes, features: peerFeatures } = payload;
    const words = { rekey, atMs, peerWindowBytes, peerFeatures, chain, early };
    return { session: session.slice(), ...words, packet: Buffer.from(packet), senderIndex, noise };
  }

  refuse(initiation: PeerInitiation, code: string): void {
    const index = randomIndex(this.#deps.random);
    this.#deps.send(this.#answer(initiation, { index, accept: false, code }));
  }

  /** Answers, and keeps the keys until the peer confirms them. */
  accept(initiation: PeerInitiation, { windowBytes, features }: AcceptTerms): void {
    const localIndex = randomIndex(this.#deps.random);
    const payload = { index: localIndex, accept: true, windowBytes, features } as const;
    const response = this.#answer(initiation, payload);
    const epoch = new Epoch(initiation.noise.split(), {
      isInitiator: false,
      localIndex,
      remoteIndex: initiation.senderIndex,
      createdMs: this.#deps.clock.monotonic(),
    });
    this.#keep({ initiation, epoch, response });
    this.#deps.send(response);
  }

  find(index: number): HalfOpen | undefined {
    return this.#halfOpen.find(({ epoch }) => epoch.localIndex === index);
  }

  has(session: Uint8Array): boolean {
    return this.#halfOpen.some((one) => equalBytes(one.initiation.session, session));
  }

  /** Hands these keys over to the open session; what else is half-open came to nothing. */
  take(confirmed: HalfOpen): void {
    this.#halfOpen = this.#halfOpen.filter((one) => one !== confirmed);
    this.forget(() => true);
  }

  forget(isOver: (one: HalfOpen) => boolean): void {
    for (const one of this.#halfOpen) if (isOver(one)) one.epoch.erase();
    this.#halfOpen = this.#halfOpen.filter((one) => !isOver(one));
    if (this.#halfOpen.length === 0) this.#expiry.clear();
  }

  #answer({ noise, senderIndex }: PeerInitiation, payload: ResponsePayload): Buffer {
    const ephemeral = x25519KeyPair(this.#deps.random(X25519_BYTES));
    const message = noise.writeMessage2(ephemeral, encodeResponsePayload(payload));
    return encodeResponse(
      { senderIndex: payload.index, receiverIndex: senderIndex, noise: message },
      noise.remoteStatic,
    );
  }

  #keep(latest: HalfOpen): void {
    const newest = this.#halfOpen.reduce(
      (best, one) => (one.initiation.atMs > best.initiation.atMs ? one : best),
      latest,
    );
    for (const one of this.#halfOpen) if (one !== newest) one.epoch.erase();
    this.#halfOpen = newest === latest ? [latest] : [newest, latest];
    this.#expireLater();
  }

  #expire(): void {
    const youngestMs = this.#deps.clock.monotonic() - HALF_OPEN_LIFE_MS;
    this.forget(({ epoch }) => epoch.createdMs <= youngestMs);
    this.#expireLater();
  }

  #expireLater(): void {
    const oldestMs = Math.min(...this.#halfOpen.map(({ epoch }) => epoch.createdMs));
    if (this.#halfOpen.length > 0) this.#expiry.set(oldestMs + HALF_OPEN_LIFE_MS);
  }
}

function readPayload(
  noise: IkResponder,
  message: Uint8Array,
  senderIndex: number,
): InitiationPayload | undefined {
  try {
    const payload = decodeInitiationPayload(noise.readMessage1(message));
    return payload.index === senderIndex ? payload : undefined;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

/** Undefined when there is early data that its sender did not sign for us. */
function readEarly(
  { batch }: InitiationPayload,
  chain: KeyChain,
  ownFirstKey: Uint8Array,
): readonly Uint8Array[] | undefined {
  if (batch === undefined) return [];
  try {
    return openBatch(batch, chain.currentKey, ownFirstKey).items;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
