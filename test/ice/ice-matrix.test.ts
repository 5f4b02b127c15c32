import { expect, test } from 'vitest';

import { ManualClock } from '../support/manual-clock.ts';
import { connect, SimPeer } from '../support/nat/sim-peer.ts';
import { Internet, type SiteKind } from '../support/nat/sites.ts';
import { seededRandom } from '../support/seeded-random.ts';

interface Nature {
  readonly families: readonly ('v4' | 'v6')[];
  /** One mapping for all remote endpoints, or none at all. */
  readonly isStable: boolean;
  /** Lets in what comes from an address that was sent to, whatever its port. */
  readonly isLoose: boolean;
}

const V4 = { families: ['v4'] } as const;
const SITES = {
  open: { families: ['v4', 'v6'], isStable: true, isLoose: true },
  'full cone': { ...V4, isStable: true, isLoose: true },
  'address-restricted': { ...V4, isStable: true, isLoose: true },
  home: { ...V4, isStable: true, isLoose: false },
  'home, port changed': { ...V4, isStable: true, isLoose: false },
  'per remote address': { ...V4, isStable: false, isLoose: false },
  'symmetric, sequential': { ...V4, isStable: false, isLoose: false },
  'symmetric, random': { ...V4, isStable: false, isLoose: false },
  'carrier-grade': { ...V4, isStable: true, isLoose: false },
  'UDP blocked': { families: [], isStable: false, isLoose: false },
  'IPv6 only, firewall': { families: ['v6'], isStable: true, isLoose: false },
} as const satisfies Partial<Record<SiteKind, Nature>>;
const KINDS = Object.keys(SITES) as (keyof typeof SITES)[];
type Expected = 'direct' | 'hard' | 'impossible';

interface Outcome {
  readonly a: SimPeer;
  readonly b: SimPeer;
}

function attempt(kindA: keyof typeof SITES, kindB: keyof typeof SITES): Outcome {
  const clock = new ManualClock();
  const random = seededRandom(1 + 100 * KINDS.indexOf(kindA) + KINDS.indexOf(kindB));
  const internet = new Internet({ clock, random, delayMs: 25 });
  const { stunServers } = internet;
  const [a, b] = (['controlling', 'controlled'] as const).map((role, i) => {
    const [host = []] = internet.addSite(i === 0 ? kindA : kindB).hosts;
    return new SimPeer(host, { clock, random, role, stunServers });
  }) as [SimPeer, SimPeer];
  connect(a, b, clock, 30);
  clock.advance(30_000);
  return { a, b };
}

/** What checks alone can do; hard is what needs more mappings than one. */
function expectation(a: Nature, b: Nature): Expected {
  if (!a.families.some((family) => b.families.includes(family))) return 'impossible';
  const isReachable = ({ isStable, isLoose }: Nature): boolean => isStable && isLoose;
  return (a.isStable && b.isStable) || isReachable(a) || isReachable(b) ? 'direct' : 'hard';
}

const CELLS = KINDS.flatMap((a) =>
  KINDS.map((b) => [a, b, expectation(SITES[a], SITES[b])] as const),
);
const cellsOf = (wanted: Expected): typeof CELLS =>
  CELLS.filter(([, , expected]) => expected === wanted);

test('the matrix has every cell', () => {
  expect(CELLS).toHaveLength(11 * 11);
  const counts = (['direct', 'hard', 'impossible'] as const).map(
    (wanted) => cellsOf(wanted).length,
  );
  expect(counts).toEqual([57, 27, 37]);
});

test.each(cellsOf('direct'))('direct: %s controls %s', (kindA, kindB) => {
  const { a, b } = attempt(kindA, kindB);
  expect(a.failure ?? b.failure).toBeUndefined();
  expect(a.selected[0]?.atMs).toBeLessThan(1000);
  expect(b.selected[0]?.atMs).toBeLessThan(1000);
  const [ours, theirs] = [a.selected.at(-1)?.pair, b.selected.at(-1)?.pair];
  expect(ours?.base).toBe(theirs?.base);
  expect(ours?.mapped).toEqual(theirs?.remote.endpoint);
  expect(theirs?.mapped).toEqual(ours?.remote.endpoint);
  expect([a.lost, b.lost]).toEqual([undefined, undefined]);
});

test.each(cellsOf('hard'))('not by checks alone: %s controls %s', (kindA, kindB) => {
  const { a, b } = attempt(kindA, kindB);
  expect([a.selected, b.selected]).toEqual([[], []]);
  expect(a.failure?.failure?.code).toBe('no_answer');
  expect(b.failure?.failure?.code).toBe('no_answer');
});

test.each(cellsOf('impossible'))('impossible: %s controls %s', (kindA, kindB) => {
  const { a, b } = attempt(kindA, kindB);
  expect([a.selected, b.selected]).toEqual([[], []]);
  // Hosts without UDP have IPv4 addresses all the same.
  const isMixed =
    [kindA, kindB].includes('IPv6 only, firewall') && ![kindA, kindB].includes('open');
  const code = isMixed ? 'no_common_family' : 'no_answer';
  expect([a.failure?.failure?.code, b.failure?.failure?.code]).toEqual([code, code]);
});
