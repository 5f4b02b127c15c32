import type { Endpoint } from '../../src/base/endpoint.ts';
import { endpointKey, hostKey } from '../../src/ice/endpoint-key.ts';
import { appendAddress, OTHER_ADDRESS, readStunDiscovery } from '../../src/ice/stun-discovery.ts';
import { encodeBindingError } from '../../src/ice/stun-error.ts';
import { decodeStunMessage, encodeBindingResponse } from '../../src/ice/stun-message.ts';
import { StunRouter } from '../../src/ice/stun-router.ts';
import type { ManualClock } from '../support/manual-clock.ts';

export interface FakeNat {
  /** The outer port of `base` towards `to`; undefined blocks UDP. */
  readonly outerPort: (to: Endpoint, innerPort: number) => number | undefined;
  /** May `from` answer, when those in `contacted` have been sent to? */
  readonly lets: (from: Endpoint, contacted: readonly Endpoint[]) => boolean;
  readonly hairpins?: boolean;
  readonly outerHost?: string;
}

export interface FakeServer {
  readonly at: Endpoint;
  readonly rttMs?: number;
  /** RFC 5780. */
  readonly other?: Endpoint;
  /** Says this instead of the truth. */
  readonly lie?: Endpoint;
  readonly behaviour?: 'dead' | 'refuses' | 'empty' | 'wrong-id' | 'wrong-source';
  /** So many requests get lost. */
  readonly loses?: number;
}

export const FILTERS = {
  endpointIndependent: (): boolean => true,
  addressDependent: (from: Endpoint, contacted: readonly Endpoint[]): boolean =>
    contacted.some((to) => hostKey(to) === hostKey(from)),
  addressAndPortDependent: (from: Endpoint, contacted: readonly Endpoint[]): boolean =>
    contacted.some((to) => endpointKey(to) === endpointKey(from)),
};

/** NATs without end: each destination gets the next of `ports`, by host or by host and port. */
export function mapEach(
  key: (to: Endpoint) => string,
  ports: Iterator<number>,
): FakeNat['outerPort'] {
  const mappings = new Map<string, number>();
  return (to) => {
    const port = mappings.get(key(to)) ?? (ports.next().value as number);
    mappings.set(key(to), port);
    return port;
  };
}

export function* counting(from: number, step: number): Generator<number, never> {
  for (let port = from; ; port += step) yield port;
}

/** One host behind a NAT, and servers: everything a gatherer sees of a network, under a manual clock. */
export class StunInternet {
  readonly router = new StunRouter();
  readonly sent: { readonly to: Endpoint; readonly atMs: number }[] = [];
  readonly #clock: ManualClock;
  readonly #nat: FakeNat;
  readonly #innerPort: number;
  readonly #servers: readonly FakeServer[];
  readonly #lost = new Map<FakeServer, number>();

  constructor(
    clock: ManualClock,
    settings: { nat: FakeNat; innerPort: number; servers: readonly FakeServer[] },
  ) {
    this.#clock = clock;
    this.#nat = settings.nat;
    this.#innerPort = settings.innerPort;
    this.#servers = settings.servers;
  }

  readonly send = (bytes: Uint8Array, base: string, to: Endpoint): void => {
    this.sent.push({ to, atMs: this.#clock.monotonic() });
    const port = this.#nat.outerPort(to, this.#innerPort);
    if (port === undefined) return;
    const outer = { host: this.#nat.outerHost ?? '198.51.100.7', port };
    if (hostKey(to) === hostKey(outer)) {
      if (this.#nat.hairpins === true) this.#deliver(bytes, base, outer, 1);
      return;
    }
    for (const server of this.#servers) {
      const places = server.other === undefined ? [server.at] : fourPlaces(server.at, server.other);
      const at = places.find((place) => endpointKey(place) === endpointKey(to));
      if (at !== undefined) this.#serve(server, at, { bytes, base, outer });
    }
  };

  #serve(
    server: FakeServer,
    at: Endpoint,
    { bytes, base, outer }: { bytes: Uint8Array; base: string; outer: Endpoint },
  ): void {
    const lost = this.#lost.get(server) ?? 0;
    this.#lost.set(server, lost + 1);
    if (server.behaviour === 'dead' || lost < (server.loses ?? 0)) return;
    const { transactionId } = decodeStunMessage(bytes);
    const id = server.behaviour === 'wrong-id' ? new Uint8Array(12) : transactionId;
    const { changeRequest } = readStunDiscovery(bytes);
    const from = changed(server, at, changeRequest ?? { address: false, port: false });
    const source = server.behaviour === 'wrong-source' ? { ...from, port: 1 } : from;
    const contacted = this.sent.map(({ to }) => to);
    if (!this.#nat.lets(source, contacted) && server.behaviour !== 'wrong-source') return;
    this.#deliver(this.#answer(server, id, outer), base, source, server.rttMs ?? 10);
  }

  #answer(server: FakeServer, id: Uint8Array, outer: Endpoint): Uint8Array {
    if (server.behaviour === 'refuses') return encodeBindingError(id, 400);
    const success = encodeBindingResponse(id, server.lie ?? outer);
    if (server.behaviour === 'empty') return withoutAttributes(success);
    return server.other === undefined
      ? success
      : appendAddress(success, OTHER_ADDRESS, server.other);
  }

  #deliver(bytes: Uint8Array, base: string, from: Endpoint, ms: number): void {
    this.#clock.after(ms, () => {
      this.router.receive(bytes, base, from);
    });
  }
}

function fourPlaces(at: Endpoint, other: Endpoint): readonly Endpoint[] {
  return [at, { ...at, port: other.port }, { ...other, port: at.port }, other];
}

function changed(
  { at: main, other = main }: FakeServer,
  at: Endpoint,
  change: { readonly address: boolean; readonly port: boolean },
): Endpoint {
  const otherHost = at.host === main.host ? other.host : main.host;
  const otherPort = at.port === main.port ? other.port : main.port;
  return { host: change.address ? otherHost : at.host, port: change.port ? otherPort : at.port };
}

function withoutAttributes(message: Uint8Array): Uint8Array {
  const header = new Uint8Array(message.slice(0, 20));
  header.fill(0, 2, 4);
  return header;
}
