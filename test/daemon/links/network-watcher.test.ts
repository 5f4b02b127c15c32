import { expect, test } from 'vitest';

import {
  type InterfaceAddress,
  type InterfaceSource,
  NetworkWatcher,
  systemInterfaces,
} from '../../../src/daemon/links/network-watcher.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const address = (name: string, host: string): InterfaceAddress => ({
  name,
  host,
  family: 4,
  internal: false,
});
const HOME = [address('eth0', '192.0.2.1'), address('wlan0', '192.0.2.2')];
const AWAY = [address('eth0', '198.51.100.1')];

function setUp(): {
  clock: ManualClock;
  told: (readonly InterfaceAddress[])[];
  change: (addresses: readonly InterfaceAddress[]) => void;
  watcher: NetworkWatcher;
  stops: () => number;
} {
  const clock = new ManualClock();
  const told: (readonly InterfaceAddress[])[] = [];
  let change: (addresses: readonly InterfaceAddress[]) => void = () => undefined;
  let stops = 0;
  const source: InterfaceSource = {
    watch(changed) {
      change = changed;
      return { current: HOME, stop: () => (stops += 1) };
    },
  };
  const watcher = new NetworkWatcher(source, clock, (addresses) => told.push(addresses));
  return {
    clock,
    told,
    change: (addresses) => {
      change(addresses);
    },
    watcher,
    stops: () => stops,
  };
}

test('one change of several steps is told once, when it is quiet', () => {
  const { clock, told, change, watcher } = setUp();
  change([]);
  clock.advance(200);
  change(AWAY);
  clock.advance(249);
  expect(told).toEqual([]);
  clock.advance(1);
  expect(told).toEqual([AWAY]);
  expect(watcher.addresses).toEqual(AWAY);
});

test('a network that does not come to rest is told of after a second', () => {
  const { clock, told, change } = setUp();
  for (let step = 0; step < 12; step++) {
    change(step % 2 === 0 ? [] : AWAY);
    clock.advance(100);
  }
  expect(told).toEqual([AWAY]);
});

test('nothing is told when all is as before, in whatever order', () => {
  const { clock, told, change } = setUp();
  change([]);
  change([...HOME].reverse());
  clock.advance(60_000);
  expect(told).toEqual([]);
});

test('a stopped watcher has no timers and stops its source', () => {
  const { clock, told, change, watcher, stops } = setUp();
  change(AWAY);
  watcher.stop();
  clock.advance(60_000);
  expect(told).toEqual([]);
  expect(clock.pendingTimers).toBe(0);
  expect(stops()).toBe(1);
});

test('the system has a loopback address', () => {
  const { current, stop } = systemInterfaces.watch(() => undefined);
  stop();
  expect(current).toContainEqual({ name: 'lo', host: '127.0.0.1', family: 4, internal: true });
});
