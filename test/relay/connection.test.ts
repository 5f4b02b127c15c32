import { describe, expect, test } from 'vitest';

import { encodeCbor } from '../../src/base/cbor.ts';
import { SecretKey } from '../../src/identity/secret-key.ts';
import { decodeRelayMessage } from '../../src/relay/control.ts';
import type { Challenge, Login } from '../../src/relay/control-message.ts';
import { dataFrame, FRAME } from '../../src/relay/protocol.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { loginFor, RawNode } from './support/raw-node.ts';
import {
  logIn,
  logInPair,
  newIdentity,
  next,
  refusal,
  startRelay,
} from './support/relay-fixture.ts';

const control = (map: object): Uint8Array => Uint8Array.of(FRAME.control, ...encodeCbor(map));

describe('a login is refused', () => {
  const otherRelay = SecretKey.generate(seededRandom(5)).publicKey;
  test.each<[string, (login: Login, challenge: Challenge) => Login, string]>([
    [
      'signed for another relay',
      (_login, challenge) => loginFor({ ...challenge, key: otherRelay }, newIdentity()),
      'bad_signature',
    ],
    [
      'signed for another challenge',
      (_login, challenge) => loginFor({ ...challenge, nonce: new Uint8Array(32) }, newIdentity()),
      'bad_signature',
    ],
    [
      'under the chain of another node',
      (login) => ({ ...login, chain: newIdentity().chain.encode() }),
      'bad_signature',
    ],
    [
      'with a chain that is none',
      (login) => ({ ...login, chain: new Uint8Array(40) }),
      'bad_login',
    ],
    ['of a version to come', (login) => ({ ...login, version: 9 }), 'version'],
    ['of version 0', (login) => ({ ...login, version: 0 }), 'version'],
  ])('%s', async (_what, change, code) => {
    const relay = await startRelay();
    const { node, challenge } = await RawNode.challenged(relay);
    node.say(change(loginFor(challenge, newIdentity()), challenge));
    expect(await node.message('error')).toMatchObject({ code });
    expect(await node.end()).toEqual({ code: 4001, reason: code });
    expect(relay.server.counters.logins.get(code)).toBe(1);
  });

  test('that was heard on another connection', async () => {
    const relay = await startRelay();
    const first = await RawNode.challenged(relay);
    const login = loginFor(first.challenge, newIdentity());
    first.node.say(login);
    await first.node.message('welcome');
    const second = await RawNode.challenged(relay);
    second.node.say(login);
    expect(await second.node.message('error')).toMatchObject({ code: 'bad_signature' });
  });

  test('when one prefix logs in too often', async () => {
    const relay = await startRelay({ limits: { maxLoginsPerSecondPerPrefix: 1 } });
    for (let i = 0; i < 4; i++) await logIn(relay);
    expect(await refusal(relay)).toBe('busy');
  });
});

describe('a connection ends', () => {
  test.each<[string, Uint8Array | string]>([
    ['a text message', 'hello'],
    ['a control frame that is not CBOR', Uint8Array.of(FRAME.control, 0xff)],
    ['a control frame cut short', control({ t: 'watch', add: [new Uint8Array(32)] }).slice(0, -9)],
    ['a member of the wrong type', control({ t: 'lookup', n: 1, key: 'abc' })],
    ['a DATA frame without a whole key', new Uint8Array(20).fill(FRAME.data)],
    ['a second login', 'login'],
  ])('after %s', async (what, frame) => {
    const relay = await startRelay();
    const identity = newIdentity();
    const node = await RawNode.loggedIn(relay, identity);
    const challenge = await node.message('challenge');
    if (what === 'a second login') node.say(loginFor(challenge, identity));
    else node.socket.send(frame);
    expect(await node.end()).toEqual({ code: 4002, reason: 'protocol' });
    await logIn(relay);
  });

  test.each([
    ['data', dataFrame(new Uint8Array(32), new Uint8Array(5))],
    ['a request', control({ t: 'ping', n: 1 })],
  ])('after %s before the login', async (_what, frame) => {
    const { node } = await RawNode.challenged(await startRelay());
    node.send(frame);
    expect(await node.end()).toEqual({ code: 4002, reason: 'protocol' });
  });

  test('after a frame above the limit', async () => {
    const relay = await startRelay({ limits: { maxFrameBytes: 1000 } });
    const node = await RawNode.loggedIn(relay, newIdentity());
    node.send(new Uint8Array(1001).fill(FRAME.data));
    expect((await node.end()).code).toBe(1009);
  });

  test('when it stays silent and answers no ping', async () => {
    const relay = await startRelay({ limits: { maxSilenceSeconds: 1 } });
    const deaf = await RawNode.loggedIn(relay, newIdentity(), { autoPong: false });
    const quiet = await RawNode.loggedIn(relay, newIdentity());
    expect((await deaf.end()).code).toBe(1006);
    expect(quiet.closed).toBeUndefined();
    expect(relay.server.counters.drops.get('silent')).toBe(1);
  });
});

test('unknown frames, messages and members are skipped', async () => {
  const node = await RawNode.loggedIn(await startRelay(), newIdentity());
  node.send(Uint8Array.of(0x77, 1, 2, 3));
  node.send(new Uint8Array());
  node.send(control({ t: 'sing', song: 'la' }));
  node.send(control({ t: 'ping', n: 7, colour: 'red' }));
  expect(await node.message('reply')).toMatchObject({ n: 7, code: 'ok' });
});

