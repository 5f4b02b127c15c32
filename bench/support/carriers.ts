/**
 * What carries bytes between two hosts (direct-hosts.ts), from a program at one to a program at the other:
 *
 *     link       end ───── direct link ───── end                       packets in the clear, no session
 *     session    end ───── direct link ───── end                       messages of a session: sealed, acknowledged
 *     stream     client ─ daemon ── direct link ── daemon ─ client     a stream of the SDK
 *     tunnel     socket ─ daemon ── direct link ── daemon ─ socket     TCP: forward, expose
 *
 * The programs are one process on either side, whatever they measure.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';

import { toHex } from '../../src/base/bytes.ts';
import { PilotClient } from '../../src/client/client.ts';
import { type BenchNetwork, DirectEnd } from './direct-end.ts';
import { type DirectHost, onDirectHosts } from './direct-hosts.ts';
import {
  DuplexEnd,
  type End,
  megabytesPerSecond,
  roundTripUs,
  serve,
  wholePieces,
} from './ends.ts';
import { LinkEnd, type LinkPlace } from './link-end.ts';
import { runRole, startRoleInside } from './roles.ts';
import { cpuMsOf, type Side } from './sides.ts';

/** How many streams share the bytes in one of the measures. */
export const SHARES = 10;
/** Takes all bytes of a round; the next one takes a share of them. */
const PORT = 4100;
/** As the daemons' own sockets. */
const NETWORK: BenchNetwork = { interfaces: 'every', base: 'v6' };
const LOOPBACK = '127.0.0.1';
const WARM_UP_ROUNDS = 3;

export interface Numbers {
  readonly rounds: number;
  /** Bytes in a round, whole writes also when they are shared out. */
  readonly total: number;
  readonly trips: number;
}

interface NearPlan extends Numbers {
  readonly near: DirectHost;
  readonly far: DirectHost;
}

interface FarPlan {
  readonly socketPath: string;
  readonly total: number;
  readonly seeds: readonly [own: string, peer: string];
  readonly session: { readonly host: string; readonly port: number };
  readonly link: LinkPlace;
}

interface FarPorts {
  readonly session: number;
  readonly link: Omit<LinkPlace, 'host'>;
  readonly tcp: number;
}

/**
 * A bench of `measure`, which runs on one of two hosts; the whole of its program. Arguments: rounds, MB per round, round
 * trips.
 */
export async function benchOnDirectHosts(
  measure: (carriers: Carriers) => Promise<void>,
): Promise<void> {
  if (await runRole({ near: nearRole(measure), far: farRole })) return;
  const [rounds = 5, megabytes = 200, trips = 2000] = process.argv.slice(2).map(Number);
  const total = SHARES * wholePieces((megabytes * 1e6) / SHARES);
  await onDirectHosts(async (near, far) => {
    const plan: NearPlan = { rounds, total, trips, near, far };
    const role = await startRoleInside(near.inside, 'near', JSON.stringify(plan));
    await role.stop();
  });
  process.exit(0);
}

/** Ready when the measuring is done. */
function nearRole(measure: (carriers: Carriers) => Promise<void>) {
  return async (text = ''): Promise<void> => {
    const carriers = await Carriers.connect(JSON.parse(text) as NearPlan);
    await measure(carriers);
    await carriers.stop();
  };
}

async function farRole(text = ''): Promise<FarPorts> {
  const { socketPath, total, seeds, session, link } = JSON.parse(text) as FarPlan;
  const [bare, sealed] = [new LinkEnd(), new DirectEnd(...seeds, NETWORK)];
  bare.connect(link);
  sealed.connect(session.port, 2, 1, session.host);
  for (const end of [bare, sealed]) serve(end, total);
  const client = new PilotClient({ socketPath });
  await serveStreams(client, PORT, total);
  await serveStreams(client, PORT + 1, total / SHARES);
  const tcp = createServer({ noDelay: true }, (socket) => {
    serve(new DuplexEnd(socket), total);
  }).listen(0, LOOPBACK);
  await once(tcp, 'listening');
  const { port } = tcp.address() as AddressInfo;
  await new PilotClient({ socketPath }).tunnels.expose({ port, to: `${LOOPBACK}:${port}` });
  return { session: sealed.localPort, link: { port: bare.localPort, id: bare.id }, tcp: port };
}

