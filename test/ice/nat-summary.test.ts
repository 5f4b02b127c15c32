import { describe, expect, test } from 'vitest';

import type { BaseReport, NatReport } from '../../src/ice/nat-behaviour.ts';
import {
  haveSameOuterHost,
  isNatSummary,
  type NatSummary,
  summarizeNat,
  UNKNOWN_NAT,
} from '../../src/ice/nat-summary.ts';

const OUTER = { host: '198.51.100.7', port: 4711 };
const BASE: BaseReport = {
  base: 'v4',
  family: 'v4',
  mapped: OUTER,
  behindNat: true,
  mapping: 'endpoint-independent',
  filtering: 'unknown',
  portKept: true,
  portStep: undefined,
  hairpin: undefined,
};
const report = (base: Partial<BaseReport>): NatReport => ({
  udp: true,
  bases: [{ ...BASE, ...base }],
  servers: [],
});
const PORT_STEP = { step: 2, lastPort: 50_000 };

describe('a summary', () => {
  test.each([
    ['endpoint-independent', 'endpoint-independent'],
    ['address-dependent', 'dependent'],
    ['address-and-port-dependent', 'dependent'],
    ['unknown', 'unknown'],
  ] as const)('of a mapping that is %s says %s', (mapping, told) => {
    const portStep = told === 'dependent' ? PORT_STEP : undefined;
    const summary = { mapping: told, behindNat: true, outer: OUTER, portStep };
    expect(summarizeNat(report({ mapping, portStep: PORT_STEP }))).toEqual(summary);
    expect(isNatSummary(summary)).toBe(true);
  });

  test('of a host without IPv4 says nothing', () => {
    expect(summarizeNat(report({ base: 'v6' }))).toEqual(UNKNOWN_NAT);
    expect(isNatSummary(UNKNOWN_NAT)).toBe(true);
  });
});

describe('what a peer tells', () => {
  const told: NatSummary = {
    ...{ mapping: 'dependent', behindNat: true, outer: OUTER },
    portStep: PORT_STEP,
  };
  test.each([
    ['another mapping', { mapping: 'strange' }],
    ['no truth', { behindNat: 'yes' }],
    ['a name', { outer: { host: 'example.com', port: 1 } }],
    ['IPv6', { outer: { host: '2001:db8::1', port: 1 } }],
    ['multicast', { outer: { host: '224.0.0.1', port: 1 } }],
    ['port 0', { outer: { ...OUTER, port: 0 } }],
    ['port 65536', { outer: { ...OUTER, port: 65_536 } }],
    ['a step of a cone', { mapping: 'endpoint-independent' }],
    ['step 0', { portStep: { ...PORT_STEP, step: 0 } }],
    ['step 33', { portStep: { ...PORT_STEP, step: -33 } }],
    ['half a step', { portStep: { ...PORT_STEP, step: 0.5 } }],
    ['last port 0', { portStep: { ...PORT_STEP, lastPort: 0 } }],
    ['last port 65536', { portStep: { ...PORT_STEP, lastPort: 65_536 } }],
  ])('is no summary with %s', (_, change) => {
    expect(isNatSummary(told)).toBe(true);
    expect(isNatSummary({ ...told, ...change } as NatSummary)).toBe(false);
  });
});

test('one outer host, however it is written', () => {
  const ours = { ...UNKNOWN_NAT, outer: OUTER };
  const theirs = { ...UNKNOWN_NAT, outer: { host: '::ffff:198.51.100.7', port: 1 } };
  expect(haveSameOuterHost(ours, theirs)).toBe(true);
  expect(haveSameOuterHost(ours, UNKNOWN_NAT)).toBe(false);
  expect(haveSameOuterHost(UNKNOWN_NAT, UNKNOWN_NAT)).toBe(false);
});
