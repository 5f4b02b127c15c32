/** One daemon at a site, and what has arrived there. */
import { setTimeout as pause } from 'node:timers/promises';

import { payloadText, type PeerView, type PilotClient } from '../../src/client/client.ts';
import { readPidFile } from '../../src/home/pid-file.ts';
import { eventually } from '../support/processes.ts';
import type { Sandbox, SandboxNode } from '../support/sandbox.ts';
import { inParallel } from './in-parallel.ts';
import type { Namespace } from './namespace.ts';
import type { Servers } from './servers.ts';

/** Two cores do no more at a time without each of them getting slow. */
export const PARALLEL_STARTS = 4;

const POLL_MS = 10;

export class Station {
  readonly node: SandboxNode;
  readonly client: PilotClient;
  readonly id: string;
  /** Of `daemon start`. */
  readonly options: readonly string[];
  readonly #arrivedAtMs = new Map<string, number>();
  readonly #waiting = new Map<string, () => void>();

  constructor(node: SandboxNode, id: string, options: readonly string[]) {
    this.options = options;
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

  /** The other one is at a relay of ours. */
  async untilOnline(to: Station): Promise<void> {
    await eventually(`${to.name} is online to ${this.name}`, async () => {
      const { state } = (await this.peer(to)) ?? { state: 'offline' };
      return state !== 'offline' || undefined;
    });
  }

  /** When its path to the other one was seen to be direct; undefined: not by then. */
  async untilDirect(to: Station, deadlineMs: number): Promise<number | undefined> {
    for (;;) {
      if ((await this.peer(to))?.path === 'direct') return performance.now();
      if (performance.now() >= deadlineMs) return undefined;
      await pause(POLL_MS);
    }
  }

  /** Its daemon stands still, as when the host sleeps. */
  async suspend(ms: number): Promise<void> {
    const record = readPidFile(this.node.paths.pidFile);
    if (record === undefined) throw new Error(`${this.name} has no daemon`);
    process.kill(record.pid, 'SIGSTOP');
    try {
      await pause(ms);
    } finally {
      process.kill(record.pid, 'SIGCONT');
    }
  }

  #arrived(text: string): void {
    this.#arrivedAtMs.set(text, performance.now());
    this.#waiting.get(text)?.();
  }
}

/** Its daemon is up and at the relay; it knows nobody. */
export async function startStation(
  sandbox: Sandbox,
  servers: Servers,
  place: { readonly name: string; readonly host: Namespace; readonly options?: readonly string[] },
): Promise<Station> {
  const { name, host, options = [] } = place;
  const node = sandbox.node(name, host.inside);
  node.env['PILOT_RELAY'] = servers.relayUrl;
  node.env['PILOT_NAT_TRAVERSAL'] = 'required';
  const all = ['--hostname', name, ...servers.stunOptions, ...options];
  await node.start(...all);
  return new Station(node, await nodeIdOf(node), all);
}

/** After `node.stop()`. */
export async function restartStation({ node, options }: Station): Promise<void> {
  await node.start(...options);
  await nodeIdOf(node);
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
