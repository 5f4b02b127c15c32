import { equalBytes } from '../base/bytes.ts';
import type { Clock } from '../base/clock.ts';
import type { RandomBytes } from '../base/random.ts';
import { WireError } from '../base/wire-error.ts';
import type { Identity } from '../identity/identity.ts';
import type { KeyChain } from '../identity/key-chain.ts';
import { x25519FromEd25519 } from '../identity/x25519.ts';
import { BATCH_ID_BYTES, batchBytes, MAX_BATCH_ITEMS, signBatch } from './batch.ts';
import { COOKIE_SECRET_LIFE_MS, openCookie } from './cookie.ts';
import { Deadline } from './deadline.ts';
import {
  decodeCookieReply,
  decodeInitiation,
  decodeResponse,
  encodeInitiation,
  handshakeFault,
  hasValidResponseMac1,
  withMac2,
} from './handshake-packet.ts';
import {
  decodeResponsePayload,
  encodeInitiationPayload,
  type ResponsePayload,
} from './handshake-payload.ts';
import { IkInitiator, type TransportKeys } from './noise.ts';
import type { DropReason } from './session-counters.ts';
import { Epoch } from './session-keys.ts';
import { noisePrologue, staticKeyPair } from './static-key.ts';
import { X25519_BYTES, x25519KeyPair } from './x25519.ts';

/** WireGuard waits 5 s; a person waits here. Doubled each time. */
export const FIRST_RETRANSMIT_MS = 1000;
/** What early data may take of message 1; the rest of the 64 KiB is for the key chain and the frame. */
export const MAX_EARLY_BYTES = 48 * 1024;
/** Cookies taken in one handshake: somebody who forges replies gets no stream of initiations. */
const MAX_COOKIES = 3;

export interface InitiatorDeps {
  readonly identity: () => Identity;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly send: (packet: Uint8Array) => void;
  readonly onTimeout: () => void;
}

export interface InitiationRequest {
  readonly remote: KeyChain;
  readonly session: Uint8Array;
  readonly rekey: boolean;
  readonly early: readonly Uint8Array[];
  readonly windowBytes: number;
  /** None, unless they are named. */
  readonly features?: readonly string[];
  readonly timeoutMs: number;
}

export type InitiatorOutcome =
  | { readonly kind: 'refused'; readonly request: InitiationRequest; readonly code: string }
  | {
      readonly kind: 'accepted';
      readonly request: InitiationRequest;
      readonly epoch: Epoch;
      readonly peerWindowBytes: number;
      readonly peerFeatures: readonly string[];
      /** Undefined when message 1 was sent more than once: which one was answered? */
      readonly rttMs: number | undefined;
    };

interface Attempt {
  readonly request: InitiationRequest;
  /** As it was when the attempt began: the answer is sealed to it. */
  readonly ownStatic: Uint8Array;
  readonly noise: IkInitiator;
  readonly remoteStatic: Uint8Array;
  readonly localIndex: number;
  readonly packet: Buffer;
  readonly startedMs: number;
  transmissions: number;
  retransmitMs: number;
  cookies: number;
}

/** True when the items fit into an initiation. */
export function fitsEarly(items: readonly Uint8Array[]): boolean {
  return items.length <= MAX_BATCH_ITEMS && batchBytes(items) <= MAX_EARLY_BYTES;
}

/** The side of the handshake that begins: one attempt at a time, sent again until answered or too late. */
export class Initiator {
  readonly #deps: InitiatorDeps;
  readonly #retransmit: Deadline;
  readonly #timeout: Deadline;
  #attempt: Attempt | undefined;
  #cookie: { readonly value: Uint8Array; readonly atMs: number } | undefined;

