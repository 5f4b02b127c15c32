import { describe, expect, test } from 'vitest';

import type {
  MapperFactory,
  MappingGrant,
  MappingWish,
} from '../../../src/daemon/links/port-mapper.ts';
import { PortMapping, type PortMappingState } from '../../../src/daemon/links/port-mapping.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const OUTER = { host: '203.0.113.7', port: 5711 };
const GRANT: MappingGrant = { external: OUTER, lifetimeMs: 7_200_000 };
const HOUR_MS = 3_600_000;

type Behaviour = (signal: AbortSignal) => Promise<MappingGrant>;
const grants =
  (grant: MappingGrant = GRANT): Behaviour =>
  async () =>
    Promise.resolve(grant);
const refuses: Behaviour = async () => Promise.reject(new Error('refused'));
const isSilent: Behaviour = async () => new Promise(() => undefined);

/** Lets everything run that waits for no timer. */
const settle = async (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

class Run {
  readonly clock = new ManualClock();
  readonly states: PortMappingState[] = [];
  readonly wishes: MappingWish[] = [];
  readonly released: MappingWish[] = [];
  readonly mapping: PortMapping;
  readonly #behaviours: Behaviour[];

  /** What the gateway does each time it is asked; the last for ever. */
  constructor(behaviours: Behaviour[], more: readonly MapperFactory[] = []) {
    this.#behaviours = behaviours;
    const first: MapperFactory = {
      protocol: 'nat-pmp',
      timeoutMs: 1_500,
      make: async () =>
        Promise.resolve({
          map: async (wish, signal) => {
            this.wishes.push(wish);
            const [next = refuses] = this.#behaviours;
            if (this.#behaviours.length > 1) this.#behaviours.shift();
            return next(signal);
          },
          release: async (wish) => {
            this.released.push(wish);
            return Promise.resolve();
          },
        }),
    };
    this.mapping = new PortMapping({
      clock: this.clock,
      mappers: [first, ...more],
      port: 4711,
      changed: (state) => this.states.push(state),
    });
  }

  async start(): Promise<this> {
    this.mapping.start();
    await settle();
    return this;
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    await settle();
  }

  get statuses(): readonly string[] {
    return this.states.map(({ status }) => status);
  }
}

const broken = (make: MapperFactory['make']): MapperFactory => ({
  protocol: 'upnp',
  timeoutMs: 8_000,
  make,
});

describe('a gateway that maps', () => {
  test('is asked for our own port, and renewed under the granted one at half the lifetime', async () => {
    const run = await new Run([grants()]).start();
    expect(run.states).toEqual([
      { status: 'searching' },
      { status: 'mapped', protocol: 'nat-pmp', external: OUTER },
    ]);
    await run.advance(HOUR_MS - 1);
    expect(run.wishes).toEqual([{ internalPort: 4711, externalPort: 4711, lifetimeMs: 7_200_000 }]);
    await run.advance(1);
    expect(run.wishes[1]).toMatchObject({ externalPort: 5711 });
    await run.advance(HOUR_MS);
    expect(run.wishes).toHaveLength(3);
    expect(run.states).toHaveLength(2);
  });

  test('a new outer port is told', async () => {
    const external = { ...OUTER, port: 6000 };
    const run = await new Run([grants(), grants({ ...GRANT, external })]).start();
    await run.advance(HOUR_MS);
    expect(run.mapping.state).toMatchObject({ status: 'mapped', external });
  });

  test('a lifetime of a second does not make us ask every second', async () => {
    const run = await new Run([grants({ ...GRANT, lifetimeMs: 1_000 })]).start();
    await run.advance(59_999);
    expect(run.wishes).toHaveLength(1);
    await run.advance(1);
    expect(run.wishes).toHaveLength(2);
  });

  test('a lifetime without end is none: timers take 24 days, and a gateway forgets at its restart', async () => {
    const run = await new Run([grants({ ...GRANT, lifetimeMs: 0xffff_ffff * 1000 })]).start();
    await run.advance(HOUR_MS);
    expect(run.wishes).toHaveLength(2);
    await run.advance(HOUR_MS);
    expect(run.wishes).toHaveLength(3);
  });

  test('gets the mapping back at stop, once', async () => {
    const run = await new Run([grants()]).start();
    await Promise.all([run.mapping.stop(), run.mapping.stop()]);
    expect(run.released).toEqual([
      { internalPort: 4711, externalPort: 5711, lifetimeMs: 7_200_000 },
    ]);
    expect(run.statuses).toEqual(['searching', 'mapped', 'stopped']);
    expect(run.clock.pendingTimers).toBe(0);
  });

  test('that no longer renews is searched anew', async () => {
    const run = await new Run([grants(), refuses, grants()]).start();
    await run.advance(HOUR_MS);
    expect(run.statuses).toEqual(['searching', 'mapped', 'searching', 'mapped']);
  });

  test('behind another NAT is of no use, and gets the mapping back', async () => {
    const external = { host: '100.64.3.4', port: 5711 };
    const run = await new Run([grants({ ...GRANT, external })]).start();
    expect(run.mapping.state).toEqual({
      status: 'none',
      failures: [{ protocol: 'nat-pmp', reason: expect.stringContaining('100.64.3.4') as unknown }],
    });
    expect(run.released).toHaveLength(1);
  });
});

describe('no gateway', () => {
  test('what a gateway says of its refusal is cut', async () => {
    const run = await new Run([async () => Promise.reject(new Error('no '.repeat(1e6)))]).start();
    const { state } = run.mapping;
    expect(state.status === 'none' && state.failures[0]?.reason.length).toBe(200);
  });

  test('every way is tried in its time, and all again after a quarter of an hour', async () => {
    const run = await new Run(
      [isSilent, grants()],
      [broken(async () => Promise.reject(new Error('cannot be loaded')))],
    ).start();
    expect(run.statuses).toEqual(['searching']);
    await run.advance(1_500);
    expect(run.mapping.state).toEqual({
      status: 'none',
      failures: [
        { protocol: 'nat-pmp', reason: 'no answer within 1500 ms' },
        { protocol: 'upnp', reason: 'cannot be loaded' },
      ],
    });
    await run.advance(15 * 60_000);
    expect(run.mapping.state.status).toBe('mapped');
  });

  test('a change of the network searches at once', async () => {
    const run = await new Run([refuses, grants()]).start();
    expect(run.mapping.state.status).toBe('none');
    await run.start();
    expect(run.mapping.state.status).toBe('mapped');
  });

  test('what is granted after stop is given back, and tells nothing', async () => {
    let grant: (value: MappingGrant) => void = () => undefined;
    const run = await new Run([
      async () =>
        new Promise((resolve) => {
          grant = resolve;
        }),
    ]).start();
    await run.mapping.stop();
    grant(GRANT);
    await settle();
    expect(run.statuses).toEqual(['searching', 'stopped']);
    expect(run.released).toMatchObject([{ externalPort: 5711 }]);
    await run.advance(1_000);
    expect(run.clock.pendingTimers).toBe(0);
  });

  test('stop waits a second at most for a gateway that has gone', async () => {
    const run = await new Run(
      [refuses],
      [
        broken(async () =>
          Promise.resolve({
            map: async () => Promise.resolve(GRANT),
            release: async () => new Promise<void>(() => undefined),
          }),
        ),
      ],
    ).start();
    expect(run.mapping.state.status).toBe('mapped');
    const stopped = run.mapping.stop();
    run.clock.advance(1_000);
    await stopped;
    expect(run.clock.pendingTimers).toBe(0);
  });
});
