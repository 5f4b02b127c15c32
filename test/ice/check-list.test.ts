import { beforeEach, describe, expect, test } from 'vitest';

import { type Candidate, priorityOf } from '../../src/ice/candidate.ts';
import type { CandidatePair, LocalBase } from '../../src/ice/candidate-pair.ts';
import { CheckList, MAX_PAIRS } from '../../src/ice/check-list.ts';

const V4: LocalBase = {
  base: 'v4',
  family: 'v4',
  priority: priorityOf('host', 65_534),
  foundation: 'L4',
};
const V6: LocalBase = { ...V4, base: 'v6', family: 'v6', priority: priorityOf('host', 65_535) };

function remote(
  host: string,
  kind: 'host' | 'srflx' | 'prflx' = 'host',
  foundation = host,
): Candidate {
  return { kind, endpoint: { host, port: 4000 }, priority: priorityOf(kind, 65_535), foundation };
}

let list: CheckList;
beforeEach(() => {
  list = new CheckList('controlling');
});
const nextHost = (): string | undefined => list.next()?.remote.endpoint.host;
function take(): CandidatePair {
  const pair = list.next();
  if (pair === undefined) throw new Error('nothing to check');
  pair.state = 'in-progress';
  return pair;
}

describe('pairs', () => {
  test('one per socket and endpoint, of one family', () => {
    list.addLocal(V4);
    list.addRemote(remote('10.0.0.1'));
    list.addRemote(remote('2001:db8::1'));
    list.addLocal(V6);
    list.addLocal({ ...V4, foundation: 'other' });
    list.addRemote(remote('10.0.0.1'));
    expect(list.pairs.map(({ key }) => key)).toHaveLength(2);
    expect(list.pairOf('v6', { host: '2001:DB8:0::1', port: 4000 })).toBe(list.pairs[1]);
    expect(list.pairOf('v4', { host: '2001:db8::1', port: 4000 })).toBeUndefined();
    expect([list.hasLocal('v6'), list.hasLocal('punch-1')]).toEqual([true, false]);
  });

  test('the best candidate of a socket stands for it', () => {
    list.addLocal({ ...V4, priority: 5 });
    list.addRemote(remote('10.0.0.1'));
    list.addLocal({ ...V4, priority: 9 });
    list.addLocal({ ...V4, priority: 7 });
    expect(list.pairs.map(({ local }) => local.priority)).toEqual([9]);
  });

  test('an endpoint that is told after it was found keeps its pair', () => {
    list.addLocal(V4);
    list.addRemote(remote('10.0.0.1', 'prflx'));
    const pair = take();
    list.addRemote(remote('10.0.0.1', 'srflx'));
    expect(list.pairs).toEqual([pair]);
    expect([pair.state, pair.remote.kind]).toEqual(['in-progress', 'srflx']);
  });

  test('are at most 100', () => {
    for (let i = 0; i < 30; i++) list.addLocal({ ...V4, base: `punch-${i}` });
    for (let i = 1; i <= 20; i++) list.addRemote(remote(`10.0.0.${i}`));
    expect(list.pairs).toHaveLength(MAX_PAIRS);
  });
});

describe('order', () => {
  test('the best first', () => {
    list.addLocal(V4);
    list.addLocal(V6);
    list.addRemote(remote('198.51.100.1', 'srflx'));
    list.addRemote(remote('10.0.0.1'));
    list.addRemote(remote('2001:db8::1'));
    const order = [take(), take(), take()].map(({ remote: { endpoint } }) => endpoint.host);
    expect(order).toEqual(['2001:db8::1', '10.0.0.1', '198.51.100.1']);
    expect(list.next()).toBeUndefined();
  });

  test('triggered ones before them, each once, in their order', () => {
    list.addLocal(V4);
    for (const host of ['10.0.0.1', '10.0.0.2', '10.0.0.3']) list.addRemote(remote(host, 'host'));
    const [first, second, third] = list.pairs as [CandidatePair, CandidatePair, CandidatePair];
    first.state = 'in-progress';
    third.state = 'failed';
    list.trigger(third);
    list.trigger(second);
    list.trigger(third);
    expect([take(), take(), list.next()]).toEqual([third, second, undefined]);
  });

  test('a triggered pair that succeeded meanwhile is left out', () => {
    list.addLocal(V4);
    list.addRemote(remote('10.0.0.1'));
    const pair = take();
    list.trigger(pair);
    pair.state = 'succeeded';
    expect(list.next()).toBeUndefined();
  });

  test('the role changes which candidate breaks a tie', () => {
    list.addLocal({ ...V4, base: 'a', priority: 10 });
    list.addLocal({ ...V4, base: 'b', priority: 20 });
    list.addRemote({ ...remote('10.0.0.1'), priority: 15 });
    list.addRemote({ ...remote('10.0.0.2'), priority: 10 });
    const [a1, , , b2] = list.pairs as [CandidatePair, CandidatePair, CandidatePair, CandidatePair];
    expect([a1.base, b2.base]).toEqual(['a', 'b']);
    // Both have the minimum 10; the larger maximum is b2's, whoever controls.
    expect(list.compare(b2, a1)).toBe(1);
    list.role = 'controlled';
    expect(list.compare(b2, a1)).toBe(1);
    expect(list.compare(a1, a1)).toBe(0);
  });
});

describe('freezing (RFC 8445, 6.1.2.6)', () => {
  beforeEach(() => {
    list.addLocal(V4);
    list.addRemote(remote('10.0.0.1', 'host', 'same'));
    list.addRemote(remote('10.0.0.2', 'host', 'same'));
    list.addRemote(remote('10.0.0.3', 'host', 'other'));
  });

  test('one of a foundation is tried, the next when it failed', () => {
    const [first, other] = [take(), take()];
    expect([first, other].map(({ remote: { endpoint } }) => endpoint.host)).toEqual([
      '10.0.0.1',
      '10.0.0.3',
    ]);
    expect(list.next()).toBeUndefined();
    first.state = 'failed';
    expect(nextHost()).toBe('10.0.0.2');
  });

  test('all of a foundation thaw when one succeeded, also those that come later', () => {
    const first = take();
    first.state = 'succeeded';
    list.unfreezeLike(first);
    list.addRemote(remote('10.0.0.4', 'host', 'same'));
    expect(list.pairs.map(({ state }) => state)).toEqual([
      'succeeded',
      'waiting',
      'waiting',
      'waiting',
    ]);
  });
});

describe('a pair was selected', () => {
  beforeEach(() => {
    list.addLocal(V4);
    list.addRemote(remote('198.51.100.1', 'srflx'));
    list.addRemote(remote('198.51.100.2', 'prflx'));
  });

  test('only better ones are checked, and triggered ones', () => {
    const better = take();
    better.state = 'succeeded';
    list.floor = better;
    expect(list.bestValid()).toBe(better);
    expect(list.next()).toBeUndefined();
    list.addRemote(remote('10.0.0.1'));
    expect(take().remote.endpoint.host).toBe('10.0.0.1');
    const worse = list.pairs.filter(({ state }) => state === 'waiting');
    expect(worse).toHaveLength(1);
    for (const pair of worse) list.trigger(pair);
    expect(list.next()).toBe(worse[0]);
  });

  test('closed: only triggered ones', () => {
    list.close();
    expect(list.next()).toBeUndefined();
    const [pair] = list.pairs as [CandidatePair];
    list.trigger(pair);
    expect(list.next()).toBe(pair);
  });
});
