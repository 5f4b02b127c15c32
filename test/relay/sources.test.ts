import { describe, expect, test } from 'vitest';

import { DEFAULT_LIMITS, type RelayLimits } from '../../src/relay/limits.ts';
import { Sources } from '../../src/relay/sources.ts';
import { ManualClock } from '../support/manual-clock.ts';

const withLimits = (limits: Partial<RelayLimits>, clock = new ManualClock()): Sources =>
  new Sources({ ...DEFAULT_LIMITS, ...limits }, clock);

describe('connections', () => {
  test('of one address are counted together, IPv6 by its /64', () => {
    const sources = withLimits({ maxConnectionsPerIp: 1 });
    expect(sources.enter('10.0.0.1')).toBeDefined();
    expect(sources.enter('10.0.0.2')).toBeDefined();
    expect(sources.enter('::ffff:10.0.0.1')).toBeUndefined();
    expect(sources.enter('2001:db8::1')).toBeDefined();
    expect(sources.enter('2001:db8::2')).toBeUndefined();
    expect(sources.enter('2001:db8:0:1::1')).toBeDefined();
  });

  test('leave once, however often they say so', () => {
    const sources = withLimits({ maxConnectionsPerIp: 2 });
    const first = sources.enter('10.0.0.1');
    sources.enter('10.0.0.1');
    first?.leave();
    first?.leave();
    expect(sources.connections).toBe(1);
    expect(sources.enter('10.0.0.1')).toBeDefined();
    expect(sources.enter('10.0.0.1')).toBeUndefined();
  });

  test('that have logged in no longer count as newcomers', () => {
    const sources = withLimits({ maxUnauthenticated: 1 });
    const first = sources.enter('10.0.0.1');
    expect(sources.enter('10.0.0.2')).toBeUndefined();
    first?.authenticate();
    first?.authenticate();
    expect(sources.unauthenticated).toBe(0);
    expect(sources.enter('10.0.0.2')).toBeDefined();
    first?.leave();
    expect(sources.unauthenticated).toBe(1);
  });
});

describe('rates', () => {
  test('are shared by a /24, kept across connections, and refilled by time', () => {
    const clock = new ManualClock();
    const sources = withLimits({ maxLoginsPerSecondPerPrefix: 1 }, clock);
    const first = sources.enter('10.0.0.1');
    for (let i = 0; i < 4; i++) expect(first?.mayLogIn()).toBe(true);
    expect(first?.mayLogIn()).toBe(false);
    first?.leave();
    expect(sources.enter('10.0.0.77')?.mayLogIn()).toBe(false);
    expect(sources.enter('10.0.1.1')?.mayLogIn()).toBe(true);
    clock.advance(1000);
    expect(sources.enter('10.0.0.1')?.mayLogIn()).toBe(true);
  });

  test('of envelopes count pieces and bytes', () => {
    const pieces = withLimits({ maxPutsPerSecondPerPrefix: 1 }).enter('10.0.0.1');
    expect([1, 2, 3, 4, 5].map(() => pieces?.mayPut(0))).toEqual([true, true, true, true, false]);
    const bytes = withLimits({ maxPutBytesPerSecondPerPrefix: 100 }).enter('10.0.0.1');
    expect(bytes?.mayPut(400)).toBe(true);
    expect(bytes?.mayPut(1)).toBe(false);
  });
});
