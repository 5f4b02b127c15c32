/**
 * What it costs to be there:
 *
 *     pilotctl info        wall time against `node -e 0`, in turn
 *     idle daemon          resident memory, logged in at a relay
 *     relay                megabytes per 1,000 idle nodes that are logged in, and the time of a lookup
 *                          through it before and with them
 *
 * npm run bench -- footprint [nodes, 5000] [rounds, 15]
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';

import { systemClock } from '../src/base/system-clock.ts';
import { readPidFile } from '../src/home/pid-file.ts';
import { Identity } from '../src/identity/identity.ts';
import { RelayClient } from '../src/relay/client.ts';
import { dialWebSocket } from '../src/relay/dial-websocket.ts';
import { eventually } from '../test/support/processes.ts';
import { Sandbox } from '../test/support/sandbox.ts';
import { residentMb } from './support/process-costs.ts';
import { formatComparison, quantile } from './support/ratio.ts';
import { runRole, startRole } from './support/roles.ts';

const LOGINS_AT_ONCE = 50;

const roles = {
  /** Logs in `count` nodes with keys of their own and keeps them there. */
  nodes: async (url = '', count = '') => {
    for (let left = Number(count); left > 0; left -= LOGINS_AT_ONCE) {
      await Promise.all(
        Array.from({ length: Math.min(left, LOGINS_AT_ONCE) }, async () => logIn(url)),
      );
    }
  },
};

async function logIn(url: string): Promise<RelayClient> {
  const identity = Identity.create(randomBytes, Date.now());
  const client = new RelayClient({
    url,
    identity,
    clock: systemClock,
    random: randomBytes,
    dial: dialWebSocket,
  });
  const online = new Promise<void>((resolve) => {
    client.on('online', () => {
      resolve();
    });
  });
  client.start();
  await online;
  return client;
}

function wallMs(command: string, args: readonly string[], env: NodeJS.ProcessEnv): number {
  const startedMs = performance.now();
  const { status, stderr } = spawnSync(command, args, { env });
  if (status !== 0) throw new Error(`${command} failed: ${String(stderr)}`);
  return performance.now() - startedMs;
}

async function lookupUs(client: RelayClient, key: Uint8Array): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 500; i++) {
    const startedMs = performance.now();
    await client.lookup({ key });
    times.push((performance.now() - startedMs) * 1000);
  }
  return quantile(times, 0.5);
}

async function main(): Promise<void> {
  const [nodes = 5000, rounds = 15] = process.argv.slice(2).map(Number);
  const say = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  await Sandbox.run(async (sandbox) => {
    // They all come from one address here.
    const relay = await sandbox
      .relay()
      .start(
        ...['--max-connections-per-ip', String(nodes + 10)],
        ...['--max-logins-per-second-per-prefix', '10000'],
      );
    const alice = await sandbox.node('alice').start('--relay', relay.url);

    const ours: number[] = [];
    const peer: number[] = [];
    for (let round = 0; round < rounds; round++) {
      peer.push(wallMs(process.execPath, ['-e', '0'], alice.env));
      ours.push(wallMs('pilotctl', ['info'], alice.env));
    }
    say(formatComparison({ name: 'pilotctl info against node -e 0', unit: 'ms', ours, peer }));

    const daemon = readPidFile(alice.paths.pidFile);
    if (daemon === undefined) throw new Error('no daemon');
    say(`idle daemon: ${(residentMb(daemon.pid) ?? Number.NaN).toFixed(1)} MB resident`);

    const probe = await logIn(relay.url);
    const key = Identity.create(randomBytes, Date.now()).firstKey;
    const aloneMb = residentMb(relay.pid) ?? Number.NaN;
    const aloneUs = await lookupUs(probe, key);
    const crowd = await startRole('nodes', relay.url, String(nodes));
    const crowdedMb = await eventually('the relay has settled', () => residentMb(relay.pid));
    const crowdedUs = await lookupUs(probe, key);
    const perThousand = ((crowdedMb - aloneMb) / nodes) * 1000;
    say(
      `relay: ${aloneMb.toFixed(1)} MB alone, ${crowdedMb.toFixed(1)} MB with ${nodes} idle nodes: ` +
        `${perThousand.toFixed(1)} MB per 1,000; lookup p50 ${aloneUs.toFixed(0)} µs alone, ` +
        `${crowdedUs.toFixed(0)} µs with them`,
    );
    await probe.stop();
    await crowd.stop();
  });
}

if (!(await runRole(roles))) {
  await main();
  process.exit(0);
}
