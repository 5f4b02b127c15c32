import { describe, expect, test } from 'vitest';

import { natEndpointOf, type TraceFacts, traceHops } from '../../../src/daemon/node/trace-hops.ts';
import type { BaseReport } from '../../../src/ice/nat-behaviour.ts';
import { RELAY } from '../fake-node.ts';

const RELAYED: TraceFacts = {
  ...{ path: 'relay', endpoint: RELAY.url, rttMs: 30.5, relays: [RELAY], natEndpoint: '' },
};

test('over a relay', () => {
  expect(traceHops(RELAYED)).toEqual([
    { hop: 'local', endpoint: '', rtt_ms: null },
    { hop: 'relay', endpoint: RELAY.url, rtt_ms: 12.5 },
    { hop: 'peer', endpoint: '', rtt_ms: 30.5 },
  ]);
});

test('over a relay that is gone by now', () => {
  expect(traceHops({ ...RELAYED, relays: [] })[1]).toMatchObject({ hop: 'relay', rtt_ms: null });
});

test.each(['direct', 'webrtc'] as const)('%s, from behind a NAT', (path) => {
  const facts = {
    ...RELAYED,
    path,
    endpoint: '203.0.113.9:4000',
    natEndpoint: '198.51.100.1:5000',
  };
  expect(traceHops(facts)).toEqual([
    { hop: 'local', endpoint: '', rtt_ms: null },
    { hop: 'nat', endpoint: '198.51.100.1:5000', rtt_ms: null },
    { hop: 'peer', endpoint: '203.0.113.9:4000', rtt_ms: 30.5 },
  ]);
});

describe('the NAT in front of this node', () => {
  const base: BaseReport = {
    ...{ base: 'v4', family: 'v4', behindNat: true, mapped: { host: '198.51.100.1', port: 5000 } },
    ...{ mapping: 'unknown', filtering: 'unknown' },
    ...{ portKept: undefined, portStep: undefined, hairpin: undefined },
  };
  const reportOf = (bases: BaseReport[]): string =>
    natEndpointOf({ udp: true, bases, servers: [] });

  test('is where servers see it', () => {
    const open: BaseReport = { ...base, base: 'v6', family: 'v6', behindNat: false };
    expect(reportOf([open, base])).toBe('198.51.100.1:5000');
  });

  test('is not there, or not known', () => {
    expect(natEndpointOf(undefined)).toBe('');
    expect(reportOf([{ ...base, behindNat: false }])).toBe('');
    expect(reportOf([{ ...base, mapped: undefined, behindNat: undefined }])).toBe('');
  });
});
