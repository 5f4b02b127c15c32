/** A wire with everything on it: delivers by address, what it does not know to its gateway. */
import type { Clock } from '../../../src/base/clock.ts';
import type { Endpoint } from '../../../src/base/endpoint.ts';
import { type RandomBytes, randomFraction } from '../../../src/base/random.ts';

export interface Packet {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
}

export interface NetworkNode {
  receive(packet: Packet, via: Segment): void;
}

export interface SegmentSettings {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly delayMs: number;
}

export class Segment {
  readonly #nodes = new Map<string, NetworkNode>();
  readonly #settings: SegmentSettings;
  gateway: NetworkNode | undefined;
  /** The share of packets that get lost. */
  loss = 0;
  /** All that went over it. */
  packets = 0;

  constructor(settings: SegmentSettings) {
    this.#settings = settings;
  }

  get random(): RandomBytes {
    return this.#settings.random;
  }

  get clock(): Clock {
    return this.#settings.clock;
  }

  attach(host: string, node: NetworkNode): void {
    if (this.#nodes.has(host)) throw new Error(`${host} is on this segment already`);
    this.#nodes.set(host, node);
  }

  detach(host: string): void {
    this.#nodes.delete(host);
  }

  send(packet: Packet): void {
    this.packets++;
    if (this.loss > 0 && randomFraction(this.#settings.random) < this.loss) return;
    this.#settings.clock.after(this.#settings.delayMs, () => {
      const node = this.#nodes.get(packet.to.host) ?? this.gateway;
      node?.receive(packet, this);
    });
  }
}
