import { expect } from 'vitest';

import { type Endpoint, formatEndpoint, parseEndpoint } from '../../src/base/endpoint.ts';
import type { GathererSettings } from '../../src/ice/base-gatherer.ts';
import type { Candidate } from '../../src/ice/candidate.ts';
import { endpointKey } from '../../src/ice/endpoint-key.ts';
import { Gatherer } from '../../src/ice/gatherer.ts';
import type { BaseReport, NatReport } from '../../src/ice/nat-behaviour.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { type FakeNat, type FakeServer, FILTERS, mapEach, StunInternet } from './stun-internet.ts';

export const at = (text: string): Endpoint => parseEndpoint(text) ?? { host: '', port: 0 };
export const BASE = { name: 'v4', family: 'v4', port: 4711 } as const;
export const OUTER = '198.51.100.7';
export const [A, B, C] = ['192.0.2.1:3478', '192.0.2.2:3478', '192.0.2.3:3478'].map(at) as [
  Endpoint,
  Endpoint,
  Endpoint,
];
export const OTHER = at('192.0.2.9:3479');

export const CONE: FakeNat = {
  outerPort: (_, innerPort) => innerPort,
  lets: FILTERS.addressAndPortDependent,
};
export const symmetric = (ports: Iterator<number>): FakeNat => ({
  outerPort: mapEach(endpointKey, ports),
  lets: FILTERS.addressAndPortDependent,
});

/** A gatherer at work behind a NAT. */
export class Run {
  readonly clock = new ManualClock();
  readonly internet: StunInternet;
  readonly gatherer: Gatherer;
  readonly told: { readonly candidate: Candidate; readonly atMs: number }[] = [];
  gatheredAtMs: number | undefined;
  finishedAtMs: number | undefined;
  result: NatReport | undefined;

  constructor(
    servers: readonly FakeServer[],
    nat: FakeNat = CONE,
    settings: Partial<GathererSettings> = {},
  ) {
    const { clock } = this;
    this.internet = new StunInternet(clock, { nat, innerPort: BASE.port, servers });
    const { router, send } = this.internet;
    const deps = { clock, router, send, random: seededRandom(7) };
    const input = {
      bases: [BASE],
      addresses: [{ name: 'eth0', address: '10.0.0.2' }],
      servers: servers.map((server) => server.at),
    };
    const handlers = {
      candidate: (candidate: Candidate) => {
        this.told.push({ candidate, atMs: clock.monotonic() });
      },
      gathered: () => {
        this.gatheredAtMs = clock.monotonic();
      },
      finished: (report: NatReport) => {
        this.finishedAtMs = clock.monotonic();
        this.result = report;
      },
    };
    this.gatherer = new Gatherer(deps, input, handlers, settings);
    this.gatherer.start();
  }

  /** Until the end, after which nothing may be left. */
  finish(): BaseReport {
    this.clock.advance(20_000);
    expect(this.finishedAtMs).toBeDefined();
    expect(this.clock.pendingTimers).toBe(0);
    const [base] = this.result?.bases ?? [];
    if (base === undefined) throw new Error('no report');
    return base;
  }

  get reflexive(): readonly string[] {
    return this.told
      .filter(({ candidate }) => candidate.kind === 'srflx')
      .map(({ candidate, atMs }) => `${formatEndpoint(candidate.endpoint)} after ${atMs} ms`);
  }
}
