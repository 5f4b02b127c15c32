import { setImmediate } from 'node:timers/promises';

import { describe, expect, test } from 'vitest';

import { toHex } from '../../src/base/bytes.ts';
import { encodeNodeId } from '../../src/identity/node-id.ts';
import { SecretKey } from '../../src/identity/secret-key.ts';
import { FRAME_LIMIT, unreachableFrame } from '../../src/relay/protocol.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { online, scene } from './support/client-scene.ts';

const PEER = new Uint8Array(32).fill(9);

describe('logging in', () => {
  test('proves itself, checks the relay, and measures the round trip', async () => {
    const { client, relay } = scene();
    expect(client.state).toBe('waiting');
    client.start();
    expect(client.state).toBe('connecting');
    expect(client.relayKey).toBeUndefined();
    relay.last.accept();
    expect(client.state).toBe('online');
    expect(toHex(client.relayKey ?? new Uint8Array())).toBe(toHex(relay.secret.publicKey));
    await setImmediate();
    expect(client.rttMs).toBe(0);
    expect(client.failure).toBeUndefined();
  });

  test('a relay that accepts and never answers has five seconds', () => {
    const { client, clock, failures } = scene();
    client.start();
    clock.advance(4999);
    expect(failures).toEqual([]);
    clock.advance(1);
    expect(failures).toEqual(['timeout']);
    expect(client.failure?.message).toContain('in time');
  });

  test('a relay with another key than the pinned one gets no login', () => {
    const pin = encodeNodeId(SecretKey.generate(seededRandom(8)).publicKey);
    const { client, relay, failures } = scene({ url: `ws://relay.test/#${pin}` });
    client.start();
    relay.last.challenge();
    expect(failures).toEqual(['wrong_relay']);
    expect(relay.last.messages).toEqual([]);
  });

  test('a relay that cannot prove its key is left', () => {
    const { client, relay, failures } = scene();
    client.start();
    relay.last.challenge();
    relay.last.welcome(SecretKey.generate(seededRandom(8)));
    expect(failures).toEqual(['wrong_relay']);
  });

  test.each([
    ['newer than ours', { version: 9, oldest: 2 }, 'version'],
    ['older than ours', { version: 0, oldest: 0 }, 'version'],
  ])('a relay %s is told apart', (_what, versions, code) => {
    const { client, relay, failures } = scene();
    client.start();
    relay.last.challenge(versions);
    expect(failures).toEqual([code]);
  });

  test('a relay one version ahead that still speaks ours is fine', () => {
    const { client, relay } = scene();
    client.start();
    relay.last.challenge({ version: 2, oldest: 1 });
    expect(relay.last.said('login')[0]?.version).toBe(1);
    relay.last.welcome();
    expect(client.state).toBe('online');
  });

  test.each([
    ['auth_required', 'auth_required'],
    ['not_allowed', 'not_allowed'],
    ['bad_signature', 'login_refused'],
    ['stale_key', 'stale_key'],
    ['rate_limited', 'busy'],
    ['something new', 'lost'],
    ['constructor', 'lost'],
  ])('refused with %s it says %s', (sent, code) => {
    const { client, relay, failures } = scene();
    client.start();
    relay.last.challenge();
    relay.last.say({ t: 'error', code: sent });
    expect(failures).toEqual([code]);
  });

  test.each([
    ['noise', Uint8Array.of(1, 2, 3)],
    ['nothing', new Uint8Array()],
    ['a welcome first', undefined],
  ])('what answers with %s is not a relay', (_what, frame) => {
    const { client, relay, failures } = scene();
    client.start();
    if (frame === undefined) {
      const limits = { frameBytes: 1, bodyBytes: 1, watch: 1 };
      relay.last.say({ t: 'welcome', signature: new Uint8Array(64), limits, timeMs: 1 });
    } else {
      relay.last.frame(frame);
    }
    expect(failures).toEqual(['protocol']);
  });

  test.each([
    ['less than sessions need', FRAME_LIMIT.min - 1],
    ['more than nodes take', FRAME_LIMIT.max + 1],
  ])('a relay that lets through %s is left, and tried again later', (_what, frameBytes) => {
    const { client, clock, relay } = scene();
    relay.limits = { ...relay.limits, frameBytes };
    client.start();
    relay.last.accept();
    expect(client.state).toBe('waiting');
    expect(client.failure).toMatchObject({
      code: 'protocol',
      hint: expect.stringContaining('--max-frame-bytes') as string,
    });
    relay.limits = { ...relay.limits, frameBytes: FRAME_LIMIT.max };
    clock.advance(1000);
    relay.last.accept();
    expect(client.state).toBe('online');
  });

  test('the access token itself is never sent', () => {
    const { client, relay } = scene({ settings: { token: 'open sesame' } });
    client.start();
    relay.last.challenge();
    const [login] = relay.last.said('login');
    expect(login?.token).toHaveLength(32);
    expect(Buffer.from(login?.token ?? []).toString('latin1')).not.toContain('sesame');
  });
});

