/** Paths over data channels, with the real programs behind real NATs. */
import { readFileSync } from 'node:fs';

import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';

import { type EventMap, payloadText } from '../../src/client/client.ts';
import { readPidFile } from '../../src/home/pid-file.ts';
import { eventually } from '../support/processes.ts';
import { Sandbox } from '../support/sandbox.ts';
import { describeWithLab } from './describe-with-lab.ts';
import { inParallel } from './in-parallel.ts';
import { Lab } from './lab.ts';
import { startServers } from './servers.ts';
import type { Site, SiteKind } from './site.ts';
import { startStation, type Station, trustEachOther } from './station.ts';

const LIMIT_MS = 60_000;
/** The promise for a path that is in use. */
const AWAY_WITHIN_MS = 3000;
vi.setConfig({ testTimeout: LIMIT_MS });

const PLACES = [
  { name: 'alice', kind: 'home', transport: 'webrtc' },
  { name: 'bob', kind: 'home', transport: 'webrtc' },
  { name: 'carol', kind: 'home', transport: 'auto' },
  { name: 'dave', kind: 'home', transport: 'udx' },
  { name: 'erin', kind: 'symmetric-random', transport: 'webrtc' },
] as const satisfies readonly { name: string; kind: SiteKind; transport: string }[];
type Name = (typeof PLACES)[number]['name'];

