import { describe, expect, test } from 'vitest';

import { PUNCH_GAP_MS } from '../../src/ice/hard-nat-budget.ts';
import type { NatSummary } from '../../src/ice/nat-summary.ts';
import { createCandidate } from '../support/nat/sim-peer.ts';
import { HardNatSide } from './hard-nat-side.ts';

const nat = (change: Partial<NatSummary>): NatSummary => ({
  mapping: 'endpoint-independent',
  behindNat: true,
  outer: { host: '198.51.100.2', port: 4000 },
  portStep: undefined,
  ...change,
});
const OUR_HOST = { outer: { host: '198.51.100.1', port: 4000 } };
const OUR_CONE = nat(OUR_HOST);
const OUR_RANDOM = nat({ ...OUR_HOST, mapping: 'dependent' });
const OUR_SEQUENTIAL = { ...OUR_RANDOM, portStep: { step: 1, lastPort: 40_000 } };
const CONE = nat({});
const RANDOM = nat({ mapping: 'dependent' });
const SEQUENTIAL = { ...RANDOM, portStep: { step: 1, lastPort: 50_000 } };

const REMOTE = createCandidate('srflx', 'v4', { host: '198.51.100.2', port: 4000 });

describe('the side that asks', () => {
  test('leaves the checks 2 s from the start', () => {
    const side = new HardNatSide(true);
    side.clock.advance(500);
    side.attempt.consider(OUR_RANDOM, CONE);
    side.clock.advance(1499);
    expect(side.said).toEqual([]);
    side.clock.advance(1);
    expect(side.said).toEqual([{ step: 'ask', round: 1, nat: OUR_RANDOM }]);
    expect(side.opened).toBe(0);
    side.attempt.close();
    expect(side.clock.pendingTimers).toBe(0);
  });

  test('asks at once where checks are hopeless, with its newest port or the old one', () => {
    const side = new HardNatSide(true);
    side.attempt.consider(OUR_SEQUENTIAL, SEQUENTIAL);
    // No server answers.
    side.clock.advance(1500);
    expect(side.said).toEqual([{ step: 'ask', round: 1, nat: OUR_SEQUENTIAL }]);
    expect(side.opened).toBe(1);
    side.attempt.close();
    expect(side.kept).toEqual([undefined]);
  });

  test('never asks when it is hopeless, until more is known', () => {
    const side = new HardNatSide(true);
    side.attempt.consider(OUR_RANDOM, RANDOM);
    side.clock.advance(5000);
    expect(side.said).toEqual([]);
    expect(side.attempt.report).toMatchObject({ state: 'idle', why: 'both_random' });
    side.attempt.consider(OUR_RANDOM, CONE);
    side.clock.advance(0);
    expect(side.said).toHaveLength(1);
    expect(side.attempt.report.why).toBeUndefined();
  });

  test('opens, and says so', () => {
    const side = new HardNatSide(true);
    side.attempt.consider(OUR_RANDOM, CONE);
    side.clock.advance(2000);
    side.attempt.receive({ step: 'go', round: 1, nat: CONE });
    side.clock.advance(300);
    expect(side.punched).toHaveLength(256);
    expect(new Set(side.punched.map(({ base }) => base)).size).toBe(256);
    expect(new Set(side.punched.map(({ to }) => to))).toEqual(new Set([CONE.outer]));
    expect(side.said.slice(1)).toEqual([{ step: 'opened', round: 1 }]);
    side.clock.advance(4900);
    expect(side.state).toBe('punching');
    side.clock.advance(200);
    expect(side.attempt.report).toMatchObject({ state: 'exhausted', sockets: 256, probes: 256 });
    expect(side.kept).toEqual([]);
    side.attempt.close();
    expect(side.kept).toEqual([undefined]);
    expect(side.clock.pendingTimers).toBe(0);
  });

  test('gives up on a peer that does not answer', () => {
    const side = new HardNatSide(true);
    side.attempt.consider(OUR_RANDOM, CONE);
    side.clock.advance(6000);
    expect(side.state).toBe('no_answer');
    expect(side.said).toHaveLength(1);
    // Nothing was punched, so it is another one's turn at once.
    expect(side.budget.take()).toBeDefined();
  });

  test('comes back to a busy peer, for a while', () => {
    const side = new HardNatSide(true);
    side.attempt.consider(OUR_CONE, RANDOM);
    for (let second = 0; second < 30; second++) {
      const asked = side.said.length;
      side.clock.advance(1000);
      if (side.said.length > asked) {
        side.attempt.receive({ step: 'refuse', round: 1, reason: 'busy' });
        const given = side.budget.take();
        expect(given).toBeDefined();
        given?.end(false);
      }
    }
    expect(side.state).toBe('busy');
    expect(side.said.length).toBeGreaterThanOrEqual(5);
    expect(side.said.length).toBeLessThanOrEqual(11);
    expect(side.clock.pendingTimers).toBe(0);
  });

  test('waits for its own node', () => {
    const side = new HardNatSide(true);
    const other = side.budget.take();
    side.attempt.consider(OUR_CONE, RANDOM);
    side.clock.advance(5000);
    expect(side.said).toEqual([]);
    other?.end(false);
    side.clock.advance(2000);
    expect(side.said).toHaveLength(1);
    expect(side.budget.take()).toBeUndefined();
  });

  test('ends when the peer sees no chance, or names a NAT with none', () => {
    const refused = new HardNatSide(true);
    refused.attempt.consider(OUR_CONE, RANDOM);
    refused.clock.advance(2000);
    refused.attempt.receive({ step: 'refuse', round: 1, reason: 'hopeless' });
    expect(refused.state).toBe('hopeless');
    const changed = new HardNatSide(true);
    changed.attempt.consider(OUR_RANDOM, CONE);
    changed.clock.advance(2000);
    changed.attempt.receive({ step: 'go', round: 1, nat: RANDOM });
    expect(changed.attempt.report).toMatchObject({ state: 'hopeless', why: 'both_random' });
    expect([...refused.punched, ...changed.punched]).toEqual([]);
  });

  test('does not answer asks', () => {
    const side = new HardNatSide(true);
    side.attempt.consider(OUR_CONE, RANDOM);
    side.ask(1, RANDOM);
    expect(side.said).toEqual([]);
  });
});

