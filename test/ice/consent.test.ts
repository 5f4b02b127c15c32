import { beforeEach, describe, expect, test } from 'vitest';

import {
  Consent,
  type ConsentSettings,
  QUICK_CONSENT,
  RFC_CONSENT,
} from '../../src/ice/consent.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { seededRandom } from '../support/seeded-random.ts';

let clock: ManualClock;
let probesAtMs: number[];
let lostAtMs: number[];
let isInDoubt: boolean;
beforeEach(() => {
  clock = new ManualClock();
  probesAtMs = [];
  lostAtMs = [];
  isInDoubt = false;
});

function start(
  settings: ConsentSettings,
  onProbe: (consent: () => Consent) => void = () => undefined,
): Consent {
  const consent: Consent = new Consent(
    {
      clock,
      random: seededRandom(1),
      isInDoubt: () => isInDoubt,
      probe: () => {
        probesAtMs.push(clock.monotonic());
        onProbe(() => consent);
      },
      lost: () => lostAtMs.push(clock.monotonic()),
    },
    settings,
  );
  return consent;
}

/** Answers each probe `ms` later. */
const answerAfter =
  (ms: number) =>
  (consent: () => Consent): void => {
    clock.after(ms, () => {
      consent().answered();
    });
  };

describe('while it is answered', () => {
  test('a probe every 4 to 6 s, not in step (RFC 7675, 5.1)', () => {
    start(RFC_CONSENT, answerAfter(50));
    clock.advance(600_000);
    expect(lostAtMs).toEqual([]);
    const gapsMs = probesAtMs.slice(1).map((atMs, i) => atMs - (probesAtMs[i] ?? 0) - 50);
    expect(gapsMs.length).toBeGreaterThan(100);
    expect(Math.min(...gapsMs)).toBeGreaterThanOrEqual(4000);
    expect(Math.max(...gapsMs)).toBeLessThanOrEqual(6000);
    expect(Math.max(...gapsMs) - Math.min(...gapsMs)).toBeGreaterThan(1500);
  });

  test('five times as often while the path is in doubt', () => {
    isInDoubt = true;
    start(QUICK_CONSENT, answerAfter(50));
    clock.advance(60_000);
    expect(probesAtMs.length).toBeGreaterThanOrEqual(60_000 / 1250);
    expect(probesAtMs.length).toBeLessThanOrEqual(60_000 / 850);
  });

  test('the silence is that since the first probe without answer or data', () => {
    const consent = start(QUICK_CONSENT);
    clock.advance(1000);
    expect(consent.silentMs).toBe(0);
    consent.probeNow();
    clock.advance(700);
    expect(consent.silentMs).toBe(700);
    consent.heard();
    clock.advance(100);
    expect(consent.silentMs).toBe(100);
    consent.answered();
    expect(consent.silentMs).toBe(0);
  });

  test('one answer of three is enough', () => {
    let probes = 0;
    start(QUICK_CONSENT, (consent) => {
      if (++probes % 3 === 0) answerAfter(20)(consent);
    });
    clock.advance(120_000);
    expect(lostAtMs).toEqual([]);
    expect(probesAtMs.length).toBeGreaterThan(40);
  });
});

describe('lost', () => {
  test('RFC 7675: 30 s after the last answer', () => {
    start(RFC_CONSENT);
    clock.advance(60_000);
    expect(lostAtMs).toEqual([30_000]);
    expect(probesAtMs.length).toBeGreaterThanOrEqual(5);
    expect(clock.pendingTimers).toBe(0);
  });

  test('quick: ten probes, 2 s', () => {
    start(QUICK_CONSENT);
    clock.advance(60_000);
    const [first = 0] = probesAtMs;
    expect(first).toBeLessThanOrEqual(6000);
    expect(probesAtMs.map((atMs) => atMs - first)).toEqual(
      Array.from({ length: 10 }, (_, i) => i * 200),
    );
    expect(lostAtMs).toEqual([first + 2000]);
  });

  test('quick, in use: within 2.5 s of the silence', () => {
    const consent = start(QUICK_CONSENT);
    clock.advance(100);
    consent.probeNow();
    consent.probeNow();
    expect(probesAtMs).toEqual([100]);
    clock.advance(60_000);
    expect(lostAtMs).toEqual([2100]);
  });

  test('data that comes in keeps the path for a while, but is no consent', () => {
    const consent = start(QUICK_CONSENT);
    for (let i = 0; i < 600; i++) {
      clock.advance(100);
      consent.heard();
    }
    expect(lostAtMs).toEqual([30_000]);
  });

  test('a late answer still counts, and everything after the end does not', () => {
    const consent = start(QUICK_CONSENT);
    consent.probeNow();
    clock.advance(1999);
    consent.answered();
    clock.advance(1000);
    expect(lostAtMs).toEqual([]);
    consent.stop();
    const probes = probesAtMs.length;
    consent.answered();
    consent.probeNow();
    consent.heard();
    clock.advance(60_000);
    expect([probesAtMs.length, lostAtMs, clock.pendingTimers]).toEqual([probes, [], 0]);
  });
});