describeWithLab('data channels', () => {
  let lab: Lab;
  let sandbox: Sandbox;
  const over = new AbortController();
  const sites = new Map<Name, Site>();
  const stations = new Map<Name, Station>();

  function at(name: Name): Station {
    const station = stations.get(name);
    if (station === undefined) throw new Error(`no ${name}`);
    return station;
  }

  beforeAll(async () => {
    lab = await Lab.open();
    sandbox = new Sandbox();
    const servers = await startServers(lab, sandbox);
    await inParallel(
      2,
      PLACES.map(({ name, kind, transport }) => async () => {
        const site = await lab.site(kind, { name });
        sites.set(name, site);
        const options = ['--transport', transport];
        const station = await startStation(sandbox, servers, { name, host: site.host, options });
        stations.set(name, station);
        await station.listen(over.signal);
      }),
    );
    const [alice, bob, carol] = [at('alice'), at('bob'), at('carol')];
    await trustEachOther([
      [alice, bob],
      [alice, carol],
      [alice, at('dave')],
      [carol, at('erin')],
    ]);
  }, LIMIT_MS);

  afterEach(async () => sites.get('alice')?.unblockUdp());

  afterAll(async () => {
    over.abort(new Error('done'));
    for (const { client } of stations.values()) client.close();
    await sandbox.close();
    await lab.close();
  });

  function pidOf(name: Name): number {
    const record = readPidFile(at(name).node.paths.pidFile);
    if (record === undefined) throw new Error(`${name} has no daemon`);
    return record.pid;
  }

  /** The processes with the WebRTC library: at most one. */
  function childrenOf(name: Name): readonly number[] {
    const pid = pidOf(name);
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  }

  async function untilPath(from: Name, to: Name, path: string, timeoutMs = 15_000): Promise<void> {
    await eventually(
      `${from} reaches ${to} by ${path}`,
      async () => (await at(from).peer(at(to)))?.path === path || undefined,
      timeoutMs,
    );
  }

  async function connected(from: Name, to: Name): Promise<void> {
    await at(from).client.send(at(to).id, 'hello');
    await untilPath(from, to, 'webrtc');
    await untilPath(to, from, 'webrtc');
  }

  /** Sends so many in a row and expects each of them once, in order. */
  async function flows(from: Name, to: Name, count: number, during?: () => void): Promise<void> {
    const texts = Array.from({ length: count }, (_, n) => `${from} ${performance.now()} ${n}`);
    const subscription = new AbortController();
    const events = await at(to).client.subscribe(['message.received'], {
      signal: subscription.signal,
    });
    const heard: string[] = [];
    const all = (async () => {
      for await (const { data } of events) {
        const text = payloadText(data);
        if (texts.includes(text)) heard.push(text);
        if (heard.length === count) return;
      }
    })();
    for (const [n, text] of texts.entries()) {
      if (n === Math.floor(count / 2)) during?.();
      await at(from).client.send(at(to).id, text);
    }
    await all;
    subscription.abort(new Error('done'));
    expect(heard).toEqual(texts);
  }

  test('no process with the library before a peer is spoken to', () => {
    expect(childrenOf('alice')).toEqual([]);
  });

  test('home to home: found, told of, and messages go both ways', async () => {
    const told: EventMap['path.opened'][] = [];
    const subscription = new AbortController();
    const events = await at('alice').client.subscribe(['path.opened'], {
      signal: subscription.signal,
    });
    const opened = (async () => {
      for await (const { data } of events) {
        told.push(data);
        return;
      }
    })();
    await connected('alice', 'bob');
    await opened;
    subscription.abort(new Error('done'));
    expect(told[0]).toMatchObject({ path: 'webrtc', before: 'relay', id: at('bob').id });
    const peer = await at('alice').peer(at('bob'));
    expect(peer?.why_not_direct).toBe('');
    expect(peer?.endpoint.startsWith(`${sites.get('bob')?.outerV4 ?? ''}:`)).toBe(true);
    await flows('alice', 'bob', 200);
    await flows('bob', 'alice', 200);
    const pong = await at('alice').client.ping(at('bob').id, { path: 'direct' });
    expect(pong.path).toBe('webrtc');
    expect(childrenOf('alice')).toHaveLength(1);
  });

  test('a node that has UDX goes by data channel where the other one has none', async () => {
    await connected('alice', 'carol');
    await flows('carol', 'alice', 50);
  });

  test('a NAT whose ports have to be guessed', async () => {
    await connected('carol', 'erin');
    await flows('erin', 'carol', 50);
  });

  test('no data channels on one side, no UDX on the other: the relay, and why', async () => {
    await at('alice').client.send(at('dave').id, 'hello');
    const why = await eventually('a reason', async () => {
      const peer = await at('dave').peer(at('alice'));
      return peer?.why_not_direct.includes('no data channels') === true ? peer : undefined;
    });
    expect(why.path).toBe('relay');
    await flows('dave', 'alice', 20);
  });

  test('SIGKILL of the process with the library: nothing is lost, and the path comes back', async () => {
    await connected('alice', 'bob');
    const [before] = childrenOf('alice');
    if (before === undefined) throw new Error('no process');
    await flows('alice', 'bob', 300, () => process.kill(before, 'SIGKILL'));
    await connected('alice', 'bob');
    const [after] = childrenOf('alice');
    expect(after).not.toBe(before);
    await flows('bob', 'alice', 50);
  });

  test('a path that is dead while in use is left within 3 s, and comes back', async () => {
    await connected('alice', 'bob');
    await sites.get('alice')?.blockUdp();
    const startMs = performance.now();
    await flows('alice', 'bob', 1);
    expect(performance.now() - startMs).toBeLessThan(AWAY_WITHIN_MS);
    await untilPath('alice', 'bob', 'relay', AWAY_WITHIN_MS);
    await sites.get('alice')?.unblockUdp();
    await at('alice').client.preferDirect(at('bob').id);
    await untilPath('alice', 'bob', 'webrtc');
  });

  test('the end of trust is the end of the channel', async () => {
    await connected('alice', 'carol');
    await at('carol').client.untrust(at('alice').id);
    await eventually('the peer is gone', async () => {
      const peer = await at('alice').peer(at('carol'));
      return peer === undefined || peer.path === '' || undefined;
    });
  });

  test('a daemon that stops takes the process along, and its peers hear of it at once', async () => {
    await connected('alice', 'bob');
    const [child] = childrenOf('bob');
    if (child === undefined) throw new Error('no process');
    await at('bob').node.stop();
    expect(() => process.kill(child, 0)).toThrow('ESRCH');
    await untilPath('alice', 'bob', '', 2000);
  });
});
