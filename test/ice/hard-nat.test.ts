import { describe, expect, test } from 'vitest';

import { type HardNatPlan, MAX_SOCKETS, planHardNat } from '../../src/ice/hard-nat.ts';
import { MAX_ROUNDS } from '../../src/ice/hard-nat-message.ts';
import { type NatSummary, UNKNOWN_NAT } from '../../src/ice/nat-summary.ts';
import { MAX_PUNCHES } from '../../src/ice/punch-probes.ts';

type Kind = 'nowhere' | 'open' | 'cone' | 'sequential' | 'random' | 'unknown';

function nat(kind: Kind, host: string): NatSummary {
  const base = { behindNat: true, outer: { host, port: 4000 }, portStep: undefined };
  const portStep = { step: 2, lastPort: 50_000 };
  switch (kind) {
    case 'nowhere':
      return UNKNOWN_NAT;
    case 'open':
      return { ...base, mapping: 'unknown', behindNat: false };
    case 'cone':
      return { ...base, mapping: 'endpoint-independent' };
    case 'sequential':
      return { ...base, mapping: 'dependent', portStep };
    case 'random':
      return { ...base, mapping: 'dependent' };
    case 'unknown':
      return { ...base, mapping: 'unknown', behindNat: undefined };
  }
}

const [OURS, THEIRS] = ['198.51.100.1', '198.51.100.2'] as const;
const plan = (ours: Kind, theirs: Kind, round = 1): HardNatPlan =>
  planHardNat(nat(ours, OURS), nat(theirs, THEIRS), round);
const nameOf = (planned: HardNatPlan): string =>
  planned.kind === 'none' ? planned.why : planned.kind;

const TABLE: readonly (readonly [Kind, Kind, string])[] = [
  ['open', 'open', 'not_needed'],
  ['open', 'cone', 'not_needed'],
  ['open', 'sequential', 'predict-probe'],
  ['open', 'random', 'birthday-probe'],
  ['open', 'unknown', 'birthday-probe'],
  ['cone', 'open', 'not_needed'],
  ['cone', 'cone', 'not_needed'],
  ['cone', 'sequential', 'predict-probe'],
  ['cone', 'random', 'birthday-probe'],
  ['cone', 'unknown', 'birthday-probe'],
  ['sequential', 'open', 'predict-open'],
  ['sequential', 'cone', 'predict-open'],
  ['sequential', 'sequential', 'predict-both'],
  ['sequential', 'random', 'random_and_sequential'],
  ['sequential', 'unknown', 'predict-open'],
  ['random', 'open', 'birthday-open'],
  ['random', 'cone', 'birthday-open'],
  ['random', 'sequential', 'random_and_sequential'],
  ['random', 'random', 'both_random'],
  ['random', 'unknown', 'birthday-open'],
  ['unknown', 'open', 'birthday-open'],
  ['unknown', 'cone', 'birthday-open'],
  ['unknown', 'sequential', 'predict-probe'],
  ['unknown', 'random', 'birthday-probe'],
  ['unknown', 'unknown', 'unknown_nats'],
  ...(['nowhere', 'open', 'cone', 'sequential', 'random', 'unknown'] as const).flatMap(
    (kind) =>
      [
        ['nowhere', kind, 'no_address'],
        [kind, 'nowhere', 'no_address'],
      ] as const,
  ),
];

test('the table has every pair', () => {
  const pairs = new Set(TABLE.map(([ours, theirs]) => `${ours} ${theirs}`));
  expect(pairs.size).toBe(6 * 6);
});

test.each(TABLE)('we are %s, they are %s: %s', (ours, theirs, expected) => {
  expect(nameOf(plan(ours, theirs))).toBe(expected);
  expect(plan(ours, theirs).text.length).toBeGreaterThan(30);
});

const MIRROR: Readonly<Record<string, string>> = {
  'birthday-open': 'birthday-probe',
  'birthday-probe': 'birthday-open',
  'predict-open': 'predict-probe',
  'predict-probe': 'predict-open',
};

test.each(TABLE)('%s and %s plan for each other in every round', (ours, theirs) => {
  for (let round = 1; round <= MAX_ROUNDS; round++) {
    const [we, they] = [plan(ours, theirs, round), plan(theirs, ours, round)];
    expect(nameOf(they)).toBe(MIRROR[nameOf(we)] ?? nameOf(we));
    if (we.kind === 'none' || they.kind === 'none') continue;
    expect([we.delayMs, we.largestVolley, we.isLastRound]).toEqual([
      they.delayMs,
      they.largestVolley,
      they.isLastRound,
    ]);
  }
});

test.each(TABLE)('%s and %s come to an end', (ours, theirs) => {
  const rounds: HardNatPlan[] = [];
  for (let round = 1; round <= MAX_ROUNDS; round++) {
    const planned = plan(ours, theirs, round);
    if (planned.kind === 'none') return;
    rounds.push(planned);
    if (planned.isLastRound) break;
  }
  expect(rounds.at(-1)).toMatchObject({ isLastRound: true });
  for (const planned of rounds) {
    if ('sockets' in planned) expect(planned.sockets).toBeLessThanOrEqual(MAX_SOCKETS);
    if ('probes' in planned) expect(planned.probes).toBeLessThanOrEqual(MAX_PUNCHES);
  }
});

describe('a plan', () => {
  test('is none behind one router', () => {
    const ours = nat('random', OURS);
    expect(nameOf(planHardNat(ours, nat('cone', OURS)))).toBe('same_nat');
  });

  test('aims at the endpoint of a cone', () => {
    const to = { host: THEIRS, port: 4000 };
    expect(plan('random', 'cone')).toMatchObject({ to, sockets: 256, delayMs: 2000 });
    expect(plan('sequential', 'cone')).toMatchObject({ to, sockets: 10, delayMs: 2000 });
  });

  test('aims at the ports after the newest of a sequential NAT', () => {
    const after = { step: 2, lastPort: 50_000 };
    expect(plan('cone', 'sequential')).toMatchObject({ host: THEIRS, after, probes: 32 });
    expect(plan('cone', 'sequential', 2)).toMatchObject({ host: THEIRS, after, probes: 128 });
  });

  test('aims 7 steps ahead when both count, and twice as far each round', () => {
    const ports = [1, 2, 3, 4].map((round) => plan('sequential', 'sequential', round));
    expect(ports).toMatchObject([
      { sockets: 10, to: { host: THEIRS, port: 50_014 }, delayMs: 0 },
      { sockets: 20, to: { host: THEIRS, port: 50_028 } },
      { sockets: 40, to: { host: THEIRS, port: 50_056 } },
      { sockets: 80, to: { host: THEIRS, port: 50_112 }, isLastRound: true },
    ]);
  });

  test('counts down with a NAT that does', () => {
    const down = { ...nat('sequential', THEIRS), portStep: { step: -1, lastPort: 50_000 } };
    const planned = planHardNat(nat('sequential', OURS), down);
    expect(planned).toMatchObject({ to: { port: 49_993 } });
  });

  test('against a cone trusts the step twice, then only chance', () => {
    expect([1, 2, 3].map((round) => nameOf(plan('cone', 'sequential', round)))).toEqual([
      'predict-probe',
      'predict-probe',
      'birthday-probe',
    ]);
  });
});
