import { blake2s } from '@noble/hashes/blake2.js';
import { describe, expect, test } from 'vitest';

import { concatBytes, utf8 } from '../../src/base/bytes.ts';
import { Identity } from '../../src/identity/identity.ts';
import { PACKET } from '../../src/session/packet.ts';
import { staticKeyPair } from '../../src/session/static-key.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { End, TwoEnds, twoIdentities } from './two-ends.ts';

describe('who the peer is', () => {
  const other = Identity.create(seededRandom(77), 0);

  test('an initiation of somebody else is dropped', () => {
    const ends = new TwoEnds();
    const stranger = new End({
      identity: other,
      remote: ends.high.identity.chain,
      clock: ends.clock,
      seed: 5,
    });
    stranger.session.setLink(ends.lowLink);
    stranger.session.open();
    ends.clock.advance(6000);
    expect(ends.high.drops('wrong_identity')).toBe(3);
    expect(stranger.events).toEqual(['closed: handshake_timeout']);
    expect(ends.high.early).toEqual([]);
  });

  test('an initiation for a key that we have rotated away is dropped before it is read', () => {
    const ends = new TwoEnds();
    ends.high.identity = ends.high.identity.rotate(seededRandom(8), 1000);
    ends.low.session.open();
    ends.clock.advance(5000);
    expect(ends.low.events).toEqual(['closed: handshake_timeout']);
    expect(ends.high.drops('bad_mac')).toBe(3);
  });

  test('a longer chain is adopted and reported, and used from then on', () => {
    const ends = new TwoEnds();
    ends.high.identity = ends.high.identity.rotate(seededRandom(8), 1000);
    ends.high.session.open();
    ends.clock.advance(100);
    expect(ends.low.events).toEqual(['rotated: 1', 'opened']);
    expect(ends.low.session.remote.currentKey).toEqual(ends.high.identity.currentKey);
    ends.high.session.close();
    ends.clock.advance(100);
    expect(ends.low.session.remote.length).toBe(1);
  });

  test('both opening at once, one with a new key: the other learns it and answers', () => {
    const ends = new TwoEnds();
    ends.high.identity = ends.high.identity.rotate(seededRandom(8), 1000);
    ends.low.session.open();
    ends.high.session.open([utf8('early')]);
    ends.clock.advance(100);
    expect(ends.low.events).toEqual(['rotated: 1', 'opened']);
    expect(ends.high.events).toEqual(['opened, early delivered']);
  });

  test('what the owner hears of a new key serves the next handshake', () => {
    const ends = new TwoEnds();
    ends.high.identity = ends.high.identity.rotate(seededRandom(8), 1000);
    ends.low.remote = ends.high.identity.chain;
    expect(ends.low.session.remote.length).toBe(1);
    ends.low.session.open();
    ends.clock.advance(100);
    expect([...ends.low.events, ...ends.high.events]).toEqual(['opened', 'opened']);
  });

  test('both opening at once: who has heard of the other’s new key meanwhile gives way', () => {
    const ends = new TwoEnds();
    ends.high.identity = ends.high.identity.rotate(seededRandom(8), 1000);
    ends.low.session.open();
    ends.low.remote = ends.high.identity.chain;
    ends.high.session.open();
    ends.clock.advance(100);
    expect([...ends.low.events, ...ends.high.events]).toEqual(['opened', 'opened']);
  });

  test('an answer to the key before is read: the handshake had begun with it', () => {
    const ends = new TwoEnds();
    const { identity } = ends.low;
    ends.low.session.open();
    identity.become(identity.rotate(seededRandom(8), 1000));
    ends.clock.advance(100);
    expect([...ends.low.events, ...ends.high.events]).toEqual(['opened', 'opened']);
    expect(ends.high.session.remote.length).toBe(0);
  });

  test('a key rotated in the life of a session serves its next handshake', () => {
    const ends = new TwoEnds({ settings: { rekeyAfterPackets: 5 } }).open();
    ends.low.identity = ends.low.identity.rotate(seededRandom(9), 1000);
    for (let i = 0; i < 10; i++) {
      ends.low.say(String(i));
      ends.clock.advance(30);
    }
    expect(ends.high.events).toEqual(['opened', 'rotated: 1']);
    expect(ends.high.messages).toHaveLength(10);
  });

  test('early data that the sender did not sign for us is not delivered', () => {
    // Who has stolen high's key can make message 1 in anybody's name, but not sign for them.
    const ends = new TwoEnds();
    const { chain, secret, firstKey } = ends.low.identity;
    const sign = other.sign.bind(other);
    ends.low.identity = { chain, secret, firstKey, sign } as unknown as Identity;
    ends.low.session.open([utf8('give me your money')]);
    ends.clock.advance(100);
    expect(ends.high.drops('bad_batch')).toBe(1);
    expect(ends.high.early).toEqual([]);
    expect(ends.highLink.sent).toEqual([]);
  });

  test.each([
    ['that is none', (): Uint8Array => new Uint8Array(40)],
    ['of another node, under the known key', (): Uint8Array => other.chain.encode()],
  ])('a chain %s is dropped', (_what, encode) => {
    const ends = new TwoEnds();
    const { secret, firstKey } = ends.low.identity;
    ends.low.identity = { chain: { encode }, secret, firstKey } as unknown as Identity;
    ends.low.session.open();
    ends.clock.advance(100);
    expect(ends.high.drops('wrong_identity')).toBe(1);
    expect(ends.highLink.sent).toEqual([]);
  });

  test('a chain that stops short of the one we know is refused', () => {
    const [low, high] = twoIdentities();
    const rotated = low.rotate(seededRandom(3), 1000);
    const ends = new TwoEnds({ identities: [rotated, high] });
    ends.low.identity = low;
    ends.low.session.open();
    ends.clock.advance(100);
    expect(ends.low.events).toEqual(['refused: chain_stale']);
    expect(ends.high.early).toEqual([]);
  });

  test('a fork is refused', () => {
    const [low, high] = twoIdentities();
    const ends = new TwoEnds({ identities: [low.rotate(seededRandom(3), 1000), high] });
    ends.low.identity = low.rotate(seededRandom(4), 1000);
    ends.low.session.open();
    ends.clock.advance(100);
    expect(ends.low.events).toEqual(['refused: chain_forked']);
    expect(ends.high.session.remote.extends(low.chain)).toBe(true);
  });
});

