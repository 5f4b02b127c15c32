import { afterEach, describe, expect, test } from 'vitest';

import type { PeerView } from '../../../src/client/api.ts';
import { EVENTS, NAMED_SCHEMAS, REPLIES } from '../../../src/daemon/api/api-replies.ts';
import { DirectWorld } from '../direct-world.ts';
import { World } from '../world.ts';

let worlds: DirectWorld[] = [];

afterEach(async () => {
  await Promise.all(worlds.map(async (one) => one.stop()));
  worlds = [];
});

async function started(...sites: ConstructorParameters<typeof DirectWorld>): Promise<DirectWorld> {
  const made = new DirectWorld(...sites);
  worlds.push(made);
  return made.start();
}

/** Both are on the open internet, a session is open, and it goes directly. */
async function direct(): Promise<DirectWorld> {
  const made = await started(['open', 'open']);
  await made.alice.send(made.bob, 'hello');
  await made.world.run(3000);
  expect(viewOf(made)).toMatchObject({ state: 'connected', path: 'direct' });
  return made;
}

/** What alice sees of bob. */
function viewOf({ alice }: DirectWorld): PeerView | undefined {
  return alice.node.peers()[0];
}

describe('a peer', () => {
  test('without a session has no path', async () => {
    const one = await started(['open', 'open']);
    one.world.relay.goDown();
    await one.world.run(100_000);
    expect(viewOf(one)).toMatchObject({
      ...{ path: '', endpoint: '', rtt_ms: null, path_since: '', relay: false },
      why_not_direct: 'there is no session with it',
    });
  });

  test('that is reached directly: at which address, since when, how fast', async () => {
    const one = await direct();
    const view = viewOf(one);
    expect(NAMED_SCHEMAS.PeerView.safeParse(view)).toMatchObject({ success: true });
    expect(view).toMatchObject({ why_not_direct: '', relay: false, encrypted: true });
    expect(view?.endpoint).toMatch(/^(203\.0\.113\.\d+|\[2001:db8::\w+\]):4000$/);
    expect(view?.rtt_ms).toBeLessThan(10);
    const sinceMs = Date.parse(view?.path_since ?? '');
    expect(one.world.clock.now() - sinceMs).toBeLessThan(3000);
  });

  test('that is not says why', async () => {
    const one = await started(['open', 'open']);
    one.blockUdp(true);
    await one.alice.send(one.bob, 'hello');
    await one.world.run(1000);
    expect(viewOf(one)).toMatchObject({
      ...{ path: 'relay', endpoint: one.world.relay.url, relay: true },
      why_not_direct: 'one is being looked for',
    });
    await one.world.run(60_000);
    expect(viewOf(one)?.why_not_direct).toMatch(/^no check was answered/);
  });
});

describe('events', () => {
  test('a direct path opens, is lost, and the relay carries the session again', async () => {
    const one = await direct();
    const names = { id: one.bob.id, hostname: 'bob' };
    expect(one.takeTold()).toMatchObject([
      ['path.opened', { ...names, path: 'direct', before: 'relay', reason: 'direct' }],
    ]);
    one.blockUdp(true);
    await one.world.run(60_000);
    const told = one.takeTold();
    expect(told.slice(0, 2)).toMatchObject([
      ['path.changed', { ...names, path: 'relay', before: 'direct' }],
      ['path.failed', { ...names, was_in_use: true }],
    ]);
    for (const [name, event] of told) {
      expect(EVENTS[name].safeParse(event)).toMatchObject({ success: true });
    }
    expect(one.alice.node.counters()).toMatchObject({ sessionsOpen: 1, sessionsDirect: 0 });
  });

  test('an attempt that came to nothing, with all that was tried', async () => {
    const one = await started(['open', 'open']);
    one.blockUdp(true);
    await one.alice.send(one.bob, 'hello');
    await one.world.run(60_000);
    const [failed] = one.takeTold();
    expect(failed?.[0]).toBe('path.failed');
    expect(failed?.[1]).toMatchObject({
      ...{ code: 'no_answer', was_in_use: false },
      report: {
        state: 'failed',
        remote: [{ kind: 'host' }, { kind: 'host' }],
        pairs: [{ answers: 0, rtt_ms: null }, { answers: 0 }],
        inbound: { wrong_integrity: 0 },
      },
    });
    expect(JSON.parse(JSON.stringify(failed?.[1]))).toEqual(failed?.[1]);
  });

  test('a relay that comes and goes beside no session is not told as a path', async () => {
    const one = await started(['open', 'open']);
    await one.world.run(400_000);
    one.takeTold();
    await one.bob.stop();
    await one.world.run(1000);
    one.bob.start();
    await one.world.run(1000);
    const paths = one.takeTold().filter(([name]) => name !== 'path.failed');
    expect(paths.every(([, event]) => 'before' in event && event.before === 'direct')).toBe(true);
  });
});

