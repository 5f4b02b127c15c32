/**
 * The hard pairs of sites again and again, each time as for the first time: both daemons start anew, and their
 * routers have forgotten everything.
 */
import { describeError } from '../../src/base/pilot-error.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { expectedPath, needsPunching } from './expected-path.ts';
import { inParallel } from './in-parallel.ts';
import type { Lab } from './lab.ts';
import { type Servers, startServers } from './servers.ts';
import { type Site, SITE_KINDS, type SiteKind } from './site.ts';
import { restartStation, startStation, type Station, trustEachOther } from './station.ts';

export interface TriesOptions {
  readonly tries: number;
  readonly withinMs: number;
  /** Of every packet on its way through the internet; default 0. */
  readonly eachWayMs?: number;
  readonly report?: (line: string) => void;
}

export interface TriedPair {
  readonly from: SiteKind;
  readonly to: SiteKind;
  /** From the call that sends the first message until the path was direct, sorted; null when it never was. */
  readonly directMs: readonly (number | null)[];
  /** Why a try came to nothing, beside paths that were not found. */
  readonly failures: readonly string[];
}

/** Of each of them two daemons. More would measure the machine. */
const PARALLEL_PAIRS = 3;
/** Of 20, by the issue that asked for it. */
const NEEDED_SHARE = 19 / 20;

/** Symmetric with whatever it can reach directly, and what else has to guess. */
export function hardPairs(): readonly (readonly [SiteKind, SiteKind])[] {
  const isHard = (kind: SiteKind): boolean =>
    kind === 'per-address' || kind.startsWith('symmetric-');
  return SITE_KINDS.filter(isHard).flatMap((from) =>
    SITE_KINDS.filter((to) => {
      const isOnce = !isHard(to) || SITE_KINDS.indexOf(from) <= SITE_KINDS.indexOf(to);
      const isPossible = expectedPath(from, to) === 'direct';
      return isOnce && isPossible && (needsPunching(from, to) || to !== 'open');
    }).map((to) => [from, to] as const),
  );
}

export function isGoodEnough({ directMs, failures }: TriedPair): boolean {
  const found = directMs.filter((ms) => ms !== null).length;
  return failures.length === 0 && found >= Math.floor(directMs.length * NEEDED_SHARE);
}

export async function runTries(
  lab: Lab,
  sandbox: Sandbox,
  options: TriesOptions,
): Promise<readonly TriedPair[]> {
  const { eachWayMs = 0, report = () => undefined } = options;
  const servers = await startServers(lab, sandbox);
  if (eachWayMs > 0) await lab.delay({ eachWayMs });
  return inParallel(
    PARALLEL_PAIRS,
    hardPairs().map((pair) => async () => {
      const tried = await tryPair({ lab, sandbox, servers }, pair, options);
      report(describeTried(tried));
      return tried;
    }),
  );
}

export function describeTried({ from, to, directMs, failures }: TriedPair): string {
  const found = directMs.filter((ms) => ms !== null);
  const at = (share: number): string =>
    String(Math.round(found[Math.min(found.length - 1, Math.floor(share * found.length))] ?? NaN));
  const times = `p50 ${at(0.5)} ms, p90 ${at(0.9)} ms, most ${at(1)} ms`;
  const why = failures.map((failure) => `; ${failure}`).join('');
  return `${from}, ${to}: ${found.length} of ${directMs.length}, ${times}${why}`;
}

interface World {
  readonly lab: Lab;
  readonly sandbox: Sandbox;
  readonly servers: Servers;
}

async function tryPair(
  { lab, sandbox, servers }: World,
  [from, to]: readonly [SiteKind, SiteKind],
  { tries, withinMs }: TriesOptions,
): Promise<TriedPair> {
  const [site, otherSite] = await Promise.all([
    lab.site(from, { name: `${from}-${to}-a` }),
    lab.site(to, { name: `${from}-${to}-b` }),
  ]);
  const sites = [site, otherSite];
  const [a, b] = await Promise.all(
    sites.map(async ({ name, host }) => startStation(sandbox, servers, { name, host })),
  );
  if (a === undefined || b === undefined) throw new Error('two stations');
  await trustEachOther([[a, b]]);
  const directMs: (number | null)[] = [];
  const failures: string[] = [];
  for (let n = 0; n < tries; n++) {
    try {
      directMs.push(await tryOnce([a, b], sites, withinMs));
    } catch (error) {
      failures.push(describeError(error));
      directMs.push(null);
    }
  }
  directMs.sort((one, other) => (one ?? Infinity) - (other ?? Infinity));
  for (const { client } of [a, b]) client.close();
  return { from, to, directMs, failures };
}

async function tryOnce(
  [a, b]: readonly [Station, Station],
  sites: readonly Site[],
  withinMs: number,
): Promise<number | null> {
  for (const { node } of [a, b]) await node.stop();
  for (const site of sites) await site.flushMappings();
  for (const station of [a, b]) await restartStation(station);
  await a.untilOnline(b);
  const sentMs = performance.now();
  await a.client.send(b.id, 'first');
  const directAtMs = await a.untilDirect(b, sentMs + withinMs);
  return directAtMs === undefined ? null : directAtMs - sentMs;
}
