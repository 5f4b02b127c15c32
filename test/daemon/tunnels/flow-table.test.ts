import { expect, test } from 'vitest';

import { FLOW_IDLE_MS, FlowTable } from '../../../src/daemon/tunnels/flow-table.ts';
import { ManualClock } from '../../support/manual-clock.ts';

/** A table of named flows, and who of them was closed, in order. */
function table(limit = 10) {
  const clock = new ManualClock();
  const flows = new FlowTable<{ name: string; close(): void }>(clock, limit);
  const closed: string[] = [];
  const add = (name: string, key = name): void => {
    flows.add(key, { name, close: () => closed.push(name) });
  };
  return { clock, flows, closed, add };
}

// The sweep looks eight times in two minutes.
const LATE_MS = FLOW_IDLE_MS / 8;

test('a flow lives for two minutes of silence, and not much longer', () => {
  const { clock, flows, closed, add } = table();
  add('a');
  clock.advance(FLOW_IDLE_MS - 1);
  expect([flows.size, closed]).toEqual([1, []]);
  clock.advance(LATE_MS + 1);
  expect([flows.size, closed]).toEqual([0, ['a']]);
});

test('each use gives it two minutes more; those that are silent go before it', () => {
  const { clock, flows, closed, add } = table();
  add('used');
  add('silent');
  for (let minute = 0; minute < 10; minute++) {
    clock.advance(60_000);
    expect(flows.use('used')?.name).toBe('used');
  }
  expect(closed).toEqual(['silent']);
  expect(flows.use('silent')).toBeUndefined();
  clock.advance(FLOW_IDLE_MS + LATE_MS);
  expect(closed).toEqual(['silent', 'used']);
});

test('one too many ends the one that has been silent longest, not the oldest', () => {
  const { flows, closed, add } = table(3);
  for (const name of ['a', 'b', 'c']) add(name);
  flows.use('a');
  add('d');
  expect([flows.size, closed]).toEqual([3, ['b']]);
});

test('ten thousand flows stay within the bound, and each that went was closed once', () => {
  const { flows, closed, add } = table(256);
  for (let i = 0; i < 10_000; i++) add(`flow ${i}`);
  expect(flows.size).toBe(256);
  expect(new Set(closed).size).toBe(10_000 - 256);
  expect(closed).toHaveLength(10_000 - 256);
});

test('another one under the same key replaces it', () => {
  const { flows, closed, add } = table();
  add('old', 'key');
  add('new', 'key');
  expect([flows.size, closed, flows.use('key')?.name]).toEqual([1, ['old'], 'new']);
});

test('time is watched only while there are flows', () => {
  const { clock, flows, closed, add } = table();
  expect(clock.pendingTimers).toBe(0);
  add('a');
  add('b');
  expect(clock.pendingTimers).toBe(1);
  flows.end('a');
  flows.end('a');
  expect(clock.pendingTimers).toBe(1);
  flows.endAll();
  expect([clock.pendingTimers, closed]).toEqual([0, ['a', 'b']]);
  add('again');
  clock.advance(FLOW_IDLE_MS + LATE_MS);
  expect([clock.pendingTimers, closed.at(-1)]).toEqual([0, 'again']);
});