describe('limits', () => {
  test('a flood is slowed down and told once; nothing of it is lost, and others go on', async () => {
    const relay = await startRelay({ limits: { maxFramesPerSecond: 100 } });
    const [alice, bob] = await logInPair(relay);
    const flooder = await RawNode.loggedIn(relay, newIdentity());
    const frames = 600;
    for (let i = 0; i < frames; i++) {
      flooder.send(dataFrame(bob.identity.firstKey, new Uint8Array(10)));
    }
    expect(await flooder.message('notice')).toMatchObject({ code: 'rate_limited' });
    const packet = next(bob.client, 'packet');
    alice.client.send(bob.identity.firstKey, new Uint8Array(3));
    await packet;
    flooder.send(control({ t: 'ping', n: 1 }));
    await flooder.message('reply');
    const answers = flooder.frames.filter((frame) => frame[0] === FRAME.unreachable);
    expect(answers).toHaveLength(frames);
    expect(flooder.frames.filter((frame) => frame[0] === FRAME.control)).toHaveLength(4);
  });

  test('a receiver that does not read is cut off, its sender is not', async () => {
    const relay = await startRelay({ limits: { maxSendBufferBytes: 200_000 } });
    const alice = await logIn(relay);
    const identity = newIdentity();
    const slow = await RawNode.loggedIn(relay, identity);
    const present = next(alice.client, 'presence');
    alice.client.watch([identity.firstKey]);
    slow.say({ t: 'watch', add: [alice.identity.firstKey], remove: [] });
    await present;
    slow.socket.pause();
    const gone = next(alice.client, 'presence', ({ online }) => !online);
    const flood = setInterval(() => {
      for (let i = 0; i < 20; i++) alice.client.send(identity.firstKey, new Uint8Array(100_000));
    }, 1);
    await gone.finally(() => {
      clearInterval(flood);
    });
    expect(relay.server.counters.drops.get('slow_receiver')).toBe(1);
    expect(await alice.client.lookup({ hostname: 'nobody' })).toBeUndefined();
  });

  test('envelopes above the rate are refused, the connection stays', async () => {
    const relay = await startRelay({ limits: { maxPutsPerSecond: 1 } });
    const { client } = await logIn(relay);
    const put = async (fill: number): Promise<void> =>
      client.put({
        to: new Uint8Array(32).fill(9),
        id: new Uint8Array(16).fill(fill),
        body: new Uint8Array(10),
        expiresAtMs: Date.now() + 1000,
      });
    const results = await Promise.allSettled(Array.from({ length: 8 }, async (_, i) => put(i)));
    const refused = results.filter(({ status }) => status === 'rejected');
    expect(refused.length).toBeGreaterThanOrEqual(3);
    expect(refused[0]).toMatchObject({ reason: { code: 'rate_limited' } });
    expect(await client.lookup({ hostname: 'nobody' })).toBeUndefined();
  });

  test('a node that asks faster than the store answers waits in line', async () => {
    const relay = await startRelay({ limits: { maxPendingRequests: 2 } });
    const { client } = await logIn(relay);
    const lookups = Array.from({ length: 100 }, async () => client.lookup({ hostname: 'nobody' }));
    expect(await Promise.all(lookups)).toHaveLength(100);
  });
});

describe('two logins of one identity', () => {
  test('newest: the new one stays, and both are told', async () => {
    const relay = await startRelay();
    const first = await logIn(relay);
    const told = next(first.client, 'duplicate');
    const displaced = next(first.client, 'offline');
    const second = await RawNode.loggedIn(relay, first.identity);
    await told;
    expect((await displaced).code).toBe('replaced');
    expect(await second.message('notice')).toMatchObject({ code: 'duplicate_login' });
    expect(second.closed).toBeUndefined();
  });

  test('oldest: the new one is refused, and both are told', async () => {
    const relay = await startRelay({ duplicates: 'oldest' });
    const first = await logIn(relay);
    const told = next(first.client, 'duplicate');
    expect(await refusal(relay, { identity: first.identity })).toBe('duplicate');
    await told;
    expect(first.client.state).toBe('online');
  });

  test('refuse: both go', async () => {
    const relay = await startRelay({ duplicates: 'refuse' });
    const first = await logIn(relay);
    const displaced = next(first.client, 'offline');
    expect(await refusal(relay, { identity: first.identity })).toBe('duplicate');
    expect((await displaced).code).toBe('replaced');
    expect(await refusal(relay, { identity: first.identity })).toBe('duplicate');
  });

  test('the same process coming back is no duplicate', async () => {
    const relay = await startRelay({ duplicates: 'refuse' });
    const identity = newIdentity();
    const { node, challenge } = await RawNode.challenged(relay);
    const login = loginFor(challenge, identity);
    node.say(login);
    await node.message('welcome');
    const again = await RawNode.challenged(relay);
    again.node.say({ ...loginFor(again.challenge, identity), instance: login.instance });
    await again.node.message('welcome');
    expect(await node.end()).toEqual({ code: 4003, reason: 'replaced' });
    again.node.say({ t: 'ping', n: 1 });
    await again.node.message('reply');
    const first = node.frames.map((frame) => decodeRelayMessage(frame)?.t);
    expect(first).toEqual(['challenge', 'welcome', 'error']);
    expect(relay.server.counters.logins.get('ok')).toBe(2);
  });
});
