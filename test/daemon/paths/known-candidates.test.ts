import { expect, test } from 'vitest';

import { formatEndpoint } from '../../../src/base/endpoint.ts';
import { KnownCandidates } from '../../../src/daemon/paths/known-candidates.ts';
import type { Candidate } from '../../../src/ice/candidate.ts';
import { createCandidate } from '../../support/nat/sim-peer.ts';

const host = (address: string): Candidate =>
  createCandidate('host', 'v4', { host: address, port: 4000 });
const outer = (address: string, port = 4000, base = 'v4'): Candidate =>
  createCandidate('srflx', base, { host: address, port });
const textOf = (known: KnownCandidates): readonly string[] =>
  known.all.map(({ endpoint }) => formatEndpoint(endpoint));

/** After one round that found all of these. */
function after(hosts: readonly Candidate[], ...found: Candidate[]): KnownCandidates {
  const known = new KnownCandidates();
  known.begin(hosts);
  for (const candidate of found) known.add(candidate);
  known.end(() => false);
  return known;
}

test('a round that finds the same tells nothing', () => {
  const known = after([host('10.0.0.2')], outer('192.0.2.1'));
  expect(known.begin([host('10.0.0.2')])).toBe(false);
  expect(known.add(outer('192.0.2.1'))).toBe('known');
  expect(known.end(() => false)).toBe(false);
  expect(textOf(known)).toEqual(['10.0.0.2:4000', '192.0.2.1:4000']);
});

test('other hosts void everything', () => {
  const known = after([host('10.0.0.2')], outer('192.0.2.1'));
  expect(known.begin([host('10.0.0.3')])).toBe(true);
  expect(textOf(known)).toEqual(['10.0.0.3:4000']);
  expect(known.begin([])).toBe(true);
  expect(textOf(known)).toEqual([]);
});

test('a later port takes the place of the one before; a second one of a round stands beside it', () => {
  const known = after([], outer('192.0.2.1', 1000));
  known.begin([]);
  expect(known.add(outer('192.0.2.1', 1001))).toBe('port');
  expect(known.add(outer('192.0.2.1', 1002))).toBe('port');
  expect(textOf(known)).toEqual(['192.0.2.1:1001', '192.0.2.1:1002']);
});

test('a later address takes the place of the one before; a second one of a round is added', () => {
  const known = after([], outer('192.0.2.1'));
  known.begin([]);
  expect(known.add(outer('192.0.2.2'))).toBe('moved');
  expect(known.add(outer('192.0.2.3'))).toBe('added');
  expect(textOf(known)).toEqual(['192.0.2.2:4000', '192.0.2.3:4000']);
  expect(known.end(() => false)).toBe(false);
});

test('the sockets of the two families do not take from each other', () => {
  const known = after([], outer('192.0.2.1'));
  known.begin([]);
  expect(known.add(outer('2001:db8::1', 4000, 'v6'))).toBe('added');
  expect(textOf(known)).toEqual(['192.0.2.1:4000', '[2001:db8::1]:4000']);
});

test('what is not found goes, but for sockets of which nothing was found out', () => {
  const known = after([], outer('192.0.2.1'), outer('2001:db8::1', 4000, 'v6'));
  known.begin([]);
  expect(known.end((base) => base === 'v4')).toBe(true);
  expect(textOf(known)).toEqual(['192.0.2.1:4000']);
  known.begin([]);
  known.doubt(outer('192.0.2.1'));
  expect(known.end(() => true)).toBe(true);
  expect(textOf(known)).toEqual([]);
});

test('there are ten at most', () => {
  const known = after(Array.from({ length: 12 }, (_, i) => host(`10.0.0.${i + 2}`)));
  expect(known.all).toHaveLength(10);
  expect(known.add(outer('192.0.2.1'))).toBe('known');
  expect(known.all).toHaveLength(10);
});
