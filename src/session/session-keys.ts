import type { Clock } from '../base/clock.ts';
import { Deadline } from './deadline.ts';
import type { TransportKeys } from './noise.ts';
import { ReceiveKey, SendKey } from './packet.ts';
import type { SessionSettings } from './session-settings.ts';

/** The keys that one handshake made. */
export class Epoch {
  /** Names these keys in packets to us. */
  readonly localIndex: number;
  readonly isInitiator: boolean;
  readonly createdMs: number;
  readonly send: SendKey;
  readonly receive: ReceiveKey;
  /** The peer has shown that it has these keys too. */
  isConfirmed = false;

  constructor(
    keys: TransportKeys,
    { isInitiator, localIndex, remoteIndex, createdMs }: EpochNames,
  ) {
    const { initiatorToResponder, responderToInitiator } = keys;
    const [out, back] = isInitiator
      ? [initiatorToResponder, responderToInitiator]
      : [responderToInitiator, initiatorToResponder];
    this.localIndex = localIndex;
    this.isInitiator = isInitiator;
    this.createdMs = createdMs;
    this.send = new SendKey(out, remoteIndex);
    this.receive = new ReceiveKey(back);
  }

  erase(): void {
    this.send.erase();
    this.receive.erase();
  }
}

export interface EpochNames {
  readonly isInitiator: boolean;
  readonly localIndex: number;
  readonly remoteIndex: number;
  readonly createdMs: number;
}

/** Packets under the keys before may still be under way on a slow or second link. */
export const PREVIOUS_KEYS_LIFE_MS = 60_000;

type KeySettings = Pick<SessionSettings, 'rekeyAfterMs' | 'rekeyAfterPackets' | 'rejectAfterMs'>;

/**
 * The keys of a living session: `current` seals, `current` and `previous` open. Each is erased when its
 * time is over; a session that was idle for longer has none and makes new ones when it is used.
 */
export class SessionKeys {
  readonly #clock: Clock;
  readonly #settings: KeySettings;
  readonly #expiry: Deadline;
  #current: Epoch | undefined;
  #previous: { readonly epoch: Epoch; readonly untilMs: number } | undefined;

  constructor(clock: Clock, settings: KeySettings, first: Epoch) {
    this.#clock = clock;
    this.#settings = settings;
    this.#current = first;
    this.#expiry = new Deadline(clock, () => {
      this.#expire();
    });
    this.#expire();
  }

  get current(): Epoch | undefined {
    return this.#current;
  }

  /** The keys for sealing; undefined when new ones have to be made first. */
  get sealing(): Epoch | undefined {
    const epoch = this.#current;
    // Twice the number that asks for new keys: half of it is time to get them.
    const isUsedUp =
      epoch !== undefined && epoch.send.count >= 2 * this.#settings.rekeyAfterPackets;
    return epoch === undefined || isUsedUp || this.#isTooOld(epoch) ? undefined : epoch;
  }

  /** The keys that a receiver index names. */
  find(index: number): Epoch | undefined {
    const epoch = [this.#current, this.#previous?.epoch].find((one) => one?.localIndex === index);
    return epoch === undefined || this.#isTooOld(epoch) ? undefined : epoch;
  }

  /**
   * True when it is time for new keys. The session's initiator is first to ask; its peer does so only
   * when half of the rest of their life is over, so that the two rarely ask at once.
   */
  isRekeyDue(asInitiator: boolean): boolean {
    const epoch = this.#current;
    if (epoch === undefined) return true;
    const { rekeyAfterMs, rejectAfterMs, rekeyAfterPackets } = this.#settings;
    const afterMs = asInitiator ? rekeyAfterMs : (rekeyAfterMs + rejectAfterMs) / 2;
    const afterPackets = asInitiator ? rekeyAfterPackets : rekeyAfterPackets * 1.5;
    const ageMs = this.#clock.monotonic() - epoch.createdMs;
    return ageMs >= afterMs || epoch.send.count >= afterPackets;
  }

  /** New keys take over; those before open what is still under way. */
  install(epoch: Epoch): void {
    this.#keepForReceiving(this.#current);
    this.#current = epoch;
    this.#expire();
  }

  /** Keys that the peer confirmed when newer ones were in use already: good for receiving. */
  installLate(epoch: Epoch): void {
    this.#keepForReceiving(epoch);
    this.#expire();
  }

  erase(): void {
    this.#expiry.clear();
    this.#current?.erase();
    this.#previous?.epoch.erase();
    this.#current = undefined;
    this.#previous = undefined;
  }

  #keepForReceiving(epoch: Epoch | undefined): void {
    if (epoch === undefined) return;
    this.#previous?.epoch.erase();
    this.#previous = { epoch, untilMs: this.#clock.monotonic() + PREVIOUS_KEYS_LIFE_MS };
  }

  #expire(): void {
    const nowMs = this.#clock.monotonic();
    if (this.#previous !== undefined && this.#previous.untilMs <= nowMs) {
      this.#previous.epoch.erase();
      this.#previous = undefined;
    }
    if (this.#current !== undefined && this.#isTooOld(this.#current)) {
      this.#current.erase();
      this.#current = undefined;
    }
    const next = [this.#previous?.untilMs, this.#endOf(this.#current)].filter(
      (dueMs) => dueMs !== undefined,
    );
    if (next.length > 0) this.#expiry.set(Math.min(...next));
  }

  #isTooOld(epoch: Epoch): boolean {
    return this.#clock.monotonic() - epoch.createdMs >= this.#settings.rejectAfterMs;
  }

  #endOf(epoch: Epoch | undefined): number | undefined {
    return epoch === undefined ? undefined : epoch.createdMs + this.#settings.rejectAfterMs;
  }
}
