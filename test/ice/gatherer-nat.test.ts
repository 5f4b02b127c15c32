import { describe, expect, test } from 'vitest';

import { hostKey } from '../../src/ice/endpoint-key.ts';
import { A, at, B, C, CONE, OTHER, Run, symmetric } from './gatherer-run.ts';
import { counting, type FakeServer, FILTERS, mapEach } from './stun-internet.ts';

describe('what the NAT does', () => {
  const five780: FakeServer = { at: A, other: OTHER };
  test.each([
    ['one server', [{ at: A }], CONE, 'unknown'],
    ['a cone NAT', [{ at: A }, { at: B }], CONE, 'endpoint-independent'],
    ['symmetric', [{ at: A }, { at: B }], symmetric(counting(50_000, 1)), 'address-dependent'],
    ['cone, one server of RFC 5780', [five780], CONE, 'endpoint-independent'],
    [
      'symmetric, one server of RFC 5780',
      [five780],
      symmetric(counting(50_000, 1)),
      'address-and-port-dependent',
    ],
    [
      'by remote address, one server of RFC 5780',
      [five780],
      { ...CONE, outerPort: mapEach(hostKey, counting(20_000, 5_000)) },
      'address-dependent',
    ],
  ] as const)('mapping: %s', (_, servers, nat, mapping) => {
    const run = new Run(servers, nat);
    expect(run.finish().mapping).toBe(mapping);
    expect(run.reflexive).toHaveLength(1);
  });

  test.each([
    ['endpoint-independent', FILTERS.endpointIndependent],
    ['address-dependent', FILTERS.addressDependent],
    ['address-and-port-dependent', FILTERS.addressAndPortDependent],
  ] as const)('filtering: %s', (filtering, lets) => {
    const run = new Run([five780, { at: B }], { ...CONE, lets }, { testsNat: true });
    expect(run.finish().filtering).toBe(filtering);
    const quick = new Run([five780, { at: B }], { ...CONE, lets });
    expect(quick.finish().filtering).toBe('unknown');
    expect(quick.internet.sent).toHaveLength(2);
  });

  test('filtering is not judged through a server that was asked at its other address, too', () => {
    const servers = [five780, { at: at('192.0.2.9:3478') }];
    const run = new Run(servers, CONE, { testsNat: true });
    expect(run.finish().filtering).toBe('unknown');
  });

  test.each([
    ['kept', CONE, true],
    ['changed', { ...CONE, outerPort: () => 20_001 }, false],
  ])('port %s', (_, nat, portKept) => {
    expect(new Run([{ at: A }], nat).finish().portKept).toBe(portKept);
  });

  test.each([
    ['from three servers', [{ at: A }, { at: B }, { at: C }], { step: 2, lastPort: 50_004 }],
    ['from one of RFC 5780', [five780], { step: 2, lastPort: 50_006 }],
    ['not from two', [{ at: A }, { at: B }], undefined],
  ])('step %s', (_, servers, portStep) => {
    const run = new Run(servers, symmetric(counting(50_000, 2)));
    expect(run.finish().portStep).toEqual(portStep);
  });

  test.each([true, false])('hairpin: %s', (hairpins) => {
    const run = new Run([{ at: A }], { ...CONE, hairpins }, { testsNat: true });
    expect(run.finish().hairpin).toBe(hairpins);
  });

  test('a server that names a victim as its other address makes us send little there', () => {
    const victim = at('203.0.113.5:53');
    const run = new Run([{ at: A, other: victim }], {
      ...symmetric(counting(1_000, 1)),
      lets: (from) => hostKey(from) !== hostKey(victim),
    });
    run.finish();
    const there = run.internet.sent.filter(({ to }) => hostKey(to) === hostKey(victim));
    expect(there.length).toBeLessThanOrEqual(8);
  });
});
