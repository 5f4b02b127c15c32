import { beforeEach, describe, expect, test } from 'vitest';

import { formatEndpoint } from '../../src/base/endpoint.ts';
import { MAX_REMOTE_CANDIDATES } from '../../src/ice/candidate.ts';
import { encodeCheckError, encodeCheckSuccess } from '../../src/ice/check-message.ts';
import { MAX_UNANSWERED_REQUESTS } from '../../src/ice/probe-budget.ts';
import { MAX_PEER_REFLEXIVE } from '../../src/ice/remote-candidates.ts';
import { candidateAt, PEER, PlayedPeer } from '../support/nat/played-peer.ts';

let peer: PlayedPeer;
beforeEach(() => {
  peer = new PlayedPeer();
});

describe('nobody can be made a target', () => {
  test('of 10,000 candidates ten are looked at', () => {
    for (let i = 0; i < 10_000; i++) {
      peer.us.agent.addRemote(candidateAt(`198.51.${100 + (i >> 8)}.${i & 255}`, 1 + i));
    }
    peer.lab.clock.advance(30_000);
    expect(new Set(peer.sent.map(({ to }) => formatEndpoint(to))).size).toBeLessThanOrEqual(10);
    const report = peer.us.failure;
    expect(report?.remote).toHaveLength(MAX_REMOTE_CANDIDATES);
    expect(report?.pairs).toHaveLength(MAX_REMOTE_CANDIDATES);
    expect(report?.failure?.code).toBe('no_answer');
    expect(peer.sent.length).toBeLessThanOrEqual(MAX_REMOTE_CANDIDATES * 7);
    expect(peer.lab.clock.pendingTimers).toBe(0);
  });

  test('refused candidates cost nothing, and the good ones behind them count', () => {
    for (const host of [
      '255.255.255.255',
      '224.0.0.1',
      '127.0.0.1',
      '0.0.0.0',
      'name',
      'fe80::1',
    ]) {
      for (let i = 0; i < 100; i++) expect(peer.us.agent.addRemote(candidateAt(host))).toBe(false);
    }
    expect(peer.us.agent.addRemote(candidateAt(PEER.host, 0))).toBe(false);
    expect(peer.us.agent.addRemote({ ...candidateAt(PEER.host), kind: 'prflx' })).toBe(false);
    expect(peer.us.agent.addRemote(candidateAt(PEER.host))).toBe(true);
    expect(peer.us.agent.addRemote(candidateAt(`::ffff:${PEER.host}`))).toBe(false);
    peer.lab.clock.advance(100);
    expect(peer.sent.map(({ to }) => to)).toEqual([PEER]);
    expect(peer.us.agent.report().refused).toEqual({
      reserved: 100,
      multicast: 100,
      loopback: 100,
      unspecified: 100,
      not_numeric: 100,
      link_local: 100,
      port: 1,
      kind: 1,
      duplicate: 1,
    });
  });

  test('a signalled victim gets seven requests', () => {
    peer.us.agent.addRemote(candidateAt(PEER.host));
    peer.lab.clock.advance(60_000);
    expect(peer.requestsTo(PEER).length).toBeLessThanOrEqual(7);
  });

  test('a victim whose address the peer spoofs gets at most fourteen, besides answers', () => {
    peer.us.agent.addRemote(candidateAt(PEER.host));
    for (let i = 0; i < 500; i++) {
      peer.receive(peer.request());
      peer.lab.clock.advance(30);
    }
    expect(peer.requestsTo(PEER)).toHaveLength(MAX_UNANSWERED_REQUESTS);
    expect(peer.answers.length).toBeLessThanOrEqual(500);
  });

  test('requests from 1,000 spoofed addresses make us probe ten', () => {
    for (let i = 0; i < 1000; i++) {
      peer.receive(peer.request(), { host: `198.51.${100 + (i >> 8)}.${i & 255}`, port: 4000 });
      peer.lab.clock.advance(10);
    }
    const targets = new Set(
      peer.sent.filter(({ message }) => message.class === 'request').map(({ to }) => to.host),
    );
    expect(targets.size).toBeLessThanOrEqual(MAX_PEER_REFLEXIVE);
  });
});

describe('answers', () => {
  beforeEach(() => {
    peer.us.agent.addRemote(candidateAt(PEER.host));
  });

  test('signed with another password: the check goes on, and the report names it', () => {
    peer.receive(encodeCheckSuccess(peer.lastId, PEER, 'x'.repeat(24)));
    peer.lab.clock.advance(500);
    expect(peer.requestsTo(PEER)).toHaveLength(2);
    peer.lab.clock.advance(60_000);
    expect(peer.us.failure?.failure?.code).toBe('wrong_integrity');
    expect(peer.us.failure?.pairs).toMatchObject([{ outcome: 'wrong_integrity', answers: 0 }]);
  });

  test('from another source: dropped', () => {
    peer.receive(encodeCheckSuccess(peer.lastId, PEER, peer.theirs.password), {
      ...PEER,
      port: 4001,
    });
    expect(peer.us.agent.report().pairs).toMatchObject([{ outcome: 'checking', answers: 0 }]);
    expect(peer.us.router.dropped.wrong_source).toBe(1);
  });

  test('an error: refused, with its code', () => {
    peer.receive(encodeCheckError(peer.lastId, 401, peer.theirs.password));
    peer.us.agent.localDone();
    peer.us.agent.remoteDone();
    expect(peer.us.failure).toMatchObject({
      failure: { code: 'refused' },
      pairs: [{ outcome: 'refused', errorCode: 401 }],
    });
  });

  test('role conflict for ever: an end', () => {
    for (let i = 0; i < 100; i++) {
      peer.receive(encodeCheckError(peer.lastId, 487, peer.theirs.password));
      peer.lab.clock.advance(50);
    }
    expect(peer.requestsTo(PEER).length).toBeLessThanOrEqual(6);
    expect(peer.us.agent.report().pairs).toMatchObject([{ outcome: 'refused', errorCode: 487 }]);
  });

  test('the same twice: once', () => {
    const bytes = encodeCheckSuccess(
      peer.lastId,
      { host: '203.0.113.10', port: 4000 },
      peer.theirs.password,
    );
    peer.receive(bytes);
    peer.receive(bytes);
    expect(peer.us.agent.report().pairs).toMatchObject([{ outcome: 'valid', answers: 1 }]);
    expect(peer.us.found).toEqual([]);
  });
});
