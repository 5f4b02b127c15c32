/** A router for public addresses that lets in what answers something that went out. */
import { formatEndpoint } from '../../../src/base/endpoint.ts';
import type { NetworkNode, Packet, Segment } from './segment.ts';

export class Firewall implements NetworkNode {
  readonly #inner: Segment;
  readonly #outer: Segment;
  readonly #timeoutMs: number;
  /** When each flow was last used from the inside. */
  readonly #flows = new Map<string, number>();

  constructor(
    legs: { readonly inner: Segment; readonly outer: Segment; readonly hosts: readonly string[] },
    timeoutMs: number,
  ) {
    this.#inner = legs.inner;
    this.#outer = legs.outer;
    this.#timeoutMs = timeoutMs;
    legs.inner.gateway = this;
    for (const host of legs.hosts) legs.outer.attach(host, this);
  }

  receive(packet: Packet, via: Segment): void {
    const [inside, outside] = [formatEndpoint(packet.from), formatEndpoint(packet.to)];
    const nowMs = this.#inner.clock.monotonic();
    if (via === this.#inner) {
      this.#flows.set(`${inside} ${outside}`, nowMs);
      this.#outer.send(packet);
      return;
    }
    const usedMs = this.#flows.get(`${outside} ${inside}`);
    if (usedMs !== undefined && nowMs - usedMs < this.#timeoutMs) this.#inner.send(packet);
  }
}
