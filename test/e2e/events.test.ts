import { expect, test } from 'vitest';

import { befriend, Sandbox, type SandboxNode } from '../support/sandbox.ts';
import { startNode, startTwoNodes } from '../support/two-nodes.ts';

interface Subscribed {
  readonly events: readonly { readonly topic: string; readonly data: string }[];
  readonly missing: number;
  readonly timeout: boolean;
}

const datas = ({ events }: Subscribed): string[] => events.map(({ data }) => data);

/** Publishes at itself until as many subscribers got it. */
async function reached(broker: SandboxNode, topic: string, data: string, count = 1): Promise<void> {
  const publish = async (): Promise<number> => {
    const argv = ['publish', broker.name, topic, '--data', data] as const;
    return (await broker.json<{ subscribers: number }>(...argv)).subscribers;
  };
  await expect.poll(publish, { timeout: 30_000 }).toBe(count);
}

test('two daemons and a relay: subscribe, publish, the broker killed, retained, broadcast', async () => {
  await Sandbox.run(async (sandbox) => {
    const { relay, alice, bob } = await startTwoNodes(sandbox);

    const listed = alice.background('subscribe', 'bob', 'jobs/+/done', '--count', '2', '--json');
    const lines = alice.background('subscribe', 'bob', '*', '--json');
    await reached(bob, 'jobs/eu/done', 'one', 2);
    await alice.pilotctl('publish', 'bob', 'jobs/eu', '--data', 'none of the first');
    await alice.pilotctl('publish', 'bob', 'jobs/us/done', '--data', 'two');
    expect(datas(dataOf(await listed.finished)).slice(-2)).toEqual(['one', 'two']);

    await bob.kill();
    await startNode(bob, relay);
    await lines.line(/"gap":true/);
    await reached(bob, 'a', 'after the gap');
    await lines.line(/after the gap/);

    await bob.pilotctl('publish', 'bob', 'state', '--data', 'on', '--retain');
    const retained = ['subscribe', 'bob', 'state', '--count', '1', '--retained'] as const;
    expect(datas(await alice.json<Subscribed>(...retained))).toEqual(['on']);

    await bob.pilotctl('set-tags', 'gpu');
    for (const group of ['all', 'gpu']) {
      const sent = await alice.json<{ results: { hostname: string; status: string }[] }>(
        ...(['broadcast', group, `to ${group}`] as const),
      );
      expect(sent.results).toMatchObject([{ hostname: 'bob', status: 'delivered' }]);
    }
    await lines.stop();
  });
}, 120_000);

test('at least once: across a restart of the subscriber, a killed broker, and a program that was not done', async () => {
  await Sandbox.run(async (sandbox) => {
    const { relay, alice, bob } = await startTwoNodes(sandbox);

    const argv = ['subscribe', 'bob', 'd/#', '--at-least-once', '--json'] as const;
    const next = async (count: number): Promise<string[]> =>
      datas(await alice.json<Subscribed>(...argv, '--count', String(count), '--timeout', '30s'));
    // Nothing is there yet: the time it takes to subscribe.
    await alice.pilotctl(...argv, '--count', '1', '--timeout', '2s');
    await reached(bob, 'd/1', 'one');
    expect(await next(1)).toEqual(['one']);

    await alice.stop();
    await reached(bob, 'd/2', 'two');
    await bob.kill();
    await startNode(bob, relay);
    await reached(bob, 'd/3', 'three');
    await startNode(alice, relay);
    expect(await next(2)).toEqual(['two', 'three']);

    await reached(bob, 'd/4', 'four');
    const client = alice.client();
    const unfinished = await client.topics.subscribe('bob', 'd/#', { atLeastOnce: true });
    for await (const event of unfinished) {
      // Who leaves here is not done with it: only whoever asks for the next one is.
      expect(event).toMatchObject({ kind: 'event', topic: 'd/4' });
      break;
    }
    client.close();
    await alice.stop();
    await startNode(alice, relay);
    // In no list, and whatever is cleared.
    expect(await alice.json('inbox')).toMatchObject({ messages: [], total: 0 });
    await alice.pilotctl('inbox', '--clear');
    expect(await next(1)).toEqual(['four']);

    await alice.pilotctl('subscribe', 'bob', 'd/#', '--forget');
    await reached(bob, 'd/5', 'five', 0);
  });
}, 120_000);

test('services.event_stream: false', async () => {
  await Sandbox.run(async (sandbox) => {
    const relay = await sandbox.relay().start();
    const [alice, bob] = [sandbox.node('alice'), sandbox.node('bob')];
    await bob.pilotctl('config', '--set', 'services.event_stream=false');
    await Promise.all([alice, bob].map(async (node) => startNode(node, relay)));
    await befriend(alice, bob);
    for (const argv of [
      ['publish', 'bob', 'a', '--data', 'x'],
      ['subscribe', 'bob', 'a'],
      ['subscribe', 'bob', 'a', '--at-least-once'],
    ]) {
      const ran = await alice.tryPilotctl([...argv, '--json']);
      expect(ran.code).toBe(1);
      expect(JSON.parse(ran.stderr)).toMatchObject({ code: 'connection_refused' });
    }
  });
}, 120_000);

function dataOf({ stdout }: { readonly stdout: string }): Subscribed {
  return (JSON.parse(stdout) as { data: Subscribed }).data;
}