  constructor(deps: InitiatorDeps) {
    this.#deps = deps;
    this.#retransmit = new Deadline(deps.clock, () => {
      this.#transmit();
    });
    this.#timeout = new Deadline(deps.clock, () => {
      this.cancel();
      deps.onTimeout();
    });
  }

  get isActive(): boolean {
    return this.#attempt !== undefined;
  }

  /** To whom the initiation under way went, as they were known then. */
  get remote(): KeyChain | undefined {
    return this.#attempt?.request.remote;
  }

  start(request: InitiationRequest): void {
    this.#attempt = this.#prepare(request);
    this.#timeout.setIn(request.timeoutMs);
    this.#transmit();
  }

  /** There is a new link: what went out on the old one may be lost. */
  resend(): void {
    if (this.#attempt !== undefined) this.#send(this.#attempt);
  }

  cancel(): void {
    this.#attempt = undefined;
    this.#retransmit.clear();
    this.#timeout.clear();
  }

  /** Reads message 2. What does not authenticate leaves the attempt as it is. */
  response(packet: Buffer): InitiatorOutcome | DropReason {
    const fault = handshakeFault(packet);
    if (fault !== undefined) return fault;
    const attempt = this.#attempt;
    const { receiverIndex, senderIndex, noise } = decodeResponse(packet);
    if (receiverIndex !== attempt?.localIndex) return 'unexpected_answer';
    if (!hasValidResponseMac1(packet, attempt.ownStatic)) return 'bad_mac';
    const answer = readAnswer(attempt.noise, noise, senderIndex);
    if (answer === undefined) return 'unreadable_handshake';
    this.cancel();
    return this.#outcome(attempt, answer);
  }

  /** Reads a cookie reply and sends the initiation again with it. */
  cookie(packet: Buffer): DropReason | undefined {
    const fault = handshakeFault(packet);
    if (fault !== undefined) return fault;
    const attempt = this.#attempt;
    try {
      const reply = decodeCookieReply(packet);
      if (reply.receiverIndex !== attempt?.localIndex || attempt.cookies >= MAX_COOKIES) {
        return 'unexpected_answer';
      }
      const { mac1 } = decodeInitiation(attempt.packet);
      const value = openCookie(reply, mac1, attempt.remoteStatic);
      if (this.#cookie !== undefined && equalBytes(this.#cookie.value, value)) return undefined;
      this.#cookie = { value, atMs: this.#deps.clock.monotonic() };
    } catch (error) {
      if (error instanceof WireError) return 'unreadable_handshake';
      throw error;
    }
    attempt.cookies += 1;
    this.#send(attempt);
    return undefined;
  }

  #prepare(request: InitiationRequest): Attempt {
    const { clock, random } = this.#deps;
    const own = staticKeyPair(this.#deps.identity());
    const { remote } = request;
    const remoteStatic = x25519FromEd25519(remote.currentKey);
    const noise = new IkInitiator({
      prologue: noisePrologue('pilot/1', remote.firstKey),
      static: own,
      remoteStatic,
      ephemeral: x25519KeyPair(random(X25519_BYTES)),
    });
    const localIndex = randomIndex(random);
    const message = noise.writeMessage1(this.#payload(request, localIndex));
    const packet = encodeInitiation(localIndex, message, remoteStatic);
    const startedMs = clock.monotonic();
    const keys = { ownStatic: own.publicKey, remoteStatic };
    const fixed = { request, ...keys, noise, localIndex, packet, startedMs };
    return { ...fixed, transmissions: 0, retransmitMs: FIRST_RETRANSMIT_MS, cookies: 0 };
  }

  #payload(request: InitiationRequest, index: number): Uint8Array {
    const { clock, random } = this.#deps;
    const identity = this.#deps.identity();
    const { remote, session, rekey, early, windowBytes, features = [] } = request;
    const atMs = clock.now();
    const batch =
      early.length === 0
        ? undefined
        : signBatch(identity, remote.firstKey, { id: random(BATCH_ID_BYTES), atMs, items: early });
    const chain = identity.chain.encode();
    const words = { chain, session, rekey, atMs, windowBytes, features };
    return encodeInitiationPayload({ index, ...words, batch });
  }

  #transmit(): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    this.#retransmit.setIn(attempt.retransmitMs);
    attempt.retransmitMs *= 2;
    this.#send(attempt);
  }

  #send(attempt: Attempt): void {
    attempt.transmissions += 1;
    const cookie = this.#cookie;
    const ageMs = this.#deps.clock.monotonic() - (cookie?.atMs ?? 0);
    const isUsable = cookie !== undefined && ageMs < COOKIE_SECRET_LIFE_MS;
    this.#deps.send(isUsable ? withMac2(attempt.packet, cookie.value) : attempt.packet);
  }

  #outcome(attempt: Attempt, { payload, keys }: Answer): InitiatorOutcome {
    const { request, localIndex, transmissions, startedMs } = attempt;
    if (!payload.accept) return { kind: 'refused', request, code: payload.code };
    const nowMs = this.#deps.clock.monotonic();
    const epoch = new Epoch(keys, {
      isInitiator: true,
      localIndex,
      remoteIndex: payload.index,
      createdMs: nowMs,
    });
    const rttMs = transmissions === 1 ? nowMs - startedMs : undefined;
    const { windowBytes: peerWindowBytes, features: peerFeatures } = payload;
    return { kind: 'accepted', request, epoch, peerWindowBytes, peerFeatures, rttMs };
  }
}

interface Answer {
  readonly payload: ResponsePayload;
  readonly keys: TransportKeys;
}

/** Undefined for what does not authenticate, is malformed, or came with another sender index. */
function readAnswer(
  noise: IkInitiator,
  message: Uint8Array,
  senderIndex: number,
): Answer | undefined {
  try {
    const { payload: bytes, keys } = noise.readMessage2(message);
    const payload = decodeResponsePayload(bytes);
    return payload.index === senderIndex ? { payload, keys } : undefined;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

/** A receiver index: random, so that somebody off the path cannot name our keys. */
export function randomIndex(random: RandomBytes): number {
  const bytes = random(4);
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
}
