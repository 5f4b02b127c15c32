/**
 * Two hosts on an internet of their own (test/natlab), each with a daemon; they trust each other and their session has a
 * direct path. A program for one of them runs inside its network: only there are its addresses and its loopback.
 */
import { readPidFile } from '../../src/home/pid-file.ts';
import { Lab, missingForLab } from '../../test/natlab/lab.ts';
import { startServers } from '../../test/natlab/servers.ts';
import { startStation, type Station, trustEachOther } from '../../test/natlab/station.ts';
import { Sandbox } from '../../test/support/sandbox.ts';

export interface DirectHost {
  readonly id: string;
  /** Of the daemon. */
  readonly socketPath: string;
  readonly pid: number;
  /** IPv6, which ICE prefers where both sides have it. */
  readonly address: string;
  /** What goes before a program, so that it runs there. */
  readonly inside: readonly string[];
}

const DIRECT_WITHIN_MS = 10_000;

export async function onDirectHosts(
  run: (near: DirectHost, far: DirectHost) => Promise<void>,
): Promise<void> {
  const missing = missingForLab();
  if (missing !== undefined) throw new Error(`no network namespaces: ${missing}`);
  await Lab.run(async (lab) =>
    Sandbox.run(async (sandbox) => {
      const servers = await startServers(lab, sandbox);
      const places = await Promise.all(
        ['near', 'far'].map(async (name) => {
          const site = await lab.site('open', { name });
          return { site, station: await startStation(sandbox, servers, { name, host: site.host }) };
        }),
      );
      const [near, far] = places;
      if (near === undefined || far === undefined) throw new Error('two hosts were asked for');
      await trustEachOther([[near.station, far.station]]);
      await goDirect(near.station, far.station);
      const [a, b] = places.map(({ site, station }): DirectHost => ({
        ...{ id: station.id, socketPath: station.node.paths.socket, pid: pidOf(station) },
        ...{ address: site.addressesOf().v6 ?? '', inside: site.host.inside },
      }));
      if (a === undefined || b === undefined) throw new Error('two hosts were asked for');
      for (const { station } of places) station.client.close();
      await run(a, b);
    }),
  );
}

/** A message opens the session, and a session looks for the direct path. */
async function goDirect(near: Station, far: Station): Promise<void> {
  await near.untilOnline(far);
  await near.client.send(far.id, 'hello');
  const atMs = await near.untilDirect(far, performance.now() + DIRECT_WITHIN_MS);
  if (atMs === undefined) throw new Error(`no direct path within ${DIRECT_WITHIN_MS} ms`);
}

function pidOf({ node }: Station): number {
  const record = readPidFile(node.paths.pidFile);
  if (record === undefined) throw new Error(`${node.name} has no daemon`);
  return record.pid;
}
