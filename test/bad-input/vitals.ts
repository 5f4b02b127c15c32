import { readFileSync } from 'node:fs';

import { expect } from 'vitest';

import { eventually } from '../support/processes.ts';
import type { SandboxNode, SandboxRelay } from '../support/sandbox.ts';
import { type Metrics, parseMetrics } from './metrics.ts';

/** Twice what an idle daemon may take (90 MB), so that what is not bounded shows. */
const MAX_RESIDENT_BYTES = 180_000_000;

/** What has to be true of a daemon after each row: the same process answers, and nothing in it has grown. */
export class DaemonVitals {
  readonly #node: SandboxNode;
  readonly #pid: number;

  private constructor(node: SandboxNode, pid: number) {
    this.#node = node;
    this.#pid = pid;
  }

  static async of(node: SandboxNode): Promise<DaemonVitals> {
    const client = node.client();
    try {
      return new DaemonVitals(node, (await client.info()).pid);
    } finally {
      client.close();
    }
  }

  async metrics(): Promise<Metrics> {
    const client = this.#node.client();
    try {
      return parseMetrics(await client.metrics());
    } finally {
      client.close();
    }
  }

  /** `queues`: the most that each may hold. */
  async check(queues: { readonly outbox?: number; readonly inbox?: number } = {}): Promise<void> {
    const client = this.#node.client();
    try {
      expect((await client.info()).pid, `${this.#node.name} is the same process`).toBe(this.#pid);
      expect((await client.health()).status).toMatch(/^(ok|degraded)$/);
    } finally {
      client.close();
    }
    const metrics = await this.metrics();
    const most: readonly (readonly [string, number])[] = [
      ['process_resident_memory_bytes', MAX_RESIDENT_BYTES],
      ['pilot_outbox_messages', queues.outbox ?? 0],
      ['pilot_inbox_messages', queues.inbox ?? 0],
      ['pilot_pending_trust', 256],
      ['pilot_sessions_open', 2],
    ];
    for (const [name, limit] of most) {
      expect(metrics.get(name), `${this.#node.name}: ${name}`).toBeLessThanOrEqual(limit);
    }
  }
}

/** The same for a relay. */
export class RelayVitals {
  readonly #relay: SandboxRelay;
  readonly #pid: number | undefined;

  constructor(relay: SandboxRelay) {
    this.#relay = relay;
    this.#pid = relay.process.child.pid;
  }

  async metrics(): Promise<Metrics> {
    return parseMetrics(await (await this.#get('/metrics')).text());
  }

  /** `connections`: those of the nodes that are meant to be there. */
  async check(connections: number): Promise<void> {
    const { child } = this.#relay.process;
    expect([child.pid, child.exitCode, child.signalCode]).toEqual([this.#pid, null, null]);
    const answer = await this.#get('/healthz');
    expect([answer.status, await answer.json()]).toEqual([200, { status: 'ok' }]);
    expect(residentBytes(this.#pid)).toBeLessThanOrEqual(MAX_RESIDENT_BYTES);
    await eventually('strangers are let go of', async () => {
      const open = (await this.metrics()).get('pilot_relay_connections') ?? Infinity;
      // The one that asks is one of them.
      return open <= connections + 1 || undefined;
    });
  }

  async #get(path: string): Promise<Response> {
    const url = new URL(this.#relay.url);
    return fetch(`http://${url.host}${path}`, { headers: { connection: 'close' } });
  }
}

/** 0 where there is no proc file system to ask. */
function residentBytes(pid: number | undefined): number {
  if (process.platform !== 'linux' || pid === undefined) return 0;
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