test('a changed sender index is noticed, on both sides', () => {
  const ends = new TwoEnds();
  const changed = (packet: Uint8Array): Uint8Array[] => {
    const copy = Buffer.from(packet);
    copy[4] = (copy[4] ?? 0) ^ 1;
    const keysAt = copy[0] === PACKET.initiation ? 40 : 28;
    const [macAt, keysBytes] = copy[0] === PACKET.initiation ? [8, 80] : [12, 32];
    const receiver = copy[0] === PACKET.initiation ? ends.high : ends.low;
    const label = concatBytes(utf8('pilot/1 mac1'), staticKeyPair(receiver.identity).publicKey);
    const covered = concatBytes(copy.subarray(0, macAt), copy.subarray(keysAt, keysAt + keysBytes));
    copy.set(blake2s(covered, { key: blake2s(label), dkLen: 16 }), macAt);
    return [copy];
  };
  ends.lowLink.fate = changed;
  ends.low.session.open();
  ends.clock.advance(500);
  expect(ends.high.drops('unreadable_handshake')).toBe(1);
  ends.lowLink.fate = (packet) => [packet];
  ends.highLink.fate = changed;
  ends.clock.advance(1000);
  expect(ends.low.drops('unreadable_handshake')).toBe(1);
  ends.highLink.fate = (packet) => [packet];
  ends.clock.advance(2000);
  expect(ends.low.session.state).toBe('open');
});
