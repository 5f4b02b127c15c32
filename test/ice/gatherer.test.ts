import { describe, expect, test } from 'vitest';

import { endpointKey } from '../../src/ice/endpoint-key.ts';
import { Gatherer, MAX_STUN_SERVERS } from '../../src/ice/gatherer.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { A, at, B, BASE, C, CONE, OTHER, OUTER, Run } from './gatherer-run.ts';
import { StunInternet } from './stun-internet.ts';

const LIE = at('203.0.113.66:666');

describe('candidates', () => {
  test('host candidates come at once, others with the answers', () => {
    const run = new Run([{ at: A, rttMs: 30 }]);
    expect(run.told.map(({ candidate }) => candidate)).toMatchObject([
      { kind: 'host', base: 'v4', endpoint: at('10.0.0.2:4711') },
    ]);
    expect(run.finish()).toMatchObject({ mapped: at(`${OUTER}:4711`), behindNat: true });
    expect(run.reflexive).toEqual([`${OUTER}:4711 after 30 ms`]);
    const [host, reflexive] = run.told.map(({ candidate }) => candidate);
    expect(host?.priority).toBeGreaterThan(reflexive?.priority ?? Infinity);
    expect(host?.foundation).not.toBe(reflexive?.foundation);
    expect(run.gatheredAtMs).toBe(30);
  });

  test('without servers it is done at once', () => {
    const run = new Run([]);
    expect(run.finishedAtMs).toBe(0);
    expect(run.finish()).toMatchObject({ mapped: undefined, mapping: 'unknown' });
    expect(run.result?.udp).toBe(false);
  });

  test('on the open internet the outer address is the inner one, told once', () => {
    const run = new Run([{ at: A }, { at: B }], { ...CONE, outerHost: '10.0.0.2' });
    expect(run.finish()).toMatchObject({ behindNat: false, mapping: 'endpoint-independent' });
    expect(run.told).toHaveLength(1);
  });

  test('a request that gets lost goes out again', () => {
    const run = new Run([{ at: A, loses: 2 }]);
    run.finish();
    expect(run.internet.sent.map(({ atMs }) => atMs)).toEqual([0, 500, 1500]);
    expect(run.reflexive).toEqual([`${OUTER}:4711 after 1510 ms`]);
    expect(run.result?.servers[0]).toMatchObject({ outcome: 'answered', rttMs: undefined });
  });

  test('each server of the base’s family is asked once, a bounded number of them', () => {
    const servers = Array.from({ length: 60 }, (_, i) => ({ at: at(`192.0.2.${i + 1}:3478`) }));
    const run = new Run([{ at: at('[2001:db8::1]:3478') }, ...servers, ...servers]);
    run.finish();
    expect(run.internet.sent).toHaveLength(MAX_STUN_SERVERS);
    expect(new Set(run.internet.sent.map(({ to }) => endpointKey(to))).size).toBe(MAX_STUN_SERVERS);
  });

  test('a mapped port is a candidate, also after the end, and better than what STUN saw', () => {
    const run = new Run([{ at: A }]);
    run.finish();
    run.gatherer.addMappedPort(BASE, at('198.51.100.7:50000'));
    run.gatherer.addMappedPort(BASE, at('198.51.100.7:50000'));
    const [, seen, mapped, ...more] = run.told.map(({ candidate }) => candidate);
    expect(mapped).toMatchObject({ kind: 'srflx', endpoint: at('198.51.100.7:50000') });
    expect(mapped?.priority).toBeGreaterThan(seen?.priority ?? Infinity);
    expect(more).toEqual([]);
  });

  test('after stop nothing is told and nothing is left', () => {
    const run = new Run([{ at: A }, { at: B, other: OTHER }], CONE, { testsNat: true });
    run.gatherer.stop();
    run.gatherer.stop();
    run.clock.advance(60_000);
    run.gatherer.addMappedPort(BASE, at('198.51.100.7:50000'));
    expect(run.told).toHaveLength(1);
    expect(run.finishedAtMs).toBeUndefined();
    expect(run.clock.pendingTimers).toBe(0);
  });

  test.each(['host', 'srflx', 'gathered'] as const)('the handler of %s may stop it', (when) => {
    const clock = new ManualClock();
    const servers = [{ at: A, other: OTHER }];
    const internet = new StunInternet(clock, { nat: CONE, innerPort: BASE.port, servers });
    const { router, send } = internet;
    const told: string[] = [];
    const tell = (what: string): void => {
      told.push(what);
      if (what === when) gatherer.stop();
    };
    const gatherer = new Gatherer(
      { clock, router, send, random: seededRandom(1) },
      { bases: [BASE], addresses: [{ name: 'eth0', address: '10.0.0.2' }], servers: [A] },
      {
        candidate: ({ kind }) => {
          tell(kind);
        },
        gathered: () => {
          tell('gathered');
        },
        finished: () => {
          tell('finished');
        },
      },
    );
    gatherer.start();
    clock.advance(60_000);
    expect(told.at(-1)).toBe(when);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('a dead or lying server costs nothing', () => {
  test('dead: the wait for a second opinion, no more than the other’s own round trips', () => {
    const run = new Run([
      { at: A, behaviour: 'dead' },
      { at: B, rttMs: 10 },
    ]);
    run.finish();
    expect(run.reflexive).toEqual([`${OUTER}:4711 after 80 ms`]);
    expect(run.gatheredAtMs).toBe(5_000);
    expect(run.result?.servers.map(({ outcome }) => outcome)).toEqual(['no_answer', 'answered']);
  });

  test('most dead, the living one slow', () => {
    const dead = [A, C].map((place) => ({ at: place, behaviour: 'dead' as const }));
    const run = new Run([...dead, { at: B, rttMs: 200 }]);
    run.finish();
    expect(run.reflexive).toEqual([`${OUTER}:4711 after 500 ms`]);
  });

  test('two of three agree: the third is not waited for', () => {
    const run = new Run([
      { at: A, rttMs: 20 },
      { at: B, rttMs: 40 },
      { at: C, behaviour: 'dead' },
    ]);
    run.finish();
    expect(run.reflexive).toEqual([`${OUTER}:4711 after 40 ms`]);
  });

  test('lying, and the first to answer', () => {
    const run = new Run([
      { at: A, lie: LIE, rttMs: 1 },
      { at: B, rttMs: 40 },
      { at: C, rttMs: 60 },
    ]);
    const report = run.finish();
    expect(run.reflexive).toEqual([`${OUTER}:4711 after 60 ms`]);
    expect(report).toMatchObject({
      mapped: at(`${OUTER}:4711`),
      mapping: 'endpoint-independent',
    });
  });

  test('lying about the port alone', () => {
    const run = new Run([
      { at: A, lie: at(`${OUTER}:9`), rttMs: 1 },
      { at: B, rttMs: 20 },
      { at: C, rttMs: 40 },
    ]);
    expect(run.finish()).toMatchObject({ mapped: at(`${OUTER}:4711`) });
    expect(run.reflexive.at(-1)).toContain(`${OUTER}:4711`);
  });

  test('of two that contradict each other neither is believed', () => {
    const run = new Run([{ at: A, lie: LIE }, { at: B }]);
    expect(run.finish()).toMatchObject({ mapped: undefined, behindNat: undefined });
    expect(run.reflexive).toEqual([]);
    expect(run.result?.udp).toBe(true);
  });

  test.each([
    ['an error', { behaviour: 'refuses' }, 'refused'],
    ['no address', { behaviour: 'empty' }, 'unusable'],
    ['loopback', { lie: at('127.0.0.1:1') }, 'unusable'],
    ['multicast', { lie: at('224.0.0.1:1') }, 'unusable'],
    ['an address of the other family', { lie: at('[2001:db8::1]:1') }, 'unusable'],
    ['another transaction', { behaviour: 'wrong-id' }, 'no_answer'],
    ['another source', { behaviour: 'wrong-source' }, 'no_answer'],
  ] as const)('%s', (_, server, outcome) => {
    const run = new Run([{ at: A, ...server }]);
    run.finish();
    expect(run.result?.servers).toMatchObject([{ server: A, outcome, mapped: undefined }]);
    expect(run.reflexive).toEqual([]);
  });

  test('UDP is blocked', () => {
    const run = new Run([{ at: A }, { at: B }], { ...CONE, outerPort: () => undefined });
    run.finish();
    expect(run.result?.udp).toBe(false);
    expect(run.gatheredAtMs).toBe(5_000);
  });
});

describe('a family that leads nowhere', () => {
  const V6 = { name: 'v6', family: 'v6', port: BASE.port } as const;
  const V6_SERVER = at('[2001:db8::1]:3478');

  function gather(addresses: readonly string[]): {
    readonly told: string[];
    readonly sent: readonly string[];
  } {
    const clock = new ManualClock();
    const internet = new StunInternet(clock, {
      ...{ nat: CONE, innerPort: BASE.port },
      servers: [{ at: A }, { at: B }],
    });
    const told: string[] = [];
    const note = (what: string) => (): void => {
      told.push(`${what} after ${clock.monotonic()} ms`);
    };
    const { router, send } = internet;
    const gatherer = new Gatherer(
      { clock, router, send, random: seededRandom(7) },
      {
        bases: [BASE, V6],
        addresses: addresses.map((address) => ({ name: 'eth0', address })),
        servers: [A, B, V6_SERVER],
      },
      {
        candidate: () => undefined,
        measured: note('measured'),
        gathered: note('gathered'),
        finished: note('finished'),
      },
    );
    gatherer.start();
    clock.advance(20_000);
    return { told, sent: internet.sent.map(({ to }) => to.host) };
  }

  test('is not asked without an address of it', () => {
    const { told, sent } = gather(['10.0.0.2', 'fe80::1']);
    expect(told).toEqual(['gathered after 10 ms', 'finished after 10 ms']);
    expect(sent).not.toContain(V6_SERVER.host);
  });

  test('does not keep back what is known of the other one', () => {
    const { told } = gather(['10.0.0.2', '2001:db8:1::2']);
    expect(told).toEqual([
      'measured after 10 ms',
      'gathered after 5000 ms',
      'finished after 5000 ms',
    ]);
  });

  test('is asked where the addresses are not known', () => {
    expect(gather([]).sent).toContain(V6_SERVER.host);
  });
});
