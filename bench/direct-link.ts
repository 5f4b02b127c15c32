/**
 * Our session over a direct link against HyperDHT's encrypted stream, both over UDX on loopback, each end a
 * process of its own:
 *
 *     100 B there and back, one at a time, p50
 *     64 KiB writes as fast as they are taken, until the last one is there
 *
 * npm run bench -- direct-link [rounds, 5] [MB per round, 200] [round trips, 5000]
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';

import HyperDHT from 'hyperdht';
import createTestnet from 'hyperdht/testnet.js';

import { toHex } from '../src/base/bytes.ts';
import { DirectEnd, LOOPBACK } from './support/direct-end.ts';
import {
  DuplexEnd,
  type End,
  megabytesPerSecond,
  roundTripUs,
  serve,
  wholePieces,
} from './support/ends.ts';
import { runRole, startRole } from './support/roles.ts';
import { compareSides, ownCpuMs } from './support/sides.ts';

const roles = {
  ours: async (ownSeed = '', peerSeed = '', peerPort = '', total = '') => {
    const end = new DirectEnd(ownSeed, peerSeed);
    end.connect(Number(peerPort), 2, 1);
    serve(end, Number(total));
    return Promise.resolve(end.localPort);
  },

  hyperdht: async (bootstrap = '', total = '') => {
    const nodes = JSON.parse(bootstrap) as unknown[];
    const keyPair = HyperDHT.keyPair();
    const server = new HyperDHT({ bootstrap: nodes, host: LOOPBACK }).createServer((stream) => {
      serve(new DuplexEnd(stream), Number(total));
    });
    await server.listen(keyPair);
    return toHex(keyPair.publicKey);
  },
};

async function connectOurs(total: number): Promise<End> {
  const [own, peer] = [toHex(randomBytes(32)), toHex(randomBytes(32))] as const;
  const end = new DirectEnd(own, peer);
  const ownPort = String(end.localPort);
  const child = await startRole('ours', peer, own, ownPort, String(total));
  end.connect(Number(child.ready), 1, 2);
  end.session.open();
  await end.opened;
  return end;
}

async function connectHyperDht(total: number): Promise<End> {
  const { bootstrap } = await createTestnet(3);
  const child = await startRole('hyperdht', JSON.stringify(bootstrap), String(total));
  const dht = new HyperDHT({ bootstrap, host: LOOPBACK });
  const stream = dht.connect(Buffer.from(String(child.ready), 'hex'));
  await once(stream, 'open');
  return new DuplexEnd(stream);
}

async function main(): Promise<void> {
  const [rounds = 5, megabytes = 200, trips = 5000] = process.argv.slice(2).map(Number);
  const total = wholePieces(megabytes * 1e6);
  const ours = await connectOurs(total);
  const peer = await connectHyperDht(total);
  await compareSides({
    ...{
      name: '100 B round trip, p50, against HyperDHT',
      unit: 'µs',
      aim: { atMost: 1.2 },
      rounds,
    },
    ours: { measure: async () => roundTripUs(ours, trips), cpuMs: ownCpuMs },
    peer: { measure: async () => roundTripUs(peer, trips), cpuMs: ownCpuMs },
  });
  await compareSides({
    ...{ name: '64 KiB writes, against HyperDHT', unit: 'MB/s', aim: { atLeast: 0.8 }, rounds },
    ours: { measure: async () => megabytesPerSecond([ours], total), cpuMs: ownCpuMs },
    peer: { measure: async () => megabytesPerSecond([peer], total), cpuMs: ownCpuMs },
  });
}

if (!(await runRole(roles))) {
  await main();
  process.exit(0);
}
