import { afterEach, describe, expect, test } from 'vitest';

import type { RandomBytes } from '../../../src/base/random.ts';
import { silentLog } from '../../../src/daemon/log/log.ts';
import { SLOW_AFTER_MS } from '../../../src/daemon/paths/latency-watch.ts';
import { LocalNetwork } from '../../../src/daemon/paths/local-network.ts';
import type { PathItem } from '../../../src/daemon/paths/path-message.ts';
import type { PathSettings } from '../../../src/daemon/paths/path-settings.ts';
import { PeerPaths } from '../../../src/daemon/paths/peer-paths.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { SimUnderlay } from '../../support/nat/sim-underlay.ts';
import { Internet } from '../../support/nat/sites.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const RELAY = {
  url: 'wss://relay.example/',
  link: { kind: 'relay', maxPacketBytes: 2 ** 21, send: () => undefined },
} as const;
const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(stops.splice(0).map(async (stop) => stop()));
});

interface SetUp {
  readonly clock: ManualClock;
  readonly paths: PeerPaths;
  readonly told: PathItem[];
  /** Datagrams that left this host. */
  readonly sent: () => number;
}

function setUp(settings: Partial<PathSettings>, isLooking: boolean): SetUp {
  const clock = new ManualClock();
  const random: RandomBytes = seededRandom(4);
  const internet = new Internet({ clock, random });
  const underlay = new SimUnderlay(internet.addSite('open').hosts[0] ?? [], { clock, random });
  const network = new LocalNetwork({
    ...{ clock, random, underlay, router: underlay.router, log: silentLog },
    interfaces: underlay.interfaces,
    configured: [],
    relayStunServers: () => [],
    resolve: async () => Promise.reject(new Error('no such name')),
  });
  network.start();
  let sent = 0;
  underlay.onSend = () => {
    sent++;
    return true;
  };
  const told: PathItem[] = [];
  const paths = new PeerPaths({
    ...{ clock, random },
    settings: {
      ...{ isDirectRequired: false, mayRelay: true, isStatic: false, maxLatencyMs: 100 },
      ...settings,
    },
    finder: isLooking ? { network, goesFirst: true } : undefined,
    tell: (item) => told.push(item),
    sessionRttMs: () => undefined,
    handlers: {
      packet: () => undefined,
      changed: () => undefined,
      failed: () => undefined,
      alarm: () => undefined,
    },
  });
  stops.push(async () => {
    paths.stop();
    await network.stop();
    underlay.close();
  });
  paths.setRoute(RELAY);
  paths.sessionOpened();
  clock.advance(1);
  return { clock, paths, told, sent: () => sent };
}

const steps = (told: readonly PathItem[]): string[] => told.map(({ step }) => step);

describe('nat_traversal off', () => {
  test('nothing is offered, and an offer is answered with a refusal and nothing else', () => {
    const { clock, paths, told, sent } = setUp({}, false);
    paths.tryNow();
    paths.want();
    clock.advance(3_600_000);
    expect(told).toEqual([]);
    const attempt = '0123456789abcdef';
    const head = { kind: 'path', attempt } as const;
    const credentials = { ufrag: 'abcd', password: 'p'.repeat(22) };
    paths.receive({ ...head, step: 'offer', credentials, streamId: 7 });
    const endpoint = { host: '203.0.113.99', port: 4000 };
    const candidate = { kind: 'host', endpoint, priority: 1, foundation: 'x' } as const;
    paths.receive({ ...head, step: 'candidates', candidates: [candidate], isLast: true });
    paths.receive({ ...head, step: 'end', reason: 'no_answer' });
    clock.advance(3_600_000);
    expect(told).toEqual([{ ...head, step: 'end', reason: 'not_wanted' }]);
    expect(sent()).toBe(0);
    expect(paths.whyNotDirect).toBe('this node looks for none');
  });
});

describe('max_latency_ms', () => {
  /** What was told after the path has been slow for long enough. */
  function toldWhenSlow(isStatic: boolean): string[] {
    const { clock, paths, told } = setUp({ isStatic }, true);
    const offer = told.find(({ step }) => step === 'offer');
    paths.receive({
      ...{ kind: 'path', attempt: offer?.attempt ?? '', step: 'end' },
      reason: 'no_answer',
    });
    told.length = 0;
    paths.measured(150);
    clock.advance(SLOW_AFTER_MS - 1);
    paths.measured(150);
    clock.advance(1);
    expect(steps(told)).toEqual([]);
    paths.measured(150);
    clock.advance(1);
    return steps(told);
  }

  test('a path that is slow is a reason to look for another one', () => {
    expect(toldWhenSlow(false)).toContain('offer');
  });

  test('but not where the topology is static', () => {
    expect(toldWhenSlow(true)).toEqual([]);
  });
});
