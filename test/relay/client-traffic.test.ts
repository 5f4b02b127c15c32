import { describe, expect, test } from 'vitest';

import { toHex } from '../../src/base/bytes.ts';
import { dataFrame, FRAME_LIMIT, unreachableFrame } from '../../src/relay/protocol.ts';
import { online, scene } from './support/client-scene.ts';

const PEER = new Uint8Array(32).fill(9);
const peers = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => {
    const key = new Uint8Array(32);
    new DataView(key.buffer).setUint32(0, i);
    return key;
  });

test('where the relay answers STUN is what it said last', () => {
  const { client, clock, relay } = scene();
  relay.stunPort = 3478;
  client.start();
  expect(client.stunPort).toBeUndefined();
  relay.last.accept();
  expect(client.stunPort).toBe(3478);
  relay.last.fail('lost');
  expect(client.stunPort).toBe(3478);
  relay.stunPort = undefined;
  clock.advance(100);
  relay.last.accept();
  expect(client.stunPort).toBeUndefined();
});

describe('watching', () => {
  test('is remembered and sent after each login, in pieces', () => {
    const { client, clock, relay } = scene();
    client.watch(peers(2500));
    client.watch([], peers(500));
    client.start();
    relay.last.accept();
    const sizes = (): number[] => relay.last.said('watch').map(({ add }) => add.length);
    expect(sizes()).toEqual([1000, 1000]);
    client.watch([PEER]);
    expect(sizes()).toEqual([1000, 1000, 1]);
    relay.last.fail('lost');
    clock.advance(100);
    relay.last.accept();
    expect(sizes()).toEqual([1000, 1000, 1]);
    expect(toHex(relay.last.said('watch')[2]?.add[0] ?? PEER)).toBe(toHex(PEER));
  });

  test('presence holds while the connection does', () => {
    const { client, relay } = online();
    client.watch([PEER]);
    const told: boolean[] = [];
    client.on('presence', ({ online: isOnline }) => told.push(isOnline));
    relay.last.say({ t: 'presence', key: PEER, online: true });
    expect(client.isPresent(PEER)).toBe(true);
    relay.last.say({ t: 'presence', key: PEER, online: false });
    expect(client.isPresent(PEER)).toBe(false);
    relay.last.say({ t: 'presence', key: PEER, online: true });
    relay.last.fail('lost');
    expect(client.isPresent(PEER)).toBe(false);
    expect(told).toEqual([true, false, true]);
  });

  test('a peer no longer watched is no longer present', () => {
    const { client, relay } = online();
    client.watch([PEER]);
    relay.last.say({ t: 'presence', key: PEER, online: true });
    client.watch([], [PEER]);
    expect(client.isPresent(PEER)).toBe(false);
  });

  test('what a relay says of peers that are not watched is nothing: it could fill the memory', () => {
    const { client, relay } = online();
    const told: string[] = [];
    client.on('presence', ({ key }) => told.push(toHex(key)));
    relay.last.say({ t: 'presence', key: PEER, online: true });
    client.watch([PEER]);
    // It was on its way when the watch ended.
    client.watch([], [PEER]);
    relay.last.say({ t: 'presence', key: PEER, online: true });
    client.watch([PEER]);
    expect(client.isPresent(PEER)).toBe(false);
    expect(told).toEqual([]);
  });
});

describe('packets', () => {
  test('go out under the name of the peer and come in under that of the sender', () => {
    const { client, relay } = online();
    expect(client.send(PEER, Uint8Array.of(1, 2))).toBe(true);
    expect(relay.last.frames.map(toHex)).toEqual([toHex(dataFrame(PEER, Uint8Array.of(1, 2)))]);
    const got: string[] = [];
    client.on('packet', ({ from, packet }) => got.push(`${toHex(from)} ${toHex(packet)}`));
    client.on('unreachable', ({ key }) => got.push(toHex(key)));
    relay.last.frame(dataFrame(PEER, Uint8Array.of(3)));
    relay.last.frame(unreachableFrame(PEER));
    relay.last.frame(Uint8Array.of(0x77));
    relay.last.frame(Uint8Array.of(0x10, 1));
    expect(got).toEqual([`${toHex(PEER)} 03`, toHex(PEER)]);
  });

  test('are not taken offline, too large, or while too much waits', () => {
    const offline = scene();
    expect(offline.client.send(PEER, new Uint8Array(1))).toBe(false);
    expect(online().client.send(PEER, new Uint8Array(FRAME_LIMIT.min))).toBe(false);
    const { client, relay } = online({ settings: { maxBufferedBytes: 5000 } });
    relay.last.bufferedBytes = 4000;
    expect(client.send(PEER, new Uint8Array(2000))).toBe(false);
    expect(client.send(PEER, new Uint8Array(500))).toBe(true);
    expect(relay.last.frames).toHaveLength(1);
  });
});

