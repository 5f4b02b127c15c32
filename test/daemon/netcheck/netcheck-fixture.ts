/** A netcheck at a site of a simulated internet, under a clock that the test moves. */
import type { Endpoint } from '../../../src/base/endpoint.ts';
import { Emitter } from '../../../src/base/events.ts';
import type { Netcheck as NetcheckReply, NetcheckRequest } from '../../../src/client/api.ts';
import type { MapperFactory, MappingGrant } from '../../../src/daemon/links/port-mapper.ts';
import { silentLog } from '../../../src/daemon/log/log.ts';
import type { RelayProbe } from '../../../src/daemon/netcheck/net-relay-probe.ts';
import { Netcheck, type NetcheckDeps } from '../../../src/daemon/netcheck/netcheck.ts';
import type { RelayPortEvents } from '../../../src/daemon/relays/relay-port.ts';
import { encodeBindingResponse } from '../../../src/ice/stun-message.ts';
import { decodeStunMessage } from '../../../src/ice/stun-message.ts';
import { type StunOutlet, StunServer } from '../../../src/relay/stun-server.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { SimHost } from '../../support/nat/sim-host.ts';
import { SimUnderlay } from '../../support/nat/sim-underlay.ts';
import { Internet, type Site, type SiteKind } from '../../support/nat/sites.ts';
import { seededRandom } from '../../support/seeded-random.ts';

export const RELAY_URL = 'ws://relay.test:7443/';
/** Of a relay with two addresses for STUN, as RFC 5780 wants it, and of a plain server beside it. */
const DISCOVERY = { v4: ['203.0.113.3', '203.0.113.4'], v6: ['2001:db8::3', '2001:db8::4'] };
const PLAIN = { v4: '203.0.113.5', v6: '2001:db8::5' };
const PORTS = [3478, 3479] as const;
export const DEAD_SERVER: Endpoint = { host: '203.0.113.99', port: 3478 };
export const RELAY_STUN: Endpoint = { host: 'relay.test', port: PORTS[0] };
export const PLAIN_STUN: Endpoint = { host: 'stun.test', port: PORTS[0] };

export const RELAY_OK: RelayProbe = {
  ...{ outcome: 'ok', detail: '', address: '203.0.113.3:7443' },
  ...{ connect_ms: 10.0004, rtt_ms: 12.3456, via: '' },
};

/** A relay's client as far as a netcheck sees it. */
export class FakeRelayState {
  readonly url: string;
  state: 'connecting' | 'online' | 'waiting' = 'online';
  readonly #events = new Emitter<RelayPortEvents>();

  constructor(url = RELAY_URL) {
    this.url = url;
  }

  on<Name extends keyof RelayPortEvents>(
    name: Name,
    listener: (event: RelayPortEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener);
  }

  goOnline(): void {
    this.state = 'online';
    this.#events.emit('online', {});
  }
}

export class NetcheckFixture {
  readonly clock = new ManualClock();
  readonly internet: Internet;
  readonly site: Site;
  readonly netcheck: Netcheck;
  readonly relay = new FakeRelayState();
  /** Sockets that are open now, and all there ever were. */
  readonly sockets = { open: 0, opened: 0 };
  /** Every datagram that left one. */
  readonly sent: Endpoint[] = [];
  readonly gateway = { asked: 0, released: 0 };
  readonly probed: string[] = [];

  constructor(kind: SiteKind, deps: Partial<NetcheckDeps> = {}, seed = 1) {
    const { clock } = this;
    const random = seededRandom(seed);
    this.internet = new Internet({ clock, random });
    for (const [first, second] of [DISCOVERY.v4, DISCOVERY.v6] as const) {
      startDiscoveryServer(this.internet, clock, [first ?? '', second ?? '']);
    }
    for (const address of Object.values(PLAIN)) startServer(this.internet, address);
    this.site = this.internet.addSite(kind);
    const hosts = this.site.hosts[0] ?? [];
    this.netcheck = new Netcheck({
      ...{ clock, random, relays: [this.relay], log: silentLog },
      settings: { nat_traversal: 'preferred', port_mapping: true, relay_fallback: true },
      wanted: () => [RELAY_STUN, PLAIN_STUN],
      resolve: async (name) => resolve(name),
      interfaces: () => hosts.map(({ address }) => ({ name: 'eth0', address })),
      openSockets: (families) => this.#openSockets(hosts, families),
      mappers: () => [this.mapper()],
      probe: async (url) => {
        this.probed.push(url);
        return Promise.resolve(RELAY_OK);
      },
      proxies: () => [],
      ...deps,
    });
  }

