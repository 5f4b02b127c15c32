/**
 * Everything that the matrix needs, each part started once: a relay and STUN servers on the internet, two sites of every
 * kind with a daemon each (`home-a`, `home-b`), and two more daemons behind one NAT that does not hairpin. Pairs are formed between daemons
 * that run already.
 */
import { payloadText, type PeerView, type PilotClient } from '../../src/client/client.ts';
import { eventually } from '../support/processes.ts';
import type { Sandbox, SandboxNode } from '../support/sandbox.ts';
import type { Lab, Server } from './lab.ts';
import type { Namespace } from './namespace.ts';
import { SITE_KINDS, type SiteKind } from './site.ts';

/** Of which there is one router for both hosts. */
export const SAME_NAT = 'same-nat';

export type PlaceKind = SiteKind | typeof SAME_NAT;
export type Role = 'a' | 'b';

/** Two cores start no more at a time without each of them getting slow. */
const PARALLEL_STARTS = 4;
const RELAY_PORT = 443;
const STUN_PORT = 3478;
/** Every lab node's address is in one /24, which is what a relay limits. */
const RELAY_LIMITS = [
  ...['--max-puts-per-second-per-prefix', '10000'],
  ...['--max-logins-per-second-per-prefix', '1000'],
];

/** One daemon, and what has arrived there. */
export class Station {
  readonly kind: PlaceKind;
  readonly node: SandboxNode;
  readonly client: PilotClient;
  readonly id: string;
  readonly #arrivedAtMs = new Map<string, number>();
  readonly #waiting = new Map<string, () => void>();

  constructor(kind: PlaceKind, node: SandboxNode, id: string) {
    this.kind = kind;
    this.node = node;
    this.client = node.client();
    this.id = id;
  }

  get name(): string {
    return this.node.name;
  }

  /** From now on it notices what arrives, until the signal comes. */
  async listen(signal: AbortSignal): Promise<void> {
    const events = await this.client.subscribe(['message.received'], { signal });
    void (async () => {
      try {
        for await (const { data } of events) this.#arrived(payloadText(data));
      } catch {
        // The signal, or the daemon is gone: then nothing arrives, and whoever waits says so.
      }
    })();
  }

  /** When a message of that text arrived (`performance.now`); throws when it does not. */
  async arrival(text: string, timeoutMs: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      if (this.#arrivedAtMs.has(text)) {
        resolve();
        return;
      }
      const timer = setTimeout(() => {
        reject(new Error(`${text} did not arrive within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#waiting.set(text, () => {
        clearTimeout(timer);
        resolve();
      });
    });
    return this.#arrivedAtMs.get(text) ?? Number.NaN;
  }

  /** How it sees another one now. */
  async peer({ id }: Station): Promise<PeerView | undefined> {
    return (await this.client.peers()).find((peer) => peer.id === id);
  }

  #arrived(text: string): void {
    this.#arrivedAtMs.set(text, performance.now());
    this.#waiting.get(text)?.();
  }
}

export type Stations = ReadonlyMap<PlaceKind, Readonly<Record<Role, Station>>>;

/** The daemons are up, at the relay, and know nobody. */
export async function startStations(lab: Lab, sandbox: Sandbox): Promise<Stations> {
  const [relayServer, ...stunServers] = await Promise.all(
    ['relay', 'stun1', 'stun2'].map(async (name) => lab.server(name)),
  );
  if (relayServer === undefined) throw new Error('no relay');
  const [places, relay] = await Promise.all([
    buildPlaces(lab),
    startRelay(sandbox, relayServer),
    ...stunServers.map(async (server) => startRelay(sandbox, server)),
  ]);
  const stun = stunServers.flatMap(({ hostname }) => ['--stun', `${hostname}:${STUN_PORT}`]);
  const starts = places.map(({ kind, role, host }) => async () => {
    const node = sandbox.node(`${kind}-${role}`, host.inside);
    node.env['PILOT_RELAY'] = relay;
    node.env['PILOT_NAT_TRAVERSAL'] = 'required';
    await node.start('--hostname', node.name, ...stun);
    const station = new Station(kind, node, await nodeIdOf(node));
    return { kind, role, station };
  });
  const started = await inParallel(PARALLEL_STARTS, starts);
  const find = (kind: PlaceKind, role: Role): Station => {
    const found = started.find((one) => one.kind === kind && one.role === role);
    if (found === undefined) throw new Error(`nobody at ${kind}-${role}`);
    return found.station;
  };
  const kinds = [...SITE_KINDS, SAME_NAT] as const;
  return new Map(kinds.map((kind) => [kind, { a: find(kind, 'a'), b: find(kind, 'b') }]));
}

/** Both ask; returns when both know that the other did. No session is opened by that: requests wait in mailboxes. */
export async function trustEachOther(
  pairs: readonly (readonly [Station, Station])[],
): Promise<void> {
  const asks = pairs.flatMap(([a, b]) => [
    async () => a.client.handshake(b.id),
    async () => b.client.handshake(a.id),
  ]);
  await inParallel(PARALLEL_STARTS, asks);
  const stations = new Set(pairs.flat());
  for (const station of stations) {
    const expected = pairs.filter((pair) => pair.includes(station)).length;
    await eventually(`${station.name} is trusted by all it asked`, async () => {
      const trusted = await station.client.trusted();
      return trusted.filter(({ mutual }) => mutual).length === expected || undefined;
    });
  }
}

interface Place {
  readonly kind: PlaceKind;
  readonly role: Role;
  readonly host: Namespace;
}

async function buildPlaces(lab: Lab): Promise<Place[]> {
  const alone = SITE_KINDS.flatMap((kind) =>
    (['a', 'b'] as const).map(async (role) => {
      const { host } = await lab.site(kind, { name: `${kind}-${role}` });
      return { kind, role, host };
    }),
  );
  const together = lab.site('home', { name: SAME_NAT, hosts: 2 });
  const [{ hosts }, ...places] = await Promise.all([together, ...alone]);
  const roles = hosts.map((host, n) => {
    return { kind: SAME_NAT, role: n === 0 ? 'a' : 'b', host } as const;
  });
  return [...places, ...roles];
}

/** Gives the URL that works from every site, whichever address family it has. */
async function startRelay(sandbox: Sandbox, server: Server): Promise<string> {
  const relay = sandbox.relay(server.hostname, server.namespace.inside);
  const places = ['--listen', `[::]:${RELAY_PORT}`, '--stun', `[::]:${STUN_PORT}`];
  await relay.start(...places, ...RELAY_LIMITS);
  return `ws://${server.hostname}:${RELAY_PORT}/${new URL(relay.url).hash}`;
}

async function nodeIdOf(node: SandboxNode): Promise<string> {
  const client = node.client();
  try {
    await eventually(`${node.name} is at the relay`, async () => {
      const { relays } = await client.info();
      return relays.some(({ state }) => state === 'online') || undefined;
    });
    return (await client.identity()).id;
  } finally {
    client.close();
  }
}

/** After a failure nothing is begun any more, and what is under way comes to its end first. */
async function inParallel<T>(
  count: number,
  jobs: readonly (() => Promise<T>)[],
): Promise<readonly T[]> {
  const results: T[] = [];
  const queue = [...jobs];
  const worker = async (): Promise<void> => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      try {
        results.push(await job());
      } catch (error) {
        queue.length = 0;
        throw error;
      }
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: count }, worker));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return results;
}