describe('reconnecting', () => {
  test('waits longer after each failure, up to 15 s, and never beyond', () => {
    const { client, clock, relay } = scene();
    client.start();
    const waits: number[] = [];
    for (let i = 0; i < 12; i++) {
      relay.last.fail('refused');
      const startMs = clock.monotonic();
      const before = relay.connections.length;
      while (relay.connections.length === before) clock.advance(1);
      waits.push(clock.monotonic() - startMs);
    }
    const ceilings = waits.map((_, i) => Math.min(15_000, 100 * 2 ** i));
    for (const [i, wait] of waits.entries()) {
      expect(wait).toBeLessThanOrEqual((ceilings[i] ?? 0) + 1);
    }
    // Full jitter: spread out, not all at the ceiling.
    expect(Math.max(...waits)).toBeGreaterThan(3000);
    expect(Math.min(...waits.slice(8))).toBeLessThan(14_000);
  });

  test('starts again from the first wait after a login that lasted', () => {
    const { client, clock, relay } = scene({
      settings: { backoff: { initialMs: 100, maxMs: 15_000, multiplier: 2, jitter: false } },
    });
    client.start();
    for (const waitMs of [100, 200, 400]) {
      relay.last.fail('refused');
      clock.advance(waitMs);
    }
    relay.last.accept();
    clock.advance(800);
    relay.last.fail('lost');
    clock.advance(799);
    expect(client.state).toBe('waiting');
    clock.advance(1);
    relay.last.accept();
    clock.advance(1601);
    relay.last.fail('lost');
    clock.advance(100);
    expect(client.state).toBe('connecting');
    for (const waitMs of [200, 400, 800, 1600, 3200]) {
      relay.last.fail('refused');
      clock.advance(waitMs);
    }
    relay.last.accept();
    clock.advance(2001);
    relay.last.fail('lost');
    clock.advance(100);
    expect(client.state).toBe('connecting');
  });

  test('does not wait for a network that is gone when there is another', () => {
    const { client, clock, relay } = scene({
      settings: { backoff: { initialMs: 100, maxMs: 2000, multiplier: 2, jitter: false } },
    });
    client.networkChanged();
    expect(relay.connections).toHaveLength(0);
    client.start();
    for (let i = 0; i < 10; i++) {
      relay.last.fail('offline');
      clock.advance(2000);
    }
    relay.last.fail('offline');
    client.networkChanged();
    expect(client.state).toBe('connecting');
    client.networkChanged();
    expect(relay.connections).toHaveLength(12);
    relay.last.fail('dns');
    clock.advance(100);
    expect(relay.connections).toHaveLength(13);
    // The wait that was cut short has not gone on.
    relay.last.accept();
    clock.advance(2000);
    expect(relay.connections).toHaveLength(13);
  });

  test('tells each end once, with its code', () => {
    const { clock, relay, client, failures } = online();
    relay.last.end({ closeCode: 1001, reason: 'going_away' });
    expect(client.state).toBe('waiting');
    clock.advance(100);
    relay.last.fail('dns');
    clock.advance(15_000);
    expect(failures.slice(0, 2)).toEqual(['going_away', 'dns']);
    expect(client.failure?.code).toBeDefined();
  });

  test('leaves the place to the node that took it for a minute', () => {
    const { client, clock, relay } = online();
    relay.last.end({ closeCode: 4003, reason: 'replaced' });
    clock.advance(30_000);
    client.networkChanged();
    clock.advance(29_999);
    expect(relay.connections).toHaveLength(1);
    clock.advance(200);
    expect(relay.connections).toHaveLength(2);
  });

  test('stays away once stopped, also in the middle of everything', async () => {
    const waiting = scene();
    waiting.client.start();
    waiting.relay.last.fail('refused');
    await waiting.client.stop();
    const connecting = scene();
    connecting.client.start();
    await connecting.client.stop();
    const working = online();
    await working.client.stop();
    await working.client.stop();
    expect(working.failures).toEqual(['stopped']);
    for (const { clock, relay } of [waiting, connecting, working]) {
      clock.advance(600_000);
      expect(relay.connections).toHaveLength(1);
      expect(clock.pendingTimers).toBe(0);
    }
    working.client.start();
    working.relay.last.accept();
    expect(working.client.state).toBe('online');
  });

  test('tells everybody who stops it when the connection is closed', async () => {
    const { client, relay } = online();
    const goodbyes: string[] = [];
    relay.last.close = () => goodbyes.push('closing');
    const stopped = [client.stop(), client.stop()].map(async (stop) => stop.then(() => 'stopped'));
    expect(goodbyes).not.toEqual([]);
    relay.last.end({ closeCode: 1000, reason: '' });
    const pending = setImmediate('pending');
    expect(await Promise.all(stopped.map(async (stop) => Promise.race([stop, pending])))).toEqual([
      'stopped',
      'stopped',
    ]);
  });
});

describe('a connection that died', () => {
  test('is noticed 10 s after a ping that nothing answers', () => {
    const { clock, relay, failures } = online();
    clock.advance(20_000);
    expect(relay.last.said('ping')).toHaveLength(2);
    relay.answersPings = false;
    clock.advance(29_999);
    expect(failures).toEqual([]);
    clock.advance(1);
    expect(failures).toEqual(['lost']);
  });

  test('is alive while anything comes', () => {
    const { clock, relay, failures } = online();
    relay.answersPings = false;
    for (let i = 0; i < 60; i++) {
      clock.advance(5000);
      relay.last.frame(unreachableFrame(PEER));
    }
    expect(failures).toEqual([]);
  });

  test('is noticed 1.5 s after the first suspicion', () => {
    const { client, clock, relay, failures } = online();
    client.probe();
    clock.advance(5000);
    expect(failures).toEqual([]);
    relay.answersPings = false;
    client.probe();
    for (let ms = 0; ms < 1499; ms++) {
      clock.advance(1);
      client.probe();
    }
    expect(failures).toEqual([]);
    clock.advance(1);
    expect(failures).toEqual(['lost']);
    client.probe();
  });
});
