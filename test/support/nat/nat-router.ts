/**
 * A router with address translation, in the words of RFC 4787: which outer port a flow gets (mapping), and
 * what may come back in (filtering). What comes from outside unasked is dropped and leaves no trace.
 */
import type { Endpoint } from '../../../src/base/endpoint.ts';
import { formatEndpoint } from '../../../src/base/endpoint.ts';
import { randomFraction } from '../../../src/base/random.ts';
import type { NetworkNode, Packet, Segment } from './segment.ts';

type Dependence = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent';

export interface NatBehaviour {
  readonly mapping: Dependence;
  readonly filtering: Dependence;
  readonly ports: 'preserved' | 'random' | 'sequential';
  readonly hairpin: boolean;
  readonly passesUdp: boolean;
  readonly mappingTimeoutMs: number;
}

interface Mapping {
  readonly key: string;
  readonly inner: Endpoint;
  readonly outerPort: number;
  /** Whom the inside has sent to, as the filter asks for it. */
  readonly allowed: Set<string>;
  usedMs: number;
}

const FIRST_PORT = 20_000;
const PORTS = 40_000;

export class NatRouter implements NetworkNode {
  readonly #inner: Segment;
  readonly #outer: Segment;
  readonly #behaviour: NatBehaviour;
  readonly #byKey = new Map<string, Mapping>();
  readonly #byPort = new Map<number, Mapping>();
  #outerHost: string;
  #nextPort = FIRST_PORT;
  /** Nothing passes. */
  isBlocked = false;

  constructor(
    legs: { readonly inner: Segment; readonly outer: Segment; readonly outerHost: string },
    behaviour: NatBehaviour,
  ) {
    this.#inner = legs.inner;
    this.#outer = legs.outer;
    this.#outerHost = legs.outerHost;
    this.#behaviour = behaviour;
    legs.inner.gateway = this;
    legs.outer.attach(legs.outerHost, this);
  }

  /** As after a restart. */
  forget(): void {
    this.#byKey.clear();
    this.#byPort.clear();
  }

  moveTo(outerHost: string): void {
    this.#outer.detach(this.#outerHost);
    this.#outerHost = outerHost;
    this.#outer.attach(outerHost, this);
    this.forget();
  }

  receive(packet: Packet, via: Segment): void {
    if (this.isBlocked || !this.#behaviour.passesUdp) return;
    if (via === this.#outer) this.#receiveOuter(packet);
    else this.#receiveInner(packet);
  }

  #receiveInner(packet: Packet): void {
    const isHairpin = packet.to.host === this.#outerHost;
    if (isHairpin && !this.#behaviour.hairpin) return;
    const mapping = this.#mappingFor(packet);
    mapping.usedMs = this.#inner.clock.monotonic();
    mapping.allowed.add(dependentPart(this.#behaviour.filtering, packet.to));
    const from = { host: this.#outerHost, port: mapping.outerPort };
    if (isHairpin) this.#receiveOuter({ ...packet, from });
    else this.#outer.send({ ...packet, from });
  }

  #receiveOuter(packet: Packet): void {
    const mapping = this.#byPort.get(packet.to.port);
    if (mapping === undefined || this.#hasExpired(mapping)) return;
    if (!mapping.allowed.has(dependentPart(this.#behaviour.filtering, packet.from))) return;
    this.#inner.send({ ...packet, to: mapping.inner });
  }

  #mappingFor({ from, to }: Packet): Mapping {
    const key = `${formatEndpoint(from)} ${dependentPart(this.#behaviour.mapping, to)}`;
    const known = this.#byKey.get(key);
    if (known !== undefined && !this.#hasExpired(known)) return known;
    if (known !== undefined) this.#byPort.delete(known.outerPort);
    const outerPort = this.#choosePort(from.port);
    const usedMs = this.#inner.clock.monotonic();
    const mapping: Mapping = { key, inner: from, outerPort, allowed: new Set(), usedMs };
    this.#byKey.set(key, mapping);
    this.#byPort.set(outerPort, mapping);
    return mapping;
  }

  #choosePort(innerPort: number): number {
    const { ports } = this.#behaviour;
    if (ports === 'preserved' && !this.#byPort.has(innerPort)) return innerPort;
    let port = this.#nextPort;
    do {
      port =
        ports === 'sequential'
          ? this.#nextPort++
          : FIRST_PORT + Math.floor(randomFraction(this.#inner.random) * PORTS);
    } while (this.#byPort.has(port));
    return port;
  }

  /** Only what goes out keeps a mapping alive (RFC 4787, REQ-6). */
  #hasExpired({ usedMs }: Mapping): boolean {
    return this.#inner.clock.monotonic() - usedMs >= this.#behaviour.mappingTimeoutMs;
  }
}

function dependentPart(dependence: Dependence, { host, port }: Endpoint): string {
  switch (dependence) {
    case 'endpoint-independent':
      return 'any';
    case 'address-dependent':
      return host;
    case 'address-and-port-dependent':
      return formatEndpoint({ host, port });
  }
}
