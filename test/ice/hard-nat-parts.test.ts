import { describe, expect, test } from 'vitest';

import type { Endpoint } from '../../src/base/endpoint.ts';
import { PUNCH_GAP_MS, PunchBudget } from '../../src/ice/hard-nat-budget.ts';
import { isPunchMessage, type PunchMessage } from '../../src/ice/hard-nat-message.ts';
import { nextPorts, randomPorts } from '../../src/ice/hard-nat-ports.ts';
import { samplePort } from '../../src/ice/hard-nat-sampler.ts';
import { fireVolley } from '../../src/ice/hard-nat-volley.ts';
import type { PortStep } from '../../src/ice/nat-behaviour.ts';
import { UNKNOWN_NAT } from '../../src/ice/nat-summary.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { A, at, B, BASE, C, OUTER, symmetric } from './gatherer-run.ts';
import { counting, type FakeServer, StunInternet } from './stun-internet.ts';

describe('ports to probe', () => {
  test('at random are distinct, and none is below 1024', () => {
    const ports = randomPorts(seededRandom(5), 2000);
    expect(new Set(ports).size).toBe(2000);
    expect(Math.min(...ports)).toBeGreaterThanOrEqual(1024);
    expect(Math.max(...ports)).toBeLessThanOrEqual(65_535);
    // Spread over all of them: the middle half holds about half.
    const inner = ports.filter((port) => port > 17_152 && port < 49_408).length;
    expect(inner).toBeGreaterThan(900);
    expect(inner).toBeLessThan(1100);
  });

  test.each([
    [{ step: 1, lastPort: 50_000 }, [50_001, 50_002, 50_003]],
    [{ step: -2, lastPort: 50_000 }, [49_998, 49_996, 49_994]],
    [{ step: 1, lastPort: 65_534 }, [65_535]],
    [{ step: -1, lastPort: 2 }, [1]],
  ])('come next after %j', (after, ports) => {
    expect(nextPorts(after, 3)).toEqual(ports);
  });
});

describe('a volley', () => {
  const shots = Array.from({ length: 20 }, (_, i) => i);

  test('keeps its rate', () => {
    const clock = new ManualClock();
    const fired: number[] = [];
    let doneMs: number | undefined;
    const fire = (): boolean => fired.push(clock.monotonic()) > 0;
    fireVolley(clock, { shots, perSecond: 500 }, fire, () => (doneMs = clock.monotonic()));
    expect(fired).toEqual([]);
    clock.advance(1000);
    expect(fired).toEqual([0, 10, 20, 30].flatMap((ms) => [ms, ms, ms, ms, ms]));
    expect(doneMs).toBe(30);
    expect(clock.pendingTimers).toBe(0);
  });

  test('ends when no more may be sent', () => {
    const clock = new ManualClock();
    let fired = 0;
    let isDone = false;
    fireVolley(
      clock,
      { shots, perSecond: 500 },
      () => ++fired < 7,
      () => (isDone = true),
    );
    clock.advance(1000);
    expect([fired, isDone]).toEqual([10, true]);
  });

  test('cancelled by a shot fires no more', () => {
    const clock = new ManualClock();
    let fired = 0;
    const cancel = fireVolley(
      clock,
      { shots, perSecond: 500 },
      () => {
        if (++fired === 3) cancel();
        return true;
      },
      () => expect.fail('done'),
    );
    clock.advance(1000);
    expect(fired).toBe(3);
    expect(clock.pendingTimers).toBe(0);
  });

  test('of nothing is done', () => {
    const clock = new ManualClock();
    let isDone = false;
    fireVolley(
      clock,
      { shots: [], perSecond: 500 },
      () => expect.fail('fired'),
      () => (isDone = true),
    );
    clock.advance(0);
    expect(isDone).toBe(true);
  });
});

describe('the budget of a node', () => {
  test('is for one at a time, and 20 s apart', () => {
    const clock = new ManualClock();
    const budget = new PunchBudget(clock);
    const first = budget.take();
    expect(first).toBeDefined();
    expect(budget.take()).toBeUndefined();
    first?.end(true);
    clock.advance(PUNCH_GAP_MS - 1);
    expect(budget.take()).toBeUndefined();
    clock.advance(1);
    const second = budget.take();
    expect(second).toBeDefined();
    // The first one is over: it cannot end the second.
    first?.end(false);
    expect(budget.take()).toBeUndefined();
  });

  test('is not used up by what was given back', () => {
    const budget = new PunchBudget(new ManualClock());
    budget.take()?.end(false);
    expect(budget.take()).toBeDefined();
  });
});