  /** A gateway that refuses, or grants this. */
  mapper(grant?: MappingGrant): MapperFactory {
    return {
      protocol: 'nat-pmp',
      timeoutMs: 1_500,
      make: async () =>
        Promise.resolve({
          map: async () => {
            this.gateway.asked++;
            return grant === undefined
              ? Promise.reject(new Error('recvmsg ECONNREFUSED'))
              : Promise.resolve(grant);
          },
          release: async () => {
            this.gateway.released++;
            return Promise.resolve();
          },
        }),
    };
  }

  /** Its answer, with time going by until it has come. */
  async run(request: NetcheckRequest = {}): Promise<NetcheckReply> {
    return this.settle(this.netcheck.run(request, new AbortController().signal));
  }

  async settle<T>(work: Promise<T>): Promise<T> {
    const state = { isOver: false };
    const over = (): void => {
      state.isOver = true;
    };
    work.then(over, over);
    for (let passedMs = 0; passedMs < 30_000; passedMs += 10) {
      await nextTurn();
      if (state.isOver) return work;
      this.clock.advance(10);
    }
    throw new Error('it does not end');
  }

  #openSockets(
    hosts: readonly SimHost[],
    families: readonly ('v4' | 'v6')[],
  ): ReturnType<NetcheckDeps['openSockets']> {
    const { clock, sockets } = this;
    const random = seededRandom(++sockets.opened);
    sockets.open++;
    const own = hosts.filter(({ address }) => families.includes(familyOf(address)));
    const underlay = new SimUnderlay(own, { clock, random, port: 4000 + sockets.opened });
    underlay.onSend = (_bytes, _base, to) => {
      this.sent.push(to);
      return true;
    };
    return {
      bases: underlay.bases,
      router: underlay.router,
      send: (bytes, base, to) => {
        underlay.send(bytes, base, to);
      },
      close: () => {
        sockets.open--;
        underlay.close();
      },
    };
  }
}

/** Lets everything run that waits for no timer. */
async function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function familyOf(address: string): 'v4' | 'v6' {
  return address.includes(':') ? 'v6' : 'v4';
}

async function resolve(name: string): Promise<readonly string[]> {
  if (name === RELAY_STUN.host) return Promise.resolve([...DISCOVERY.v4, ...DISCOVERY.v6]);
  if (name === PLAIN_STUN.host) return Promise.resolve(Object.values(PLAIN));
  return Promise.reject(new Error('no such name'));
}

/** The relay's own, at two addresses with two ports each. */
function startDiscoveryServer(
  internet: Internet,
  clock: ManualClock,
  addresses: readonly [string, string],
): void {
  const server = new StunServer(clock);
  const doors = addresses.map((address) => {
    const host = new SimHost(internet.wire, address);
    return PORTS.map((port) => new Door(host, port));
  });
  const [[a1, a2], [b1, b2]] = doors as [[Door, Door], [Door, Door]];
  a1.serve(server, { port: a2, address: b1, both: b2 });
  a2.serve(server, { port: a1, address: b2, both: b1 });
  b1.serve(server, { port: b2, address: a1, both: a2 });
  b2.serve(server, { port: b1, address: a2, both: a1 });
}

class Door implements StunOutlet {
  readonly endpoint: Endpoint;
  send: StunOutlet['send'] = () => undefined;
  readonly #host: SimHost;

  constructor(host: SimHost, port: number) {
    this.#host = host;
    this.endpoint = { host: host.address, port };
  }

  serve(
    server: StunServer,
    others: { readonly port: Door; readonly address: Door; readonly both: Door },
  ): void {
    const socket = this.#host.bind(this.endpoint.port, (bytes, from) => {
      server.receive(bytes, from, { outlet: this, others });
    });
    this.send = (bytes, to) => {
      socket.send(bytes, to);
    };
  }
}

/** One that knows the address it is asked from, or names another one. */
export function startServer(internet: Internet, address: string, lie?: Endpoint): void {
  const socket = new SimHost(internet.wire, address).bind(PORTS[0], (bytes, from) => {
    const { transactionId } = decodeStunMessage(bytes);
    socket.send(encodeBindingResponse(transactionId, lie ?? from), from);
  });
}