describe('the side that answers', () => {
  test('probes distinct ports, 500 a second, when the peer has opened its own', () => {
    const side = new HardNatSide(false);
    side.attempt.consider(OUR_CONE, RANDOM);
    side.clock.advance(5000);
    expect(side.said).toEqual([]);
    side.ask(1, RANDOM);
    expect(side.said).toEqual([{ step: 'go', round: 1, nat: OUR_CONE }]);
    side.clock.advance(1000);
    expect(side.punched).toEqual([]);
    side.attempt.receive({ step: 'opened', round: 1 });
    side.attempt.receive({ step: 'opened', round: 1 });
    side.clock.advance(999);
    expect(side.punched).toHaveLength(500);
    side.clock.advance(5000);
    expect(side.punched).toHaveLength(2000);
    expect(new Set(side.punched.map(({ to }) => to.port)).size).toBe(2000);
    expect(new Set(side.punched.map(({ to, base }) => `${base} ${to.host}`))).toEqual(
      new Set(['v4 198.51.100.2']),
    );
    expect(side.attempt.report).toMatchObject({ state: 'exhausted', probes: 2000, sockets: 0 });
    expect(side.clock.pendingTimers).toBe(0);
  });

  test('sends nothing to a peer that never opens', () => {
    const side = new HardNatSide(false);
    side.attempt.consider(OUR_CONE, RANDOM);
    side.ask(1, RANDOM);
    side.clock.advance(10_000);
    side.attempt.receive({ step: 'opened', round: 1 });
    side.clock.advance(10_000);
    expect([side.punched, side.state]).toEqual([[], 'exhausted']);
  });

  test('is busy 20 s after another attempt', () => {
    const side = new HardNatSide(false);
    side.attempt.consider(OUR_CONE, RANDOM);
    side.budget.take()?.end(true);
    side.ask(1, RANDOM);
    expect(side.said).toEqual([{ step: 'refuse', round: 1, reason: 'busy' }]);
    side.clock.advance(PUNCH_GAP_MS);
    side.ask(1, RANDOM);
    expect(side.said.at(-1)).toMatchObject({ step: 'go' });
  });

  test.each([
    ['it knows nothing of its own NAT', undefined, RANDOM],
    ['both are random', OUR_RANDOM, RANDOM],
    ['none is hard', OUR_CONE, CONE],
  ])('refuses when %s', (_, ours, theirs) => {
    const side = new HardNatSide(false);
    if (ours !== undefined) side.attempt.consider(ours, CONE);
    side.ask(1, theirs);
    expect(side.said).toEqual([{ step: 'refuse', round: 1, reason: 'hopeless' }]);
    expect(side.budget.take()).toBeDefined();
  });

  test('ends when the next ask does not come', () => {
    const side = new HardNatSide(false);
    side.attempt.consider(OUR_CONE, SEQUENTIAL);
    side.ask(1, SEQUENTIAL);
    side.attempt.receive({ step: 'opened', round: 1 });
    side.clock.advance(7000);
    expect(side.attempt.report).toMatchObject({ state: 'no_answer', probes: 32 });
    expect(side.clock.pendingTimers).toBe(0);
  });

  test('a hostile peer gets four rounds, and neither more sockets nor more probes', () => {
    const side = new HardNatSide(false);
    side.attempt.consider(OUR_RANDOM, CONE);
    for (let i = 0; i < 100; i++) {
      side.ask(1 + (i % 4), CONE);
      side.clock.advance(100);
    }
    expect(side.said.filter(({ step }) => step === 'go').length).toBeLessThanOrEqual(4);
    expect(side.attempt.report.sockets).toBe(256);
    side.clock.advance(60_000);
    side.ask(1, CONE);
    expect(side.punched.length).toBeLessThanOrEqual(256);
    expect(side.clock.pendingTimers).toBe(0);
  });

  test('malformed messages change nothing', () => {
    const side = new HardNatSide(false);
    side.attempt.consider(OUR_CONE, RANDOM);
    side.ask(0, RANDOM);
    side.ask(5, RANDOM);
    side.ask(1, { ...RANDOM, outer: { host: 'localhost', port: 1 } });
    side.attempt.receive({ step: 'go', round: 1, nat: RANDOM });
    side.attempt.receive({ step: 'opened', round: 0 });
    expect([side.said, side.state]).toEqual([[], 'idle']);
  });
});

