import { describe, expect, test } from 'vitest';

import { HardRun } from './hard-nat-run.ts';

test.each(['symmetric, random', 'symmetric, sequential'] as const)(
  'through a lossy wire: %s asks home',
  (hard) => {
    let direct = 0;
    for (let seed = 1; seed <= 5; seed++) {
      const run = new HardRun([hard, 'home'], { seed, delayMs: 25 });
      run.internet.wire.loss = 0.05;
      if (run.directWithin(15_000) !== undefined) direct++;
      run.close();
    }
    expect(direct).toBeGreaterThanOrEqual(4);
  },
);

test('a host with few sockets tries with those', () => {
  const run = new HardRun(['symmetric, random', 'home'], { seed: 2, delayMs: 25, sockets: 100 });
  run.directWithin(15_000);
  expect(run.a.mostSockets).toBe(100);
  expect(run.a.attempt.report.sockets).toBe(100);
  run.close();
});

test('two peers of one node take turns', () => {
  const run = new HardRun(['symmetric, random', 'home'], { seed: 3, delayMs: 25 });
  const other = run.b.budget.take();
  run.clock.advance(6000);
  expect(run.a.attempt.report).toMatchObject({ state: 'idle', sockets: 0 });
  expect(run.b.said.every(({ step }) => step === 'refuse')).toBe(true);
  other?.end(false);
  expect(run.directWithin(14_000)).toBeDefined();
  run.finish();
});

describe('a side with one STUN server, whose NAT nobody knows,', () => {
  const at = { seed: 4, delayMs: 25 };

  test.each([
    ['hard against a cone', [1, 4]],
    ['a cone against a hard one', [4, 1]],
  ] as const)('is taken for %s', (_, servers) => {
    const run = new HardRun(['symmetric, random', 'home'], { ...at, servers });
    expect(run.directWithin(10_000)).toBeDefined();
    run.finish();
  });

  test('and another such one: both say what to do', () => {
    const run = new HardRun(['symmetric, random', 'home'], { ...at, servers: [1, 1] });
    expect(run.directWithin(10_000)).toBeUndefined();
    for (const { attempt } of [run.a, run.b]) {
      expect(attempt.report).toMatchObject({ why: 'unknown_nats', probes: 0 });
      expect(attempt.report.text).toContain('configure a second one');
    }
    run.close();
  });
});
