import { afterEach, describe, expect, test } from 'vitest';

import type { RandomBytes } from '../../../src/base/random.ts';
import { silentLog } from '../../../src/daemon/log/log.ts';
import { SLOW_AFTER_MS } from '../../../src/daemon/paths/latency-watch.ts';
import { LocalNetwork } from '../../../src/daemon/paths/local-network.ts';
import { PathFinder } from '../../../src/daemon/paths/path-finder.ts';
import type { PathItem } from '../../../src/daemon/paths/path-message.ts';
import type { PathSettings } from '../../../src/daemon/paths/path-settings.ts';
import { PeerPaths, type PeerPathsDeps } from '../../../src/daemon/paths/peer-paths.ts';
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

const SILENT = { packet: () => undefined, failed: () => undefined } as const;

interface SetUp {
  readonly clock: ManualClock;
  readonly paths: PeerPaths;
  readonly told: PathItem[];
  /** Datagrams that left this host. */
  readonly sent: () => number;
}

interface World {
  readonly clock: ManualClock;
  readonly random: RandomBytes;
  readonly internet: Internet;
}

function newWorld(): World {
  const clock = new ManualClock();
  const random = seededRandom(4);
  return { clock, random, internet: new Internet({ clock, random }) };
}

/** Of a host of its own. */
function newNetwork(
  { clock, random, internet }: World,
  onSent = (): void => undefined,
): LocalNetwork {
  const underlay = new SimUnderlay(internet.addSite('open').hosts[0] ?? [], { clock, random });
  const network = new LocalNetwork({
    ...{ clock, random, underlay, router: underlay.router, log: silentLog },
    interfaces: underlay.interfaces,
    configured: [],
    relayStunServers: () => [],
    resolve: async () => Promise.reject(new Error('no such name')),
  });
  network.start();
  underlay.onSend = () => {
    onSent();
    return true;
  };
  stops.push(async () => {
    await network.stop();
    underlay.close();
  });
  return network;
}

/** Those of a session that has just opened over a relay. */
function newPaths(
  { clock, random }: World,
  deps: Pick<PeerPathsDeps, 'finder' | 'tell'>,
  settings: Partial<PathSettings> = {},
): PeerPaths {
  const paths = new PeerPaths({
    ...{ clock, random, ...deps },
    settings: {
      ...{ isDirectRequired: false, mayRelay: true, isStatic: false, maxLatencyMs: 100 },
      ...settings,
    },
    sessionRttMs: () => undefined,
    handlers: { ...SILENT, changed: () => undefined, alarm: () => undefined },
  });
  stops.push(async () => {
    paths.stop();
    return Promise.resolve();
  });
  paths.setRoute(RELAY);
  paths.sessionOpened();
  return paths;
}

function setUp(settings: Partial<PathSettings>, isLooking: boolean): SetUp {
  const world = newWorld();
  const { clock } = world;
  let sent = 0;
  const network = newNetwork(world, () => sent++);
  const told: PathItem[] = [];
  const paths = newPaths(
    world,
    {
      finder: isLooking ? { network, goesFirst: true } : undefined,
      tell: (item) => told.push(item),
    },
    settings,
  );
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

test('a path that was found and that the other side does not use is not being looked for', async () => {
  const world = newWorld();
  const { clock, random } = world;
  const [theirs, ours] = [newNetwork(world), newNetwork(world)];
  const later = (run: () => void): void => {
    clock.after(10, run);
  };
  const other = new PathFinder({
    ...{ clock, random, network: theirs, goesFirst: true, isStatic: false },
    tell: (item) => {
      later(() => {
        paths.receive(item);
      });
    },
    handlers: { ...SILENT, linkChanged: () => undefined, probed: () => undefined },
  });
  stops.push(async () => {
    other.stop();
    return Promise.resolve();
  });
  const paths = newPaths(world, {
    finder: { network: ours, goesFirst: false },
    tell: (item) => {
      later(() => {
        other.receive(item);
      });
    },
  });
  other.sessionOpened();
  for (let ms = 0; ms < 5000; ms += 10) {
    clock.advance(10);
    await Promise.resolve();
  }
  expect(other.link).toBeDefined();
  expect(paths.whyNotDirect).toBe('one was found, and the other side does not use it yet');
  other.link?.send(new Uint8Array(3));
  clock.advance(100);
  expect(paths.current?.kind).toBe('direct');
});
