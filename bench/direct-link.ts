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
import type { Duplex } from 'node:stream';

import HyperDHT from 'hyperdht';
import createTestnet from 'hyperdht/testnet.js';

import { toHex } from '../src/base/bytes.ts';
import { DirectEnd, LOOPBACK } from './support/direct-end.ts';
import { formatComparison, quantile, verdict } from './support/ratio.ts';
import { runRole, startRole } from './support/roles.ts';

const SMALL = randomBytes(100);
const LARGE = randomBytes(64 * 1024);

/** One end of a connection of either kind. */
interface End {
  /** Resolves when there is room for more. */
  send(bytes: Uint8Array): Promise<void> | undefined;
  onBytes: (bytes: Uint8Array) => void;
}

/** Sends small things back; answers with one byte when `total` bytes of large ones are there. */
function serve(end: End, total: number): void {
  let received = 0;
  let isBulk = false;
  end.onBytes = (bytes) => {
    isBulk ||= bytes.length > SMALL.length;
    if (!isBulk) {
      void end.send(bytes);
      return;
    }
    received += bytes.length;
    if (received < total) return;
    received -= total;
    isBulk = false;
    void end.send(Uint8Array.of(1));
  };
}

class HyperEnd implements End {
  readonly #stream: Duplex;
  onBytes: (bytes: Uint8Array) => void = () => undefined;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on('data', (bytes: Buffer) => {
      this.onBytes(bytes);
    });
    stream.on('error', () => undefined);
  }

  send(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#stream.write(bytes)) return undefined;
    return once(this.#stream, 'drain').then(() => undefined);
  }
}

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
      serve(new HyperEnd(stream), Number(total));
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
  return new HyperEnd(stream);
}

async function answer(end: End): Promise<void> {
  return new Promise((resolve) => {
    end.onBytes = () => {
      resolve();
    };
  });
}

interface Measure {
  readonly name: string;
  readonly unit: string;
  readonly aim: { readonly atMost: number } | { readonly atLeast: number };
  readonly of: (end: End) => Promise<number>;
}

function roundTripUs(count: number): Measure['of'] {
  return async (end) => {
    const times: number[] = [];
    for (let i = 0; i < count; i++) {
      const startedMs = performance.now();
      const answered = answer(end);
      void end.send(SMALL);
      await answered;
      times.push((performance.now() - startedMs) * 1000);
    }
    return quantile(times, 0.5);
  };
}

function megabytesPerSecond(total: number): Measure['of'] {
  return async (end) => {
    const startedMs = performance.now();
    const answered = answer(end);
    for (let sent = 0; sent < total; sent += LARGE.length) await end.send(LARGE);
    await answered;
    return total / 1000 / (performance.now() - startedMs);
  };
}

/** In turn, so that what else the machine does is the same for both. */
async function compare(ours: End, peer: End, rounds: number, measure: Measure): Promise<void> {
  const sides = [
    { end: peer, values: [] as number[], cpuMs: [] as number[] },
    { end: ours, values: [] as number[], cpuMs: [] as number[] },
  ] as const;
  for (let round = -1; round < rounds; round++) {
    for (const { end, values, cpuMs } of sides) {
      const before = process.cpuUsage();
      const value = await measure.of(end);
      const { user, system } = process.cpuUsage(before);
      if (round < 0) continue; // warm-up
      values.push(value);
      cpuMs.push((user + system) / 1000);
    }
  }
  const [theirs, own] = sides;
  const { name, unit, aim } = measure;
  const ratio = quantile(
    own.values.map((value, round) => value / (theirs.values[round] ?? Number.NaN)),
    0.5,
  );
  const comparison = formatComparison({ name, unit, ours: own.values, peer: theirs.values });
  const cpu = quantile(own.cpuMs, 0.5) / quantile(theirs.cpuMs, 0.5);
  process.stdout.write(
    `${comparison}; processor time of this end ${cpu.toFixed(2)} times; ${verdict(ratio, aim)}\n`,
  );
}

async function main(): Promise<void> {
  const [rounds = 5, megabytes = 200, trips = 5000] = process.argv.slice(2).map(Number);
  const total = Math.ceil((megabytes * 1e6) / LARGE.length) * LARGE.length;
  const ours = await connectOurs(total);
  const peer = await connectHyperDht(total);
  await compare(ours, peer, rounds, {
    ...{ name: '100 B round trip, p50, against HyperDHT', unit: 'µs', aim: { atMost: 1.2 } },
    of: roundTripUs(trips),
  });
  await compare(ours, peer, rounds, {
    ...{ name: '64 KiB writes, against HyperDHT', unit: 'MB/s', aim: { atLeast: 0.8 } },
    of: megabytesPerSecond(total),
  });
}

if (!(await runRole(roles))) {
  await main();
  process.exit(0);
}
