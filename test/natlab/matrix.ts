/** Every kind of site with every kind, in both directions: does the first message arrive, and which path is found? */
import { setTimeout as sleep } from 'node:timers/promises';

import { describeError } from '../../src/base/pilot-error.ts';
import type { PeerView } from '../../src/client/client.ts';
import { PUNCH_GAP_MS } from '../../src/ice/hard-nat-budget.ts';
import type { Sandbox } from '../support/sandbox.ts';
import type { Lab } from './lab.ts';
import { type PlaceKind, SAME_NAT, startStations, type Stations } from './matrix-world.ts';
import { SITE_KINDS } from './site.ts';
import { type Station, trustEachOther } from './station.ts';

/** Those that have a row and a column of their own. */
export type MatrixKind = (typeof SITE_KINDS)[number];

export interface MatrixOptions {
  /** Default: all there are. */
  readonly kinds?: readonly MatrixKind[];
  /** Of every packet on its way through the internet; default 0. */
  readonly eachWayMs?: number;
  /** How long a pair has to find a direct path; default 0: what it has after its first message counts. */
  readonly directWithinMs?: (from: PlaceKind, to: PlaceKind) => number;
  /** Which pairs have to guess ports. Default: none. */
  readonly needsPunching?: (from: PlaceKind, to: PlaceKind) => boolean;
  readonly report?: (line: string) => void;
}

/** `from` sent the first message. */
export interface Cell {
  readonly from: PlaceKind;
  readonly to: PlaceKind;
  /** In the end; empty when nothing arrived. */
  readonly path: PeerView['path'];
  /** From the call that sends it to its arrival in the other's inbox; null when it did not come. */
  readonly firstMessageMs: number | null;
  /** From the same moment until the path was direct; null when it never was. */
  readonly directMs: number | null;
  readonly rttMs: number | null;
  /** Why there is no more to say; empty otherwise. */
  readonly failure: string;
}

/** A pair that has nothing by then has a fault; the promise is 1.5 s. */
const FIRST_MESSAGE_TIMEOUT_MS = 5000;
const PING_COUNT = 3;
/** An opener knows later than a prober that it is over. */
const REST_MARGIN_MS = 1000;

/**
 * The pairs in rounds: in each, no daemon is in two pairs.
 *
 *     round 0: a0-b0 a1-b1 a2-b2        round 1: a0-b1 a1-b2 a2-b0        …
 *
 * `a` sends first, so a kind meets every kind once in each role, which is every pair in both directions.
 */
export function rounds(
  kinds: readonly MatrixKind[] = SITE_KINDS,
): readonly (readonly (readonly [PlaceKind, PlaceKind])[])[] {
  return kinds.map((_, shift) => [
    ...kinds.map((from, n) => [from, kinds[(n + shift) % kinds.length] ?? from] as const),
    ...(shift === 0 ? [[SAME_NAT, SAME_NAT] as const] : []),
  ]);
}

export async function runMatrix(
  lab: Lab,
  sandbox: Sandbox,
  options: MatrixOptions = {},
): Promise<readonly Cell[]> {
  const { eachWayMs = 0, kinds = SITE_KINDS, report = () => undefined } = options;
  const startedMs = performance.now();
  const note = (what: string): void => {
    report(`${((performance.now() - startedMs) / 1000).toFixed(1)} s: ${what}`);
  };
  const stations = await startStations(lab, sandbox, kinds);
  note(`${2 * stations.size} daemons are at the relay`);
  const pairsInRounds = rounds(kinds).map((pairs) =>
    pairs.map((pair) => stationsOf(stations, pair)),
  );
  await trustEachOther(pairsInRounds.flat().map(({ a, b }) => [a, b]));
  note(`${pairsInRounds.flat().length} pairs trust each other`);
  const over = new AbortController();
  try {
    for (const { a, b } of stations.values()) {
      for (const station of [a, b]) await station.listen(over.signal);
    }
    if (eachWayMs > 0) await lab.delay({ eachWayMs });
    const cells = await measureRounds(pairsInRounds, options);
    note(`${cells.length} cells are measured`);
    return cells;
  } finally {
    over.abort(new Error('the matrix is done'));
    for (const { a, b } of stations.values()) for (const { client } of [a, b]) client.close();
  }
}

