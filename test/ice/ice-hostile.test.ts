import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';

import { ByteWriter } from '../../src/base/byte-writer.ts';
import { utf8 } from '../../src/base/bytes.ts';
import type { CheckRequest } from '../../src/ice/check-message.ts';
import { appendAttribute, USERNAME } from '../../src/ice/stun-frame.ts';
import { appendFingerprint, signMessageIntegrity } from '../../src/ice/stun-integrity.ts';
import { encodeBindingRequest } from '../../src/ice/stun-message.ts';
import { PEER, PlayedPeer } from '../support/nat/played-peer.ts';

let peer: PlayedPeer;
beforeEach(() => {
  peer = new PlayedPeer();
});

describe('who is not the peer gets no answer', () => {
  const forged = (): CheckRequest['remote'] => ({
    ufrag: peer.us.agent.credentials.ufrag,
    password: 'x'.repeat(24),
  });

  test.each([
    ['another password', () => peer.request({ remote: forged() })],
    [
      'another generation',
      () => peer.request({ remote: { ...peer.us.agent.credentials, ufrag: 'gone' } }),
    ],
    ['no signature', () => appendFingerprint(withUsername())],
    [
      'no fingerprint',
      () => signMessageIntegrity(withUsername(), peer.us.agent.credentials.password),
    ],
    ['another method', () => sealed(0x0003)],
    ['a bare Binding request', () => encodeBindingRequest(peer.random(12))],
  ])('%s', (_, bytes) => {
    peer.receive(bytes());
    peer.lab.clock.advance(1000);
    expect(peer.sent).toEqual([]);
    expect(peer.us.agent.report()).toMatchObject({
      remote: [],
      pairs: [],
      inbound: { requests: 0 },
    });
  });

  test('a flood from 3,000 spoofed addresses leaves counts and nothing else', () => {
    const bytes = peer.request({ remote: forged() });
    const timers = peer.lab.clock.pendingTimers;
    for (let i = 0; i < 3000; i++)
      peer.receive(bytes, { host: `10.1.${i >> 8}.${i & 255}`, port: i + 1 });
    expect(peer.sent).toEqual([]);
    expect(peer.lab.clock.pendingTimers).toBe(timers);
    expect(peer.us.agent.report()).toMatchObject({
      remote: [],
      pairs: [],
      refused: {},
      inbound: { wrongIntegrity: 3000, requests: 0 },
    });
  });

  function withUsername(): Uint8Array {
    const name = utf8(`${peer.us.agent.credentials.ufrag}:${peer.theirs.ufrag}`);
    return appendAttribute(encodeBindingRequest(peer.random(12)), USERNAME, name);
  }

  function sealed(type: number): Uint8Array {
    const bytes = withUsername();
    new DataView(bytes.buffer, bytes.byteOffset).setUint16(0, type);
    return appendFingerprint(signMessageIntegrity(bytes, peer.us.agent.credentials.password));
  }
});

describe('the peer breaks the rules', () => {
  test.each([
    [401, 'another generation of peer.theirs', () => peer.request({ localUfrag: 'gone' })],
    [400, 'priority 0', () => peer.request({ priority: 0 })],
    [400, 'a priority of 32 bits', () => peer.request({ priority: 2 ** 32 - 1 })],
    [400, 'no role', () => bare([])],
    [400, 'both roles', () => bare([0x8029, 0x802a])],
    [420, 'an attribute that must be understood', () => bare([0x8029, 0x7777])],
    [
      487,
      'our role',
      () => peer.request({ role: 'controlled', tieBreaker: new Uint8Array(8).fill(255) }),
    ],
  ])('%i: %s', (code, _, bytes) => {
    peer.receive(bytes());
    peer.lab.clock.advance(1000);
    expect(peer.sent.map(({ message }) => message.errorCode?.code)).toEqual([code]);
    expect(peer.us.agent.report()).toMatchObject({
      pairs: [],
      inbound: { refused: 1, requests: 0 },
    });
  });

  test('nominating as the controlled side counts as a check', () => {
    const large = new Uint8Array(8).fill(255);
    peer.receive(peer.request({ role: 'controlling', tieBreaker: large, nominate: true }));
    expect(peer.us.selected).toEqual([]);
    expect(peer.answers.map(({ message }) => message.class)).toEqual(['success']);
  });

  test('an IPv4 source that a dual-stack socket shows as IPv6 is told as IPv4', () => {
    peer.receive(peer.request(), { host: '::ffff:198.51.100.1', port: 4000 });
    expect(peer.answers.map(({ message }) => message.xorMappedAddress)).toEqual([PEER]);
  });

  test('more than 100 requests a second are not answered', () => {
    for (let i = 0; i < 1000; i++) peer.receive(peer.request());
    expect(peer.answers).toHaveLength(100);
    peer.lab.clock.advance(1000);
    for (let i = 0; i < 1000; i++) peer.receive(peer.request());
    expect(peer.answers).toHaveLength(200);
  });

  test.each([
    '127.0.0.1',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '169.254.1.1',
    'fe80::1%eth0',
    '203.0.113.10',
  ])('a request that claims to come from %s is not answered', (host) => {
    peer.receive(peer.request(), { host, port: 4000 });
    peer.lab.clock.advance(1000);
    expect(peer.sent).toEqual([]);
    expect(peer.us.agent.report().inbound.dropped).toBe(1);
  });

  function bare(attributes: readonly number[]): Uint8Array {
    const name = utf8(`${peer.us.agent.credentials.ufrag}:${peer.theirs.ufrag}`);
    let bytes = appendAttribute(encodeBindingRequest(peer.random(12)), USERNAME, name);
    bytes = appendAttribute(bytes, 0x0024, new ByteWriter(4).u32(1000).finish());
    for (const type of attributes) bytes = appendAttribute(bytes, type, new Uint8Array(8));
    return appendFingerprint(signMessageIntegrity(bytes, peer.us.agent.credentials.password));
  }
});

test('whatever an authentic request says, the agent lives and answers at most once', () => {
  const type = fc.constantFrom(
    0x0006,
    0x0009,
    0x0020,
    0x0024,
    0x0025,
    0x8029,
    0x802a,
    0x7777,
    0x8777,
  );
  const value = fc.uint8Array({ maxLength: 12 });
  fc.assert(
    fc.property(fc.array(fc.tuple(type, value), { maxLength: 5 }), (attributes) => {
      peer.sent.length = 0;
      const name = utf8(`${peer.us.agent.credentials.ufrag}:${peer.theirs.ufrag}`);
      let bytes = appendAttribute(encodeBindingRequest(peer.random(12)), USERNAME, name);
      for (const [attribute, bits] of attributes) bytes = appendAttribute(bytes, attribute, bits);
      peer.receive(
        appendFingerprint(signMessageIntegrity(bytes, peer.us.agent.credentials.password)),
      );
      peer.lab.clock.advance(20);
      expect(peer.answers.length).toBeLessThanOrEqual(1);
      for (const { message } of peer.answers) expect(message.hasMessageIntegrity).toBe(true);
    }),
    { numRuns: 300 },
  );
});
