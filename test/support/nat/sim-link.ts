/**
 * A link over simulated datagrams: go-back-N, every datagram one packet of a session.
 *
 *     prefix       2   ff 01, as UDX has it
 *     type         1   0 data, 1 acknowledgement, 2 end
 *     reserved     1   0
 *     receiver     4   the stream id of who gets it
 *     number       4   of this packet, from 0; in an acknowledgement the next one that is wanted
 *     packet       n
 */
import type { Cancel, Clock } from '../../../src/base/clock.ts';
import type { LinkHandlers, UnderlayLink } from '../../../src/daemon/paths/underlay.ts';
import { MIN_LINK_PACKET_BYTES } from '../../../src/session/packet.ts';

export const SIM_LINK_PREFIX = [0xff, 0x01] as const;
const HEADER_BYTES = 12;
const TYPE = { data: 0, ack: 1, end: 2 } as const;
const WINDOW = 64;
const FIRST_RTO_MS = 300;
const MAX_RTO_MS = 2_000;
const GIVE_UP_MS = 10_000;
const LINGER_MS = 1_000;

export interface SimLinkOptions {
  readonly clock: Clock;
  readonly remoteId: number;
  readonly handlers: LinkHandlers;
  readonly send: (datagram: Uint8Array) => void;
  /** Nothing is received any more. */
  readonly gone: () => void;
}

/** The receiver of a datagram of a link; undefined for other datagrams. */
export function simLinkReceiver(datagram: Uint8Array): number | undefined {
  const isOurs = SIM_LINK_PREFIX.every((byte, i) => datagram[i] === byte);
  if (!isOurs || datagram.length < HEADER_BYTES) return undefined;
  return viewOf(datagram).getUint32(4);
}

export class SimLink implements UnderlayLink {
  readonly kind = 'direct';
  readonly maxPacketBytes = MIN_LINK_PACKET_BYTES;
  readonly #options: SimLinkOptions;
  /** Not acknowledged, the first of them numbered `#firstNumber`. */
  readonly #queue: Uint8Array[] = [];
  #firstNumber = 0;
  #inFlight = 0;
  #wanted = 0;
  #rtoMs = FIRST_RTO_MS;
  #rttMs: number | undefined;
  /** A packet that went out once, and when. */
  #timed: { readonly number: number; readonly sentMs: number } | undefined;
  #progressMs: number;
  #cancelTimer: Cancel | undefined;
  #state: 'open' | 'closing' | 'gone' = 'open';
  #onGone: () => void = () => undefined;

  constructor(options: SimLinkOptions) {
    this.#options = options;
    this.#progressMs = options.clock.monotonic();
  }

  get rttMs(): number | undefined {
    return this.#rttMs;
  }

  send(packet: Uint8Array): void {
    if (this.#state === 'open') this.#enqueue(TYPE.data, packet);
  }

  async close(): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'closing';
      this.#enqueue(TYPE.end, new Uint8Array());
      this.#options.clock.after(LINGER_MS, () => {
        this.#leave();
      });
    }
    if (this.#state === 'gone') return;
    await new Promise<void>((resolve) => {
      const others = this.#onGone;
      this.#onGone = () => {
        others();
        resolve();
      };
    });
  }

  receive(datagram: Uint8Array): void {
    const type = datagram[2];
    const number = viewOf(datagram).getUint32(8);
    if (type === TYPE.ack) {
      this.#onAcknowledged(number);
      return;
    }
    const isWanted = number === this.#wanted;
    if (isWanted) this.#wanted++;
    this.#options.send(encode(TYPE.ack, this.#options.remoteId, this.#wanted));
    if (!isWanted || this.#state !== 'open') return;
    if (type === TYPE.end) this.end('peer_closed');
    else this.#options.handlers.packet(datagram.slice(HEADER_BYTES));
  }

  /** As if the sockets found out. */
  end(reason: string): void {
    const wasOpen = this.#state === 'open';
    this.#leave();
    if (wasOpen) this.#options.handlers.closed(reason);
  }

  #enqueue(type: number, packet: Uint8Array): void {
    const { clock, remoteId } = this.#options;
    if (this.#queue.length === 0) this.#progressMs = clock.monotonic();
    const number = this.#firstNumber + this.#queue.length;
    this.#queue.push(encode(type, remoteId, number, packet));
    this.#transmit();
  }

  #transmit(): void {
    const { clock, send } = this.#options;
    while (this.#inFlight < Math.min(WINDOW, this.#queue.length)) {
      const datagram = this.#queue[this.#inFlight];
      this.#timed ??= {
        number: this.#firstNumber + this.#inFlight,
        sentMs: clock.monotonic(),
      };
      this.#inFlight++;
      if (datagram !== undefined) send(datagram);
    }
    if (this.#inFlight > 0)
      this.#cancelTimer ??= clock.after(this.#rtoMs, () => {
        this.#goBack();
      });
  }

  #goBack(): void {
    this.#cancelTimer = undefined;
    if (this.#options.clock.monotonic() - this.#progressMs >= GIVE_UP_MS) {
      this.end('timed_out');
      return;
    }
    this.#rtoMs = Math.min(MAX_RTO_MS, 2 * this.#rtoMs);
    this.#inFlight = 0;
    this.#transmit();
    // Nobody knows which of the two is acknowledged (Karn's rule).
    this.#timed = undefined;
  }

  #onAcknowledged(next: number): void {
    const count = next - this.#firstNumber;
    if (count <= 0 || count > this.#queue.length) return;
    const nowMs = this.#options.clock.monotonic();
    if (this.#timed !== undefined && this.#timed.number < next) {
      this.#rttMs = nowMs - this.#timed.sentMs;
      this.#timed = undefined;
    }
    this.#queue.splice(0, count);
    this.#firstNumber = next;
    this.#inFlight = Math.max(0, this.#inFlight - count);
    this.#progressMs = nowMs;
    this.#rtoMs = Math.max(FIRST_RTO_MS, 2 * (this.#rttMs ?? 0));
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#state === 'closing' && this.#queue.length === 0) this.#leave();
    else this.#transmit();
  }

  #leave(): void {
    if (this.#state === 'gone') return;
    this.#state = 'gone';
    this.#cancelTimer?.();
    this.#options.gone();
    this.#onGone();
  }
}

function encode(
  type: number,
  receiver: number,
  number: number,
  packet: Uint8Array = new Uint8Array(),
): Uint8Array {
  const datagram = new Uint8Array(HEADER_BYTES + packet.length);
  datagram.set([...SIM_LINK_PREFIX, type]);
  viewOf(datagram).setUint32(4, receiver);
  viewOf(datagram).setUint32(8, number);
  datagram.set(packet, HEADER_BYTES);
  return datagram;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