async function serveStreams(client: PilotClient, port: number, total: number): Promise<void> {
  const listener = await client.listen(port);
  void (async () => {
    for await (const stream of listener) serve(new DuplexEnd(stream), total);
  })();
}

/** The near ends. */
export class Carriers {
  readonly numbers: Numbers;
  readonly link: End;
  readonly session: End;
  readonly #client: PilotClient;
  readonly #plan: NearPlan;
  readonly #far: Awaited<ReturnType<typeof startRoleInside>>;

  private constructor(
    plan: NearPlan,
    far: Awaited<ReturnType<typeof startRoleInside>>,
    ends: { readonly link: End; readonly session: End },
  ) {
    this.numbers = plan;
    this.link = ends.link;
    this.session = ends.session;
    this.#plan = plan;
    this.#far = far;
    this.#client = new PilotClient({ socketPath: plan.near.socketPath });
  }

  static async connect(plan: NearPlan): Promise<Carriers> {
    const { near, far, total } = plan;
    const [own, peer] = [toHex(randomBytes(32)), toHex(randomBytes(32))] as const;
    const [link, session] = [new LinkEnd(), new DirectEnd(own, peer, NETWORK)];
    const { address: host } = near;
    const farPlan: FarPlan = {
      ...{ socketPath: far.socketPath, total, seeds: [peer, own] },
      ...{ session: { host, port: session.localPort } },
      ...{ link: { host, port: link.localPort, id: link.id } },
    };
    const role = await startRoleInside(far.inside, 'far', JSON.stringify(farPlan));
    const ports = role.ready as FarPorts;
    link.connect({ ...ports.link, host: far.address });
    session.connect(ports.session, 1, 2, far.address);
    session.session.open();
    await session.opened;
    return new Carriers(plan, role, { link, session });
  }

  async openStream(): Promise<End> {
    return new DuplexEnd(await this.#client.dial(this.#plan.far.id, PORT));
  }

  /** Each takes its share. */
  async openStreams(): Promise<End[]> {
    const open = async (): Promise<End> =>
      new DuplexEnd(await this.#client.dial(this.#plan.far.id, PORT + 1));
    return Promise.all(Array.from({ length: SHARES }, open));
  }

  async openTunnel(): Promise<End> {
    const { tcp } = this.#far.ready as FarPorts;
    const { far } = this.#plan;
    const listen = `${LOOPBACK}:${tcp}`;
    await this.#client.tunnels.forward({ listen, target: far.id, port: tcp });
    const socket = connect({ host: LOOPBACK, port: tcp, noDelay: true });
    await once(socket, 'connect');
    return new DuplexEnd(socket);
  }

  /** All bytes of a round, in equal shares. */
  bulk(...ends: readonly End[]): Side {
    const { total } = this.numbers;
    return {
      measure: async () => megabytesPerSecond(ends, total / ends.length),
      cpuMs: () => this.#cpuMs(ends),
    };
  }

  /** Daemons run for days: what they do often is compiled. */
  async warmUp(end: End): Promise<void> {
    for (let i = 0; i < WARM_UP_ROUNDS; i++) {
      await megabytesPerSecond([end], this.numbers.total);
      await roundTripUs(end, this.numbers.trips);
    }
  }

  trips(end: End): Side {
    const { trips } = this.numbers;
    return { measure: async () => roundTripUs(end, trips), cpuMs: () => this.#cpuMs([end]) };
  }

  async stop(): Promise<void> {
    await this.#far.stop();
  }

  /** Of all processes that have part in it. */
  #cpuMs([end]: readonly End[]): number {
    const programs = [process.pid, this.#far.pid];
    const { near, far } = this.#plan;
    const isBare = end === this.link || end === this.session;
    return cpuMsOf(isBare ? programs : [...programs, near.pid, far.pid]);
  }
}
