/**
 * What a NAT does, asked from both sides: a host behind it, and an echo server with two addresses and two ports each.
 * Words of RFC 4787.
 *
 *     host ── NAT ── A:1  A:2
 *                    B:1  B:2
 *
 * That something does not arrive is known without waiting: a second datagram, sent after it on a way that is open,
 * has arrived.
 */
import type { Endpoint } from '../../src/base/endpoint.ts';
import { DatagramAgent, sameEndpoint, SILENCE_MS } from './datagram-agent.ts';
import type { Server } from './lab.ts';
import type { Site } from './site.ts';

export type Dependence =
  'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent';

export interface UdpBehaviour {
  readonly mapping: Dependence | 'none';
  readonly filtering: Dependence;
  readonly isPortKept: boolean;
  /** Between the ports of mappings made one after the other, where it is always the same. */
  readonly step: number | undefined;
  /** From one socket behind it to the outer endpoint of another. */
  readonly hairpins: boolean;
}

export interface NatBehaviour {
  readonly udp: UdpBehaviour | undefined;
  readonly tcp443: boolean;
  readonly otherTcp: boolean;
}

const PORTS = [7001, 7002] as const;
const OTHER_TCP_PORT = 8443;

let texts = 0;

/** A text that no other datagram has. */
function newText(): string {
  return `text ${++texts}`;
}

/** From one of the server's endpoints to one of the site's, as it looks from outside. */
export interface Way {
  readonly from: Endpoint;
  readonly to: Endpoint;
}

/** The side on the internet. */
export class EchoServer {
  readonly agent: DatagramAgent;
  readonly #server: Server;

  private constructor(agent: DatagramAgent, server: Server) {
    this.agent = agent;
    this.#server = server;
  }

  /** On a server with two addresses of each family. */
  static async start(server: Server): Promise<EchoServer> {
    const agent = await DatagramAgent.start(server.namespace);
    for (const host of [...server.v4, ...server.v6]) {
      for (const port of PORTS) await agent.bind(`${host}-${port}`, host, port);
    }
    for (const port of [443, OTHER_TCP_PORT]) await agent.listen('::', port);
    return new EchoServer(agent, server);
  }

  /** A:1, A:2, B:1, B:2 */
  endpoints(isV6: boolean): readonly [Endpoint, Endpoint, Endpoint, Endpoint] {
    const [a = '', b = ''] = isV6 ? this.#server.v6 : this.#server.v4;
    const [first, second] = PORTS;
    return [
      { host: a, port: first },
      { host: a, port: second },
      { host: b, port: first },
      { host: b, port: second },
    ];
  }

  send({ from, to }: Way, text: string): void {
    this.agent.send(`${from.host}-${from.port}`, to, text);
  }
}

/** A host whose sockets are looked at from outside. */
export class Prober {
  readonly agent: DatagramAgent;
  readonly host: string;
  readonly #echo: EchoServer;

  private constructor(agent: DatagramAgent, echo: EchoServer, host: string) {
    this.agent = agent;
    this.#echo = echo;
    this.host = host;
  }

  static async start(site: Site, echo: EchoServer): Promise<Prober> {
    const { v4, v6 } = site.addressesOf();
    const agent = await DatagramAgent.start(site.host);
    return new Prober(agent, echo, v4 ?? v6 ?? '');
  }

  get isV6(): boolean {
    return this.host.includes(':');
  }

  /** Where the server sees this socket when it is asked at that endpoint; undefined when nothing arrives in that time. */
  async outerEndpoint(
    socket: string,
    at: Endpoint,
    withinMs?: number,
  ): Promise<Endpoint | undefined> {
    const text = newText();
    this.agent.send(socket, at, text);
    return (await this.#echo.agent.arrival(text, withinMs))?.from;
  }

  /** Whether what the server sends that way gets in; what it sends on the way `open` does. */
  async lets(way: Way, open: Way): Promise<boolean> {
    const [text, fence] = [newText(), newText()];
    this.#echo.send(way, text);
    this.#echo.send(open, fence);
    if ((await this.agent.arrival(fence)) === undefined) throw new Error('the open way is closed');
    return this.agent.arrived(text) !== undefined;
  }
}

export async function observe(site: Site, echo: EchoServer): Promise<NatBehaviour> {
  const prober = await Prober.start(site, echo);
  const { host } = echo.endpoints(prober.isV6)[0];
  const [udp, tcp443, otherTcp] = await Promise.all([
    observeUdp(prober, echo),
    prober.agent.connects({ host, port: 443 }),
    prober.agent.connects({ host, port: OTHER_TCP_PORT }),
  ]);
  return { udp, tcp443, otherTcp };
}

async function observeUdp(prober: Prober, echo: EchoServer): Promise<UdpBehaviour | undefined> {
  const endpoints = echo.endpoints(prober.isV6);
  const port = await prober.agent.bind('mapped', prober.host);
  const outer: Endpoint[] = [];
  for (const endpoint of endpoints) {
    const seen = await prober.outerEndpoint('mapped', endpoint, SILENCE_MS);
    if (seen === undefined) return undefined;
    outer.push(seen);
  }
  const inner = { host: prober.host, port };
  return {
    mapping: outer.every((one) => sameEndpoint(one, inner)) ? 'none' : mappingOf(outer),
    filtering: await filteringOf(prober, echo),
    isPortKept: outer.every((one) => one.port === port),
    step: stepOf(outer.map((one) => one.port)),
    hairpins: await doesHairpin(prober, echo),
  };
}

function mappingOf(outer: readonly Endpoint[]): Dependence {
  const [a1, a2, b1, b2] = outer as [Endpoint, Endpoint, Endpoint, Endpoint];
  if (!sameEndpoint(a1, a2) || !sameEndpoint(b1, b2)) return 'address-and-port-dependent';
  return sameEndpoint(a1, b1) ? 'endpoint-independent' : 'address-dependent';
}

function stepOf(ports: readonly number[]): number | undefined {
  const steps = new Set(ports.slice(1).map((port, n) => port - (ports[n] ?? 0)));
  const [step] = steps;
  return steps.size === 1 && step !== 0 ? step : undefined;
}

async function filteringOf(prober: Prober, echo: EchoServer): Promise<Dependence> {
  const [a1, a2, b1] = echo.endpoints(prober.isV6);
  await prober.agent.bind('filtered', prober.host);
  const outer = await prober.outerEndpoint('filtered', a1);
  if (outer === undefined) throw new Error('nothing gets out any more');
  const open = { from: a1, to: outer };
  if (await prober.lets({ from: b1, to: outer }, open)) return 'endpoint-independent';
  const isLet = await prober.lets({ from: a2, to: outer }, open);
  return isLet ? 'address-dependent' : 'address-and-port-dependent';
}

async function doesHairpin(prober: Prober, echo: EchoServer): Promise<boolean> {
  const [a1] = echo.endpoints(prober.isV6);
  const { agent } = prober;
  await agent.bind('called', prober.host);
  await agent.bind('caller', prober.host);
  const outer = await prober.outerEndpoint('called', a1);
  if (outer === undefined) throw new Error('nothing gets out any more');
  const text = newText();
  agent.send('caller', outer, text);
  // Once the server has heard the caller, the router has had the datagram before that; then the way in is asked.
  await prober.outerEndpoint('caller', a1);
  const open = { from: a1, to: outer };
  await prober.lets(open, open);
  return agent.arrived(text) !== undefined;
}