describe('requests', () => {
  const put = {
    to: PEER,
    id: new Uint8Array(16),
    body: new Uint8Array(10),
    expiresAtMs: Date.UTC(2027, 0),
  };

  test.each(['', 'new_word', 'constructor', '__proto__'])(
    'an answer that nobody knows (%j) is a failure',
    async (code) => {
      const { client, relay } = online();
      const answer = client.put(put);
      relay.last.say({ t: 'reply', n: relay.last.said('put')[0]?.n ?? 0, code });
      await expect(answer).rejects.toMatchObject({ name: 'RelayError', code: 'unavailable' });
    },
  );

  test('are answered by number, in any order', async () => {
    const { client, relay } = online();
    const first = client.lookup({ hostname: 'a' });
    const second = client.lookup({ hostname: 'b' });
    const [a, b] = relay.last.said('lookup');
    relay.last.say({ t: 'reply', n: b?.n ?? 0, code: 'ok' });
    relay.last.say({ t: 'reply', n: 999, code: 'ok' });
    relay.last.say({ t: 'reply', n: a?.n ?? 0, code: 'ok', record: Uint8Array.of(5) });
    expect(toHex((await first) ?? PEER)).toBe('05');
    expect(await second).toBeUndefined();
  });

  test('fail with `offline` when there is no connection, or it ends', async () => {
    const { client } = scene();
    await expect(client.put(put)).rejects.toMatchObject({ code: 'offline' });
    const working = online();
    const lost = working.client.put(put);
    working.relay.last.fail('lost');
    await expect(lost).rejects.toMatchObject({ code: 'offline' });
  });

  test('fail with `timeout` when nothing is said', async () => {
    const { client, clock, relay } = online();
    const publication = client.publish(new Uint8Array(5));
    clock.advance(10_000);
    await expect(publication).rejects.toMatchObject({ code: 'timeout' });
    relay.last.say({ t: 'reply', n: relay.last.said('publish')[0]?.n ?? 0, code: 'ok' });
    expect(client.state).toBe('online');
  });

  test.each(['mailbox_full', 'expired', 'rate_limited', 'unavailable'])(
    'a put answered with %s rejects with it',
    async (code) => {
      const { client, relay } = online();
      const stored = client.put(put);
      relay.last.say({ t: 'reply', n: relay.last.said('put')[0]?.n ?? 0, code });
      await expect(stored).rejects.toMatchObject({ code });
    },
  );

  test('codes to come are failures', async () => {
    const { client, relay } = online();
    const stored = client.put(put);
    relay.last.say({ t: 'reply', n: relay.last.said('put')[0]?.n ?? 0, code: 'tired' });
    await expect(stored).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('an envelope larger than the relay takes is not sent', async () => {
    const { client, relay } = online();
    const large = { ...put, body: new Uint8Array(9001) };
    await expect(client.put(large)).rejects.toMatchObject({ code: 'too_large' });
    expect(relay.last.said('put')).toEqual([]);
  });

  test('taken envelopes are reported', () => {
    const { client, relay } = online();
    const got: string[] = [];
    client.on('envelope', ({ from, id, body }) => {
      got.push(toHex(body));
      client.taken(from, id);
    });
    const envelope = {
      from: PEER,
      id: new Uint8Array(16).fill(4),
      body: Uint8Array.of(1),
      atMs: 1,
    };
    relay.last.say({ t: 'envelope', ...envelope });
    expect(got).toEqual(['01']);
    expect(relay.last.said('taken')).toHaveLength(1);
  });
});
