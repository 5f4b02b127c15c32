import { describe, expect, test } from 'vitest';

import { type DuplicatePolicy, type LiveLogin, LiveLogins } from '../../src/relay/live-logins.ts';
import { ManualClock } from '../support/manual-clock.ts';

class TestLogin implements LiveLogin {
  readonly key: string;
  readonly instance: Uint8Array;
  readonly told: string[] = [];

  constructor(key: string, instance: number) {
    this.key = key;
    this.instance = Uint8Array.of(instance);
  }

  duplicateSeen(): void {
    this.told.push('duplicate');
  }

  displaced(): void {
    this.told.push('displaced');
  }
}

const of = (policy: DuplicatePolicy, clock = new ManualClock()): LiveLogins =>
  new LiveLogins(policy, clock);

test('different identities do not meet', () => {
  const logins = of('refuse');
  expect(logins.admit(new TestLogin('a', 1))).toBe('admitted');
  expect(logins.admit(new TestLogin('b', 2))).toBe('admitted');
  expect(logins.size).toBe(2);
});

describe.each(['newest', 'oldest', 'refuse'] as const)('%s', (policy) => {
  test('a process that comes back takes its own place', () => {
    const logins = of(policy);
    const before = new TestLogin('a', 1);
    logins.admit(before);
    expect(logins.admit(new TestLogin('a', 1))).toBe('admitted');
    expect(before.told).toEqual(['displaced']);
    expect(logins.size).toBe(1);
  });

  test('what left long ago does not take the place of its successor with it', () => {
    const logins = of(policy);
    const before = new TestLogin('a', 1);
    logins.admit(before);
    logins.admit(new TestLogin('a', 1));
    logins.release(before);
    expect(logins.size).toBe(1);
  });
});

test('newest: the second stays', () => {
  const logins = of('newest');
  const [first, second] = [new TestLogin('a', 1), new TestLogin('a', 2)];
  logins.admit(first);
  expect(logins.admit(second)).toBe('admitted_duplicate');
  expect(first.told).toEqual(['duplicate', 'displaced']);
});

test('oldest: the second may come when the first has left', () => {
  const logins = of('oldest');
  const [first, second] = [new TestLogin('a', 1), new TestLogin('a', 2)];
  logins.admit(first);
  expect(logins.admit(second)).toBe('duplicate');
  expect(first.told).toEqual(['duplicate']);
  logins.release(first);
  expect(logins.admit(second)).toBe('admitted');
});

test('refuse: both go, and nobody has the identity for a minute', () => {
  const clock = new ManualClock();
  const logins = of('refuse', clock);
  const [first, second] = [new TestLogin('a', 1), new TestLogin('a', 2)];
  logins.admit(first);
  expect(logins.admit(second)).toBe('duplicate');
  expect(first.told).toEqual(['duplicate', 'displaced']);
  clock.advance(59_999);
  expect(logins.admit(first)).toBe('duplicate');
  clock.advance(1);
  expect(logins.admit(first)).toBe('admitted');
});
