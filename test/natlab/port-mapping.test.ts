/** Ports at a real gateway, miniupnpd: granted, in use, renewed, given back. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';

import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';

import type { Netcheck } from '../../src/client/api.ts';
import type { PortMappingState } from '../../src/daemon/links/port-mapping.ts';
import { BundledProgram } from '../support/bundled-program.ts';
import { needsProgram } from '../support/foreign-program.ts';
import { eventually } from '../support/processes.ts';
import { Sandbox } from '../support/sandbox.ts';
import { DatagramAgent } from './datagram-agent.ts';
import { describeWithLab } from './describe-with-lab.ts';
import { Lab } from './lab.ts';
import { type GatewayLease, Miniupnpd, PUBLIC_V4 } from './miniupnpd.ts';
import type { Namespace } from './namespace.ts';
import { startServers } from './servers.ts';
import { startStation, trustEachOther } from './station.ts';

vi.setConfig({ testTimeout: 40_000, hookTimeout: 40_000 });

const PORT = 4711;
const HOUR_MS = 3_600_000;
const LIFETIME_S = 7_200;

/** mapping-program.ts */
interface MappingRun {
  readonly state: PortMappingState;
  readonly advance: (ms: number) => void;
  readonly stop: () => Promise<void>;
}

describeWithLab('a port at a real gateway', () => {
  let program: BundledProgram;

  beforeAll(async () => {
    program = await BundledProgram.build('test/natlab/mapping-program.ts');
  });

  afterAll(() => {
    program.remove();
  });

  function ownFolder(name: string): string {
    const own = path.join(program.folder, name);
    mkdirSync(own);
    return own;
  }

  /** Asks for the port, and returns with what came of it. */
  async function startMapping(host: Namespace): Promise<MappingRun> {
    const running = host.spawn([process.execPath, program.file, String(PORT)]);
    const [state] = await running.line(/^{"status":"(mapped|none)".*/);
    return {
      state: JSON.parse(state) as PortMappingState,
      advance: (ms) => {
        running.child.stdin.write(`${ms}\n`);
      },
      stop: async () => {
        running.child.stdin.end();
        expect(await running.finished).toMatchObject({ code: 0, stderr: '' });
        // Searching, mapped and stopped: it was never without.
        expect(running.lines).toHaveLength(3);
      },
    };
  }

  beforeEach((context) => {
    needsProgram(context, 'miniupnpd', 'miniupnpd-nftables');
  });

  test.concurrent.each([
    ['pcp', 'pcp'],
    ['nat-pmp', 'nat-pmp'],
    ['upnp', 'upnp'],
    ['upnp-1', 'upnp'],
  ] as const)('by %s alone', async (speaks, protocol) => {
    await Lab.run(async (lab) => {
      const site = await lab.site('symmetric-random', { outerV4: PUBLIC_V4, hosts: 2 });
      const gateway = await Miniupnpd.start(site, ownFolder(speaks), [speaks]);
      const inner = `${site.addressesOf().v4 ?? ''}:${PORT}`;
      const external = { host: PUBLIC_V4, port: PORT };
      const daemon = await startMapping(site.host);
      expect(daemon.state).toEqual({ status: 'mapped', protocol, external });
      const granted = onlyLease(gateway);
      expect(granted).toMatchObject({ outerPort: PORT, inner });
      expect(await gateway.forwards()).toEqual([inner]);

      const [host, stranger] = await Promise.all([
        DatagramAgent.start(site.host),
        DatagramAgent.start((await lab.server('stranger')).namespace),
      ]);
      await host.bind('mapped', '0.0.0.0', PORT);
      await stranger.bind('any', '0.0.0.0');
      stranger.send('any', external, 'unasked');
      expect(await host.arrival('unasked')).toMatchObject({ socket: 'mapped' });

      // The gateway counts in seconds, and not always the same ones: only a renewal two later is sure to show.
      await eventually('two seconds later', () => {
        return Date.now() / 1000 >= granted.endsAt - LIFETIME_S + 2 || undefined;
      });
      daemon.advance(HOUR_MS);
      await eventually('the lease ends later', () => {
        return gateway.leases().some(({ endsAt }) => endsAt > granted.endsAt) || undefined;
      });
      expect(onlyLease(gateway)).toMatchObject({ outerPort: PORT, inner });
      expect(await gateway.forwards()).toEqual([inner]);

      // To another host the port is not free, and what that one gives back is its own.
      const rival = await startMapping(site.hosts[1] ?? site.host);
      expect(rival.state).toMatchObject({ status: 'mapped', protocol });
      expect(gateway.leases()).toHaveLength(2);
      await rival.stop();
      expect(onlyLease(gateway)).toMatchObject({ outerPort: PORT, inner });
      expect(await gateway.forwards()).toEqual([inner]);

      await daemon.stop();
      expect(gateway.leases()).toEqual([]);
      expect(await gateway.forwards()).toEqual([]);
      await gateway.stop();
    });
  });

  test('makes a path between two NATs that have none without it', async () => {
    await Lab.run(async (lab) =>
      Sandbox.run(async (sandbox) => {
        const servers = await startServers(lab, sandbox);
        const place = { name: 'alice', outerV4: PUBLIC_V4 };
        const [site, other] = await Promise.all([
          lab.site('symmetric-random', place),
          lab.site('symmetric-random', { name: 'bob' }),
        ]);
        const gateway = await Miniupnpd.start(site, sandbox.folder, ['pcp', 'nat-pmp', 'upnp']);
        const [alice, bob] = await Promise.all([
          startStation(sandbox, servers, { name: 'alice', host: site.host }),
          startStation(sandbox, servers, { name: 'bob', host: other.host }),
        ]);
        await eventually('the daemon has a port', () => gateway.leases().length === 1 || undefined);
        const { outerPort } = onlyLease(gateway);
        await trustEachOther([[alice, bob]]);
        await alice.untilOnline(bob);
        await alice.client.send(bob.id, { text: 'hello' });
        expect(await bob.untilDirect(alice, performance.now() + 10_000)).toBeDefined();
        expect(await bob.peer(alice)).toMatchObject({ endpoint: `${PUBLIC_V4}:${outerPort}` });

        const { port_mapping } = await alice.node.json<Netcheck & Record<string, unknown>>(
          'netcheck',
        );
        expect(port_mapping).toMatchObject({ status: 'mapped', protocol: 'pcp', failures: [] });
        // Netcheck's own is gone again, the daemon's is not.
        expect(onlyLease(gateway).outerPort).toBe(outerPort);
        await alice.node.stop();
        expect(gateway.leases()).toEqual([]);
        expect(await gateway.forwards()).toEqual([]);
        await gateway.stop();
      }),
    );
  });
});

function onlyLease(gateway: Miniupnpd): GatewayLease {
  const leases = gateway.leases();
  const [lease] = leases;
  if (lease === undefined || leases.length > 1) throw new Error(JSON.stringify(leases));
  return lease;
}