describe('the end', () => {
  test('no sockets: no rounds', () => {
    const side = new HardNatSide(true);
    side.socketsLeft = 0;
    side.attempt.consider(OUR_SEQUENTIAL, SEQUENTIAL);
    side.clock.advance(5000);
    expect([side.state, side.said]).toEqual(['no_sockets', []]);
    side.attempt.close();
    expect(side.kept).toEqual([]);
  });

  test('when the agent sends no more, it is over', () => {
    const side = new HardNatSide(false);
    side.punchesLeft = 100;
    side.attempt.consider(OUR_CONE, RANDOM);
    side.ask(1, RANDOM);
    side.attempt.receive({ step: 'opened', round: 1 });
    side.clock.advance(2000);
    expect(side.attempt.report).toMatchObject({ state: 'exhausted', probes: 100 });
  });

  test('a pair ends it at once; the other sockets answer for 3 s more', () => {
    const side = new HardNatSide(true);
    side.attempt.consider(OUR_RANDOM, CONE);
    side.clock.advance(2000);
    side.attempt.receive({ step: 'go', round: 1, nat: CONE });
    side.clock.advance(50);
    const sent = side.punched.length;
    side.selected = { base: 'punch-3', remote: REMOTE, mapped: undefined, rttMs: 1 };
    side.attempt.selected();
    side.clock.advance(2999);
    expect([side.punched.length, side.kept]).toEqual([sent, []]);
    side.clock.advance(1);
    expect(side.kept).toEqual(['punch-3']);
    expect(side.state).toBe('succeeded');
    expect(side.clock.pendingTimers).toBe(0);
    expect(side.budget.take()).toBeUndefined();
    side.clock.advance(PUNCH_GAP_MS);
    expect(side.budget.take()).toBeDefined();
  });

  test.each([0, 1000, 2010, 2500])('closed after %i ms it leaves nothing', (ms) => {
    const side = new HardNatSide(true);
    side.attempt.consider(OUR_RANDOM, CONE);
    side.clock.advance(Math.min(ms, 2000));
    side.attempt.receive({ step: 'go', round: 1, nat: CONE });
    side.clock.advance(Math.max(0, ms - 2000));
    side.attempt.close();
    side.attempt.close();
    const said = side.said.length;
    side.attempt.selected();
    side.ask(2, CONE);
    expect([side.said.length, side.state]).toEqual([said, 'closed']);
    expect(side.kept).toHaveLength(side.opened > 0 ? 1 : 0);
    expect(side.clock.pendingTimers).toBe(0);
  });
});