describe('a sample', () => {
  function sample(
    servers: readonly FakeServer[],
    ports: readonly [first: number, step: number],
    believedStep = ports[1],
  ): {
    readonly told: readonly (PortStep | undefined)[];
    readonly atMs: number;
    readonly asked: number;
  } {
    const clock = new ManualClock();
    const nat = { ...symmetric(counting(...ports)), outerHost: OUTER };
    const internet = new StunInternet(clock, { nat, innerPort: BASE.port, servers });
    const deps = { clock, router: internet.router, send: internet.send, random: seededRandom(3) };
    const told: (PortStep | undefined)[] = [];
    let atMs = 0;
    const servers4: readonly Endpoint[] = servers.map((server) => server.at);
    const options = { base: BASE.name, servers: servers4, outerHost: OUTER, step: believedStep };
    samplePort(deps, { ...options, allowLoopback: false }, (found) => {
      told.push(found);
      atMs = clock.monotonic();
    });
    clock.advance(5000);
    expect(clock.pendingTimers).toBe(0);
    return { told, atMs, asked: internet.sent.length };
  }
  const D = at('192.0.2.4:3478');

  test('is the newest port, of three servers at most', () => {
    const up = sample([{ at: A }, { at: B }, { at: C }, { at: D }], [50_000, 2]);
    expect(up).toMatchObject({ told: [{ step: 2, lastPort: 50_004 }], asked: 3 });
    const down = sample([{ at: A }, { at: B }], [50_000, -1]);
    expect(down.told).toEqual([{ step: -1, lastPort: 49_999 }]);
  });

  test('shows whether ports go up or down, whatever was believed', () => {
    expect(sample([{ at: A }, { at: B }, { at: C }], [50_000, 2], -2).told).toEqual([
      { step: 2, lastPort: 50_004 },
    ]);
    expect(sample([{ at: A }, { at: B }, { at: C }], [50_000, -1], 1).told).toEqual([
      { step: -1, lastPort: 49_998 },
    ]);
  });

  test('does not wait long for dead servers', () => {
    const { told, atMs } = sample(
      [
        { at: A, rttMs: 40 },
        { at: B, behaviour: 'dead' },
      ],
      [50_000, 1],
    );
    expect(told).toEqual([{ step: 1, lastPort: 50_000 }]);
    expect(atMs).toBe(140);
  });

  test('does not believe another host, or a port far away', () => {
    const servers = [{ at: A }, { at: B }, { at: C, lie: { host: OUTER, port: 60_000 } }];
    expect(sample(servers, [50_000, 1]).told).toEqual([{ step: 1, lastPort: 50_001 }]);
    const other = { at: B, lie: { host: '198.51.100.8', port: 50_009 } };
    expect(sample([{ at: A }, other], [50_000, 1]).told).toEqual([{ step: 1, lastPort: 50_000 }]);
  });

  test('is none without an answer', () => {
    const dead = sample([{ at: A, behaviour: 'dead' }], [50_000, 1]);
    expect(dead).toMatchObject({ told: [undefined], atMs: 1500 });
    expect(sample([], [50_000, 1])).toMatchObject({ told: [undefined], atMs: 0, asked: 0 });
    expect(sample([{ at: at('[2001:db8::1]:3478') }], [50_000, 1]).asked).toBe(0);
  });
});

describe('a message', () => {
  test.each([
    { step: 'ask', round: 1, nat: UNKNOWN_NAT },
    { step: 'go', round: 4, nat: UNKNOWN_NAT },
    { step: 'opened', round: 2 },
    { step: 'refuse', round: 1, reason: 'busy' },
  ] as const)('%j', (message) => {
    expect(isPunchMessage(message)).toBe(true);
    for (const round of [0, 5, 1.5, Number.NaN]) {
      expect(isPunchMessage({ ...message, round })).toBe(false);
    }
  });

  test.each([
    { step: 'strange', round: 1 },
    { step: 'refuse', round: 1, reason: 'strange' },
    { step: 'ask', round: 1, nat: { ...UNKNOWN_NAT, portStep: { step: 1, lastPort: 1 } } },
  ])('is not %j', (message) => {
    expect(isPunchMessage(message as unknown as PunchMessage)).toBe(false);
  });
});
