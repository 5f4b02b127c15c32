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

import { fromHex, toHex } from '../src/base/bytes.ts';
import { systemClock } from '../src/base/system-clock.ts';
import { DirectLink } from '../src/daemon/links/direct-link.ts';
import { UdpPort } from '../src/daemon/links/udp-port.ts';
import { Identity } from '../src/identity/identity.ts';
import { Session } from '../src/session/session.ts';
import { formatComparison, quantile } from './support/ratio.ts';
import { runRole, startRole } from './support/roles.ts';

const SMALL = randomBytes(100);
const LARGE = randomBytes(64 * 1024);
const HOST = '127.0.0.1';

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

class OurEnd implements End {
  readonly port = new UdpPort({ port: 0, interfaces: 'loopback', datagram: () => undefined });
  readonly session: Session;
  readonly opened: Promise<void>;
  onBytes: (bytes: Uint8Array) => void = () => undefined;
  #onWritable: () => void = () => undefined;

  constructor(ownSeed: string, peerSeed: string) {
    let onOpened: () => void = () => undefined;
    this.opened = new Promise((resolve) => (onOpened = resolve));
    this.session = new Session({
      identity: identityOf(ownSeed),
      remote: identityOf(peerSeed).chain,
      clock: systemClock,
      random: randomBytes,
      handlers: {
        admit: () => ({ accept: true }),
        opened: onOpened,
        refused: () => undefined,
        message: (body) => {
          this.onBytes(body);
        },
        datagram: () => undefined,
        writable: () => {
          this.#onWritable();
        },
        rotated: () => undefined,
        closed: () => undefined,
      },
    });
  }

  connect(remotePort: number, localId: number, remoteId: number): void {
    const link = new DirectLink({
      ...{ port: this.port, clock: systemClock, base: 'v4', localId, remoteId },
      remote: { host: HOST, port: remotePort },
      handlers: {
        packet: (packet) => {
          this.session.receive(packet);
        },
        closed: (reason) => {
          throw new Error(`the link ended: ${reason}`);
        },
      },
    });
    this.session.setLink(link);
  }

  send(bytes: Uint8Array): Promise<void> | undefined {
    if (this.session.send(bytes)) return undefined;
    return this.#sendLater(bytes);
  }

  async #sendLater(bytes: Uint8Array): Promise<void> {
    do {
      await new Promise<void>((resolve) => (this.#onWritable = resolve));
    } while (!this.session.send(bytes));
  }
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

function identityOf(seed: string): Identity {
  return Identity.create(() => fromHex(seed), 0);
}

const roles = {
  ours: async (ownSeed = '', peerSeed = '', peerPort = '', total = '') => {
    const end = new OurEnd(ownSeed, peerSeed);
    end.connect(Number(peerPort), 2, 1);
    serve(end, Number(total));
    return Promise.resolve(end.port.portOf('v4'));
  },

  hyperdht: async (bootstrap = '', total = '') => {
    const nodes = JSON.parse(bootstrap) as unknown[];
    const keyPair = HyperDHT.keyPair();
    const server = new HyperDHT({ bootstrap: nodes, host: HOST }).createServer((stream) => {
      serve(new HyperEnd(stream), Number(total));
    });
    await server.listen(keyPair);
    return toHex(keyPair.publicKey);
  },
};

async function connectOurs(total: number): Promise<End> {
  const [own, peer] = [toHex(randomBytes(32)), toHex(randomBytes(32))] as const;
  const end = new OurEnd(own, peer);
  const ownPort = String(end.port.portOf('v4'));
  const child = await startRole('ours', peer, own, ownPort, String(total));
  end.connect(Number(child.ready), 1, 2);
  end.session.open();
  await end.opened;
  return end;
}

async function connectHyperDht(total: number): Promise<End> {
  const { bootstrap } = await createTestnet(3);
  const child = await startRole('hyperdht', JSON.stringify(bootstrap), String(total));
  const dht = new HyperDHT({ bootstrap, host: HOST });
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

async function roundTripUs(end: End, count: number): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const startedMs = performance.now();
    const answered = answer(end);
    void end.send(SMALL);
    await answered;
    times.push((performance.now() - startedMs) * 1000);
  }
  return quantile(times, 0.5);
}

async function megabytesPerSecond(end: End, total: number): Promise<number> {
  const startedMs = performance.now();
  const answered = answer(end);
  for (let sent = 0; sent < total; sent += LARGE.length) await end.send(LARGE);
  await answered;
  return total / 1000 / (performance.now() - startedMs);
}

async function main(): Promise<void> {
  const [rounds = 5, megabytes = 200, trips = 5000] = process.argv.slice(2).map(Number);
  const total = Math.ceil((megabytes * 1e6) / LARGE.length) * LARGE.length;
  const ours = await connectOurs(total);
  const peer = await connectHyperDht(total);
  const compare = async (
    name: string,
    unit: string,
    measure: (end: End) => Promise<number>,
  ): Promise<void> => {
    const figures: { ours: number[]; peer: number[] } = { ours: [], peer: [] };
    for (let round = -1; round < rounds; round++) {
      const theirs = await measure(peer);
      const own = await measure(ours);
      if (round < 0) continue; // warm-up
      figures.peer.push(theirs);
      figures.ours.push(own);
    }
    process.stdout.write(`${formatComparison({ name, unit, ...figures })}\n`);
  };
  await compare('100 B round trip, p50, against HyperDHT', 'µs', async (end) =>
    roundTripUs(end, trips),
  );
  await compare('64 KiB writes, against HyperDHT', 'MB/s', async (end) =>
    megabytesPerSecond(end, total),
  );
}

if (!(await runRole(roles))) {
  await main();
  process.exit(0);
}
