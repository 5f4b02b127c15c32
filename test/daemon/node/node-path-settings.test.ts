/** The settings that act on paths, each by its name, at simulated sites. */
import { afterEach, describe, expect, test } from 'vitest';

import type { EventMap, PeerView } from '../../../src/client/api.ts';
import { EVENTS, NAMED_SCHEMAS } from '../../../src/daemon/api/api-replies.ts';
import type { PathSettings } from '../../../src/daemon/paths/path-settings.ts';
import { DirectWorld } from '../direct-world.ts';

let worlds: DirectWorld[] = [];

afterEach(async () => {
  await Promise.all(worlds.map(async (one) => one.stop()));
  worlds = [];
});

/** Both at open sites, unless it says otherwise; the settings are those of alice. */
async function started(
  settings: Partial<PathSettings>,
  prepare: (one: DirectWorld) => void = () => undefined,
): Promise<DirectWorld> {
  const one = new DirectWorld(['open', 'open']);
  worlds.push(one);
  const { alice } = one;
  alice.settings = { ...alice.settings, paths: { ...alice.settings.paths, ...settings } };
  prepare(one);
  return one.start();
}

const viewOf = ({ alice }: DirectWorld): PeerView | undefined => alice.node.peers()[0];

function alarmsOf(one: DirectWorld): EventMap['path.alarm'][] {
  const alarms: EventMap['path.alarm'][] = [];
  one.alice.node.events.on('path.alarm', (event) => {
    expect(EVENTS['path.alarm'].safeParse(event)).toMatchObject({ success: true });
    alarms.push(event);
  });
  return alarms;
}

describe('relay_fallback: false', () => {
  const ONLY_DIRECT = { mayRelay: false };

  test('messages go over the direct path, which is found over the relay', async () => {
    const one = await started(ONLY_DIRECT);
    const id = await one.alice.send(one.bob, 'hello');
    expect(one.alice.node.messageStatus(id)).toMatchObject({ status: 'queued' });
    await one.world.run(3000);
    expect(viewOf(one)).toMatchObject({ path: 'direct' });
    expect(one.bob.inbox).toEqual(['hello']);
    expect(one.alice.statusOf(id)).toBe('delivered');
  });

  test('without one they wait, say why, and are dead letters with that reason', async () => {
    const one = await started(ONLY_DIRECT, (world) => {
      world.blockUdp(true);
    });
    const id = await one.alice.send(one.bob, 'hello', { expires_ms: 60_000 });
    await one.world.run(5000);
    expect(one.alice.node.messageStatus(id)).toMatchObject({
      status: 'queued',
      reason: 'no direct path: one is being looked for',
    });
    await one.world.run(40_000);
    const { status, reason } = one.alice.node.messageStatus(id);
    expect([status, reason]).toEqual([
      'queued',
      expect.stringMatching(/^no direct path: (no check was answered|one is being looked for)/),
    ]);
    await one.world.run(20_000);
    expect(one.alice.statusOf(id)).toMatch(/^dead: expired: no direct path: /);
    expect(one.bob.inbox).toEqual([]);
  });

  test('a message that waits leaves when there is a path', async () => {
    const one = await started(ONLY_DIRECT, (world) => {
      world.blockUdp(true);
    });
    await one.alice.send(one.bob, 'one');
    await one.world.run(60_000);
    one.blockUdp(false);
    // The attempt of now is over then; the next message asks for another, whatever the timer says.
    await one.world.run(30_000);
    await one.alice.send(one.bob, 'two');
    await one.world.run(5000);
    expect(one.bob.inbox).toEqual(['one', 'two']);
  });

  test('what was under way when the path was lost does not go over the relay', async () => {
    const one = await started(ONLY_DIRECT);
    await one.alice.send(one.bob, 'before');
    await one.world.run(3000);
    one.blockUdp(true);
    const id = await one.alice.send(one.bob, 'after');
    await one.world.run(30_000);
    expect(one.bob.inbox).toEqual(['before']);
    expect(one.alice.node.messageStatus(id)).toMatchObject({
      status: 'queued',
      reason: expect.stringMatching(/^no direct path: /) as string,
    });
    one.blockUdp(false);
    await one.world.run(60_000);
    expect(one.bob.inbox).toEqual(['before', 'after']);
  });

  test('no envelope is left for a peer that is away, and it gets the message when it is back', async () => {
    const one = await started(ONLY_DIRECT);
    await one.world.run(1000);
    await one.bob.stop();
    await one.world.run(1000);
    const puts = one.world.relay.puts;
    const id = await one.alice.send(one.bob, 'hello');
    await one.world.run(60_000);
    expect(one.world.relay.puts).toBe(puts);
    expect(one.alice.node.messageStatus(id)).toMatchObject({
      ...{ status: 'queued', reason: 'the other node is offline' },
    });
    one.bob.start();
    await one.world.run(60_000);
    expect(one.bob.inbox).toEqual(['hello']);
  });

  test('ping says why there is no path, and may still ask for that of the relay', async () => {
    const one = await started(ONLY_DIRECT, (world) => {
      world.blockUdp(true);
    });
    const { node } = one.alice;
    await expect(one.world.until(node.ping({ target: 'bob' }))).rejects.toMatchObject({
      code: 'connection_failed',
      message: expect.stringMatching(/cannot be reached: no direct path: /) as string,
    });
    await expect(
      one.world.until(node.ping({ target: 'bob', path: 'relay' })),
    ).resolves.toMatchObject({ path: 'relay' });
    one.blockUdp(false);
    await expect(
      one.world.until(node.ping({ target: 'bob', timeout_ms: 10_000 })),
    ).resolves.toMatchObject({ path: 'direct' });
  });
});