interface Pair {
  readonly from: PlaceKind;
  readonly to: PlaceKind;
  readonly a: Station;
  readonly b: Station;
}

function stationsOf(stations: Stations, [from, to]: readonly [PlaceKind, PlaceKind]): Pair {
  const [a, b] = [stations.get(from)?.a, stations.get(to)?.b];
  if (a === undefined || b === undefined) throw new Error(`nobody at ${from} or ${to}`);
  return { from, to, a, b };
}

/** Who has guessed ports rests before it does so again. */
async function measureRounds(
  pairsInRounds: readonly (readonly Pair[])[],
  options: MatrixOptions,
): Promise<Cell[]> {
  const { needsPunching = () => false } = options;
  const cells: Cell[] = [];
  let freeAtMs = 0;
  for (const pairs of pairsInRounds) {
    const isPunching = pairs.some(({ from, to }) => needsPunching(from, to));
    if (isPunching) await sleep(Math.max(0, freeAtMs - performance.now()));
    cells.push(...(await measureRound(pairs, options)));
    if (isPunching) freeAtMs = performance.now() + PUNCH_GAP_MS + REST_MARGIN_MS;
  }
  return cells;
}

/** First messages one after the other, so that they are not measured against each other; the rest takes time and little else. */
async function measureRound(
  pairs: readonly Pair[],
  { directWithinMs = () => 0 }: MatrixOptions,
): Promise<Cell[]> {
  const begun: { readonly first: FirstMessage; readonly direct: Promise<number | undefined> }[] =
    [];
  for (const pair of pairs) {
    const first = await firstMessage(pair);
    const deadlineMs = first.sentMs + directWithinMs(pair.from, pair.to);
    begun.push({ first, direct: pair.a.untilDirect(pair.b, deadlineMs).catch(() => undefined) });
  }
  return Promise.all(begun.map(async ({ first, direct }) => finish(first, await direct)));
}

interface FirstMessage {
  readonly pair: Pair;
  readonly sentMs: number;
  readonly arrivedMs: number | undefined;
  readonly failure: string;
}

async function firstMessage(pair: Pair): Promise<FirstMessage> {
  const { a, b } = pair;
  const before = await a.peer(b);
  const sentMs = performance.now();
  const outcome = { pair, sentMs };
  if (before?.state !== 'online') {
    const failure = `${b.name} is ${before?.state ?? 'unknown'} to ${a.name} before the first message`;
    return { ...outcome, arrivedMs: undefined, failure };
  }
  try {
    const text = `${a.name} to ${b.name}`;
    const [arrivedMs] = await Promise.all([
      b.arrival(text, FIRST_MESSAGE_TIMEOUT_MS),
      a.client.send(b.id, text),
    ]);
    return { ...outcome, arrivedMs, failure: '' };
  } catch (error) {
    return { ...outcome, arrivedMs: undefined, failure: describeError(error) };
  }
}

async function finish(first: FirstMessage, directAtMs: number | undefined): Promise<Cell> {
  const { pair, sentMs, arrivedMs, failure } = first;
  const { from, to, a, b } = pair;
  const cell = {
    from,
    to,
    firstMessageMs: arrivedMs === undefined ? null : arrivedMs - sentMs,
    directMs: directAtMs === undefined ? null : directAtMs - sentMs,
  };
  if (failure !== '') return { ...cell, path: '', rttMs: null, failure };
  try {
    const rttMs = await roundTripMs(pair);
    return { ...cell, path: (await a.peer(b))?.path ?? '', rttMs, failure: '' };
  } catch (error) {
    return { ...cell, path: '', rttMs: null, failure: describeError(error) };
  }
}

/** The shortest of a few. */
async function roundTripMs({ a, b }: Pair): Promise<number> {
  let best = Infinity;
  for (let n = 0; n < PING_COUNT; n++) {
    best = Math.min(best, (await a.client.ping(b.id, { timeoutMs: 5000 })).rtt_ms);
  }
  return best;
}