describe('ping --path', () => {
  test('measures each of the two, whichever is in use', async () => {
    const one = await direct();
    one.world.relay.latencyMs = 50;
    const ping = async (path?: 'direct' | 'relay'): Promise<{ path: string; rtt_ms: number }> =>
      one.world.until(one.alice.node.ping({ target: 'bob', ...(path && { path }) }));
    const used = await ping();
    expect(used.path).toBe('direct');
    const near = await ping('direct');
    expect(near.path).toBe('direct');
    expect(near.rtt_ms).toBeLessThanOrEqual(10);
    const far = await ping('relay');
    expect(far.path).toBe('relay');
    // Both ways: the answer, too, left the direct path alone.
    expect(far.rtt_ms).toBeGreaterThanOrEqual(2 * one.world.relay.latencyMs);
    expect(viewOf(one)).toMatchObject({ path: 'direct' });
  });

  test('fails with the reason when there is no such path', async () => {
    const one = await started(['open', 'open']);
    one.blockUdp(true);
    await one.alice.send(one.bob, 'hello');
    await one.world.run(60_000);
    const ping = one.world.until(one.alice.node.ping({ target: 'bob', path: 'direct' }));
    await expect(ping).rejects.toMatchObject({
      code: 'connection_failed',
      message: expect.stringMatching(/^there is no direct path: no check was answered/) as string,
    });
    await expect(
      one.world.until(one.alice.node.ping({ target: 'bob', path: 'relay' })),
    ).resolves.toMatchObject({ path: 'relay' });
  });

  test('by the relay, when only the direct path is left', async () => {
    const one = await direct();
    one.world.relay.goDown();
    await one.world.run(500);
    await expect(
      one.world.until(one.alice.node.ping({ target: 'bob', path: 'direct' })),
    ).resolves.toMatchObject({ path: 'direct' });
    await expect(
      one.world.until(one.alice.node.ping({ target: 'bob', path: 'relay' })),
    ).rejects.toMatchObject({ code: 'connection_failed' });
  });
});

describe('prefer-direct', () => {
  test('opens a session and waits for the direct path', async () => {
    const one = await started(['open', 'open']);
    await one.world.run(400_000);
    const found = await one.world.until(one.alice.node.preferDirect({ target: 'bob' }), 12_000);
    expect(REPLIES.preferDirect.safeParse(found)).toMatchObject({ success: true });
    expect(found).toMatchObject({ id: one.bob.id, path: 'direct', why_not_direct: '' });
    expect(found.endpoint).toBe(viewOf(one)?.endpoint);
  });

  test('leaves a direct path alone', async () => {
    const one = await direct();
    const { path_since: since } = viewOf(one) ?? {};
    await expect(
      one.world.until(one.alice.node.preferDirect({ target: 'bob' }), 100),
    ).resolves.toMatchObject({ path: 'direct', had_tunnel: true, was_relay_active: false });
    await one.world.run(5000);
    expect(viewOf(one)?.path_since).toBe(since);
  });

  test('does not wait for the timer of the last failure', async () => {
    const one = await started(['open', 'open']);
    one.blockUdp(true);
    await one.alice.send(one.bob, 'hello');
    await one.world.run(60_000);
    one.blockUdp(false);
    await expect(
      one.world.until(one.alice.node.preferDirect({ target: 'bob' }), 12_000),
    ).resolves.toMatchObject({ path: 'direct', had_tunnel: true, was_relay_active: true });
  });

  test('says after 10 s at most what there is instead', async () => {
    const one = await started(['open', 'open']);
    one.blockUdp(true);
    await one.alice.send(one.bob, 'hello');
    await one.world.run(60_000);
    const startMs = one.world.clock.monotonic();
    const found = await one.world.until(one.alice.node.preferDirect({ target: 'bob' }), 12_000);
    expect(one.world.clock.monotonic() - startMs).toBeLessThanOrEqual(10_000);
    expect(found).toMatchObject({ path: 'relay', endpoint: one.world.relay.url });
    expect(found.why_not_direct).toMatch(/./);
  });

  test('ends when the caller hangs up, and fails when the peer is away', async () => {
    const one = await started(['open', 'open']);
    one.blockUdp(true);
    const abort = new AbortController();
    const asked = one.alice.node.preferDirect({ target: 'bob' }, abort.signal);
    await one.world.run(1000);
    abort.abort(new Error('gone'));
    await expect(asked).rejects.toThrow('gone');
    await one.bob.stop();
    await one.world.run(100_000);
    await expect(
      one.world.until(one.alice.node.preferDirect({ target: 'bob' })),
    ).rejects.toMatchObject({ code: 'connection_failed' });
  });

  test('where nothing looks for paths it says so at once', async () => {
    const world = new World();
    const [alice] = await world.pair();
    await expect(
      world.until(alice.node.preferDirect({ target: 'bob' }), 1000),
    ).resolves.toMatchObject({ path: 'relay', why_not_direct: 'this node looks for none' });
  });
});
