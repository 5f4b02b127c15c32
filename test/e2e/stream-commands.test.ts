import { once } from 'node:events';

import { expect, test } from 'vitest';

import { befriend, Sandbox } from '../support/sandbox.ts';

test('two daemons and a relay: connect, recv, traceroute, bench, connections, tags, and what is refused', async () => {
  await Sandbox.run(async (sandbox) => {
    const relay = await sandbox.relay().start();
    const [alice, bob, carol] = [sandbox.node('alice'), sandbox.node('bob'), sandbox.node('carol')];
    await Promise.all(
      [alice, bob, carol].map(async (node) =>
        node.start('--relay', relay.url, '--hostname', node.name),
      ),
    );
    await befriend(alice, bob);

    expect(await alice.pilotctl('send', 'bob', '7', '--data', 'hello')).toBe('hello');
    const receiving = bob.background('recv', '1000', '--json');
    await expect
      .poll(async () => alice.tryPilotctl(['connect', 'bob'], 'a file'), { timeout: 20_000 })
      .toMatchObject({ code: 0 });
    const { stdout } = await receiving.finished;
    expect(JSON.parse(stdout)).toMatchObject({
      data: { messages: [{ seq: 0, port: 1000, data: 'a file', bytes: 6 }], timeout: false },
    });

    const { hops } = await alice.json<{ hops: { hop: string }[] }>('traceroute', 'bob');
    expect(hops.map(({ hop }) => hop)).toEqual(['local', 'relay', 'peer']);
    expect(await alice.json('bench', 'bob', '2')).toMatchObject({ recv_bytes: 2 * 2 ** 20 });

    const client = alice.client();
    const held = await client.dial('bob', 7);
    const { connections } = await alice.json<Connections>('connections');
    expect(connections).toMatchObject([
      { remote_port: 7, remote_hostname: 'bob', state: 'ESTABLISHED' },
    ]);
    const broken = once(held, 'error');
    await alice.pilotctl('disconnect', String(connections[0]?.id));
    expect(await broken).toMatchObject([{ code: 'connection_failed' }]);
    client.close();

    await bob.pilotctl('set-tags', 'gpu', 'translate');
    await carol.pilotctl('set-tags', 'gpu');
    expect(await alice.json('find', '--tag', 'gpu')).toMatchObject({
      nodes: [{ hostname: 'bob', tags: ['gpu', 'translate'] }],
      total: 1,
    });

    const refused = async (code: string, ...args: string[]): Promise<void> => {
      const ran = await alice.tryPilotctl([...args, '--json']);
      expect(ran.code).toBe(1);
      expect(JSON.parse(ran.stderr)).toMatchObject({ code });
    };
    await refused('connection_refused', 'connect', 'bob', '9', '--message', 'x');
    await refused('trust_required', 'send', 'carol', '7', '--data', 'x');
    await bob.stop();
    await refused('connection_failed', 'send', 'bob', '7', '--data', 'x', '--timeout', '5s');
  });
}, 120_000);

interface Connections {
  readonly connections: readonly { readonly id: number }[];
}