describe('nat_traversal', () => {
  test('required: a path that is missing is an alarm, once, until there is one', async () => {
    const one = await started({ isDirectRequired: true }, (world) => {
      world.blockUdp(true);
    });
    const alarms = alarmsOf(one);
    await one.alice.send(one.bob, 'hello');
    await one.world.run(300_000);
    const alarm = 'no_direct_path';
    const text = expect.stringMatching(/^no check was answered/) as string;
    expect(alarms).toEqual([{ ...alarms[0], id: one.bob.id, alarm, raised: true, text }]);
    const failures = one.takeTold().filter(([name]) => name === 'path.failed');
    expect(failures.length).toBeGreaterThan(1);
    for (const [name, event] of failures) {
      expect(event).toMatchObject({ alarm: true });
      expect(EVENTS[name].safeParse(event)).toMatchObject({ success: true });
    }
    expect(viewOf(one)).toMatchObject({ path: 'relay', alarms: [{ alarm }] });
    expect(NAMED_SCHEMAS.PeerView.safeParse(viewOf(one))).toMatchObject({ success: true });
    expect(one.alice.node.counters().pathAlarms).toEqual({ no_direct_path: 1, slow_path: 0 });
    expect(one.bob.inbox).toEqual(['hello']);

    one.blockUdp(false);
    await one.world.until(one.alice.node.preferDirect({ target: 'bob' }));
    expect(alarms.slice(1)).toMatchObject([{ alarm, raised: false }]);
    expect(viewOf(one)).toMatchObject({ path: 'direct', alarms: [] });
    expect(one.alice.node.counters().pathAlarms).toEqual({ no_direct_path: 0, slow_path: 0 });
  });

  test('required: a path that is lost and found again is none', async () => {
    const one = await started({ isDirectRequired: true });
    const alarms = alarmsOf(one);
    await one.alice.send(one.bob, 'hello');
    await one.world.run(3000);
    one.blockUdp(true);
    await one.world.run(12_000);
    expect(viewOf(one)).toMatchObject({ path: 'relay' });
    one.blockUdp(false);
    await one.world.run(20_000);
    expect(viewOf(one)).toMatchObject({ path: 'direct' });
    expect(alarms).toEqual([]);
  });

  test('preferred: no alarm', async () => {
    const one = await started({ isDirectRequired: false }, (world) => {
      world.blockUdp(true);
    });
    const alarms = alarmsOf(one);
    await one.alice.send(one.bob, 'hello');
    await one.world.run(60_000);
    expect(alarms).toEqual([]);
    const failures = one.takeTold().filter(([name]) => name === 'path.failed');
    expect(failures.length).toBeGreaterThan(0);
    for (const [, event] of failures) expect(event).toMatchObject({ alarm: false });
  });

  test('off: the peer is told no address, and that there will be none', async () => {
    const sent: string[] = [];
    const one = await started({}, ({ bob, underlays }) => {
      bob.network = undefined;
      underlays[1].onSend = (_bytes, base) => {
        sent.push(base);
        return true;
      };
    });
    sent.length = 0;
    await one.alice.send(one.bob, 'hello');
    await one.world.run(60_000);
    const failures = one.takeTold().filter(([name]) => name === 'path.failed');
    expect(failures.length).toBeGreaterThan(0);
    for (const [, event] of failures) {
      expect(event).toMatchObject({
        code: 'peer_not_wanted',
        text: 'the peer looks for no direct paths',
        report: { remote: [], pairs: [], inbound: { requests: 0 } },
      });
    }
    expect(viewOf(one)).toMatchObject({ path: 'relay' });
    expect(one.bob.node.peers()[0]).toMatchObject({ why_not_direct: 'this node looks for none' });
    expect(one.bob.inbox).toEqual(['hello']);
  });
});

describe('max_latency_ms', () => {
  test('a path that stays slower is an alarm, once, until one is faster', async () => {
    const one = await started({ maxLatencyMs: 100 }, (world) => {
      world.blockUdp(true);
    });
    const alarms = alarmsOf(one);
    one.world.relay.latencyMs = 80;
    for (let i = 0; i < 12; i++) {
      await one.alice.send(one.bob, 'hello');
      await one.world.run(5000);
    }
    expect(alarms).toMatchObject([{ id: one.bob.id, alarm: 'slow_path', raised: true }]);
    expect(alarms[0]?.text).toMatch(/^a round trip takes 1[67]\d ms, above 100 ms$/);
    expect(viewOf(one)).toMatchObject({ path: 'relay', alarms: [{ alarm: 'slow_path' }] });
    expect(one.alice.node.counters().pathAlarms).toEqual({ no_direct_path: 0, slow_path: 1 });
    one.blockUdp(false);
    await one.world.run(30_000);
    await one.world.until(one.alice.node.preferDirect({ target: 'bob' }));
    expect(viewOf(one)).toMatchObject({ path: 'direct' });
    await one.world.run(40_000);
    expect(alarms.slice(1)).toMatchObject([{ alarm: 'slow_path', raised: false }]);
    expect(viewOf(one)?.alarms).toEqual([]);
  });
});
