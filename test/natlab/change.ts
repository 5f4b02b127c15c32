/**
 * The network changes under two daemons that talk directly. How long until messages arrive again, and how long
 * until they do so directly?
 *
 *     broken ── traffic: over whatever there is ──> mended ── direct: over a new path, or the old one
 */
import { setTimeout as pause } from 'node:timers/promises';

import { describeError } from '../../src/base/pilot-error.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { Flow } from './flow.ts';
import type { Lab } from './lab.ts';
import { type Servers, startServers } from './servers.ts';
import type { Site, SiteKind } from './site.ts';
import { startStation, type Station, trustEachOther } from './station.ts';

/** What happens to the first site. */
export const CHANGES = [
  'the NAT forgot',
  'another outer address',
  'another inner address',
  'UDP blocked',
  'suspended',
  'relay restarted',
] as const;

export type ChangeKind = (typeof CHANGES)[number];

export interface ChangeOptions {
  /** The pair of sites, each a direct one. */
  readonly from: SiteKind;
  readonly to: SiteKind;
  readonly changes: readonly ChangeKind[];
  /** Of every packet on its way through the internet; default 0. */
  readonly eachWayMs?: number;
  readonly suspendMs: number;
  /** How long UDP is blocked. */
  readonly blockMs: number;
  readonly report?: (line: string) => void;
}

export interface ChangeRow {
  readonly from: SiteKind;
  readonly to: SiteKind;
  readonly change: ChangeKind;
  /** In the slower of the two directions, since it broke; since the process goes on where it was suspended. */
  readonly trafficMs: number | null;
  /** Until pings came back directly to both, since a direct path was possible. */
  readonly directMs: number | null;
  /** Why there is no more to say; empty otherwise. */
  readonly failure: string;
}

/** Beyond what is promised, so that a slow one is told from none. */
const PATIENCE_MS = 60_000;
const PING_MS = 500;
const POLL_MS = 50;
/** Without a change, before each of them. */
const CALM_MS = 1000;

export async function runChanges(
  lab: Lab,
  sandbox: Sandbox,
  options: ChangeOptions,
): Promise<readonly ChangeRow[]> {
  const { from, to, eachWayMs = 0, report = () => undefined } = options;
  const [servers, site, otherSite] = await Promise.all([
    startServers(lab, sandbox),
    lab.site(from, { name: `${from}-a` }),
    lab.site(to, { name: `${to}-b` }),
  ]);
  const [a, b] = await Promise.all(
    [site, otherSite].map(async ({ name, host }) => startStation(sandbox, servers, { name, host })),
  );
  if (a === undefined || b === undefined) throw new Error('two stations');
  await trustEachOther([[a, b]]);
  if (eachWayMs > 0) await lab.delay({ eachWayMs });
  const world: World = { a, b, site, servers, options };
  const flows = await Promise.all([Flow.start(a, b), Flow.start(b, a)]);
  const rows: ChangeRow[] = [];
  try {
    await bothDirect(world, performance.now());
    for (const change of options.changes) {
      const row = await measure(world, flows, change);
      rows.push(row);
      report(describeRow(row));
    }
    for (const flow of flows) await flow.finish(PATIENCE_MS);
  } finally {
    for (const flow of flows) flow.close();
    for (const { client } of [a, b]) client.close();
  }
  return rows;
}

export function describeRow({ change, trafficMs, directMs, failure }: ChangeRow): string {
  const times = [trafficMs, directMs].map((ms) => (ms === null ? '-' : String(Math.round(ms))));
  return `${change}: traffic after ${times[0] ?? ''} ms, direct after ${times[1] ?? ''} ms${failure && `: ${failure}`}`;
}

interface World {
  readonly a: Station;
  readonly b: Station;
  readonly site: Site;
  readonly servers: Servers;
  readonly options: ChangeOptions;
}

/** `brokenMs` and `mendedMs`: `performance.now`, from when on which promise counts. */
interface Happened {
  readonly brokenMs: number;
  readonly mendedMs: () => Promise<number>;
}

async function measure(
  world: World,
  flows: readonly Flow[],
  change: ChangeKind,
): Promise<ChangeRow> {
  const { from, to } = world.options;
  const row = { from, to, change };
  let trafficMs: number | null = null;
  await pause(CALM_MS);
  try {
    const { brokenMs, mendedMs } = await happen(world, change);
    const again = Promise.all(flows.map(async (flow) => flow.againAfter(brokenMs, PATIENCE_MS)));
    // What goes wrong while it is mended is told as well.
    const [times, sinceMs] = await Promise.all([again, mendedMs()]);
    trafficMs = Math.max(...times);
    const directMs = (await bothDirect(world, sinceMs)) - sinceMs;
    return { ...row, trafficMs, directMs, failure: '' };
  } catch (error) {
    return { ...row, trafficMs, directMs: null, failure: describeError(error) };
  }
}

async function happen({ a, site, servers, options }: World, change: ChangeKind): Promise<Happened> {
  const atOnce = (brokenMs: number): Happened => ({
    brokenMs,
    mendedMs: async () => Promise.resolve(brokenMs),
  });
  const startMs = performance.now();
  switch (change) {
    case 'the NAT forgot':
      await site.flushMappings();
      return atOnce(performance.now());
    case 'another outer address':
      await site.changeOuterAddress();
      return atOnce(performance.now());
    case 'another inner address':
      await site.changeInnerAddress();
      return atOnce(performance.now());
    case 'relay restarted':
      await servers.restartRelay();
      return atOnce(startMs);
    case 'UDP blocked': {
      await site.blockUdp();
      const brokenMs = performance.now();
      return {
        brokenMs,
        mendedMs: async () => {
          await pause(options.blockMs);
          await site.unblockUdp();
          return performance.now();
        },
      };
    }
    case 'suspended':
      await a.suspend(options.suspendMs);
      return atOnce(performance.now());
  }
}

/** When a ping came back directly to each of them (`performance.now`). */
async function bothDirect({ a, b }: World, sinceMs: number): Promise<number> {
  const pings = await Promise.all([
    pingedDirectly(a, b, sinceMs + PATIENCE_MS),
    pingedDirectly(b, a, sinceMs + PATIENCE_MS),
  ]);
  return Math.max(...pings);
}

async function pingedDirectly(from: Station, to: Station, deadlineMs: number): Promise<number> {
  for (;;) {
    try {
      await from.client.ping(to.id, { path: 'direct', timeoutMs: PING_MS });
      return performance.now();
    } catch (error) {
      if (performance.now() < deadlineMs) {
        await pause(POLL_MS);
        continue;
      }
      const why = (await from.peer(to))?.why_not_direct ?? '';
      throw new Error(`${from.name} has no direct path: ${why}`, { cause: error });
    }
  }
}
