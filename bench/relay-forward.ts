/**
 * What our relay forwards, against a bare `ws` forwarder: small frames in messages per second, large ones in
 * megabytes per second. Forwarder, sender and receiver are processes of their own, with the same client code;
 * rounds alternate between the two.
 *
 * npm run bench -- relay-forward [rounds, 5]        (or: node bench/run.mjs relay-forward)
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';

import { WebSocket } from 'ws';

import { fromHex, toHex } from '../src/base/bytes.ts';
import { systemClock } from '../src/base/system-clock.ts';
import { Identity } from '../src/identity/identity.ts';
import { SecretKey } from '../src/identity/secret-key.ts';
import { openAccess } from '../src/relay/access.ts';
import { decodeRelayMessage, encodeNodeMessage } from '../src/relay/control.ts';
import { DEFAULT_LIMITS } from '../src/relay/limits.ts';
import { answerChallenge } from '../src/relay/login.ts';
import { MemoryDirectory } from '../src/relay/memory-directory.ts';
import { MemoryMailbox } from '../src/relay/memory-mailbox.ts';
import { dataFrame, FRAME, SUBPROTOCOL } from '../src/relay/protocol.ts';
import { RelayServer } from '../src/relay/relay-server.ts';
import { connectBare, startBareForwarder } from './support/bare-forwarder.ts';
import { formatComparison } from './support/ratio.ts';
import { runRole, startRole } from './support/roles.ts';

type Kind = 'ours' | 'bare';

/** `ack`: the receiver answers every so many frames; four of those are under way, 3.6 MB at most. */
const LOADS = [
  { name: '300 B', bytes: 300, frames: 300_000, ack: 3000, unit: 'messages/s', perFrame: 1 },
  { name: '60 KB', bytes: 60_000, frames: 9600, ack: 15, unit: 'MB/s', perFrame: 0.06 },
];
const ACKS_UNDER_WAY = 4;
/** Unsent bytes in the sender: enough to keep the line busy. */
const MAX_BUFFERED_BYTES = 1024 * 1024;
const UNLIMITED = 1e12;

const roles = {
  bare: startBareForwarder,

  ours: async () => {
    const limits = {
      ...DEFAULT_LIMITS,
      maxFramesPerSecond: UNLIMITED,
      maxBytesPerSecond: UNLIMITED,
    };
    const quiet = (): void => undefined;
    const server = new RelayServer({
      secret: SecretKey.generate(randomBytes),
      listen: { host: '127.0.0.1', port: 0 },
      access: openAccess,
      duplicates: 'newest',
      limits,
      directory: new MemoryDirectory({ maxRecords: 100, nameIdleMs: UNLIMITED }),
      mailbox: new MemoryMailbox(limits),
      clock: systemClock,
      random: randomBytes,
      log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    });
    await server.start();
    return `ws://127.0.0.1:${server.endpoint.port}/`;
  },

  receiver: async (kind = '', url = '', load = '', seeds = '') => {
    const { ack } = loadOf(load);
    const { socket, peer } = await connect(kind as Kind, url, seeds);
    const answer = dataFrame(peer, new Uint8Array(1));
    let received = 0;
    socket.on('message', (data: Buffer) => {
      if (data[0] !== FRAME.data) return;
      received += 1;
      if (received % ack === 0) socket.send(answer);
    });
  },

  /** Sends one round, and is ready when it is over: with its duration in milliseconds. */
  sender: async (kind = '', url = '', load = '', seeds = '') => {
    const { socket, peer } = await connect(kind as Kind, url, seeds);
    const frame = dataFrame(peer, randomBytes(loadOf(load).bytes));
    return round(socket, frame, loadOf(load));
  },
};

function loadOf(index: string): (typeof LOADS)[number] {
  const load = LOADS[Number(index)];
  if (load === undefined) throw new Error(`no load ${index}`);
  return load;
}

/** Logs in at our relay and waits for the other; the bare forwarder knows no names. */
async function connect(
  kind: Kind,
  url: string,
  seeds: string,
): Promise<{ socket: WebSocket; peer: Uint8Array }> {
  const [own, other] = seeds.split(',').map((seed) => identityOf(fromHex(seed)));
  if (own === undefined || other === undefined) throw new Error('two seeds are needed');
  const peer = other.firstKey;
  if (kind === 'bare') return { socket: await connectBare(url), peer };
  const socket = new WebSocket(url, SUBPROTOCOL, { perMessageDeflate: false });
  socket.on('message', (frame: Buffer) => {
    if (frame[0] !== FRAME.control) return;
    const message = decodeRelayMessage(frame);
    if (message?.t === 'challenge') {
      const nonce = randomBytes(32);
      const login = answerChallenge(message, { identity: own, instance: randomBytes(16), nonce });
      socket.send(encodeNodeMessage(login));
    } else if (message?.t === 'welcome') {
      socket.send(encodeNodeMessage({ t: 'watch', add: [peer], remove: [] }));
      socket.emit('welcome');
    }
  });
  await once(socket, 'welcome');
  return { socket, peer };
}

function identityOf(seed: Uint8Array): Identity {
  return Identity.create(() => seed, 0);
}

async function round(
  socket: WebSocket,
  frame: Uint8Array,
  { frames, ack }: { readonly frames: number; readonly ack: number },
): Promise<number> {
  let acknowledged = 0;
  let proceed: () => void = () => undefined;
  socket.on('message', (data: Buffer) => {
    if (data[0] !== FRAME.data) return;
    acknowledged += ack;
    proceed();
  });
  const progress = async (): Promise<void> =>
    new Promise((resolve) => {
      proceed = resolve;
    });
  const startedMs = performance.now();
  for (let sent = 0; sent < frames; sent++) {
    while (sent - acknowledged >= ACKS_UNDER_WAY * ack) await progress();
    socket.send(frame);
    if (socket.bufferedAmount > MAX_BUFFERED_BYTES) await setImmediate();
  }
  while (acknowledged < frames) await progress();
  return performance.now() - startedMs;
}

async function main(): Promise<void> {
  const rounds = Number(process.argv[2] ?? 5);
  for (const index of LOADS.keys()) {
    process.stdout.write(`${await compare(String(index), rounds)}\n`);
  }
}

async function compare(index: string, rounds: number): Promise<string> {
  const seeds = [0, 1].map(() => toHex(randomBytes(32)));
  const start = async (kind: Kind): Promise<{ url: string; stop: () => Promise<void> }> => {
    const forwarder = await startRole(kind);
    const url = String(forwarder.ready);
    const names = [...seeds].reverse().join(',');
    const receiver = await startRole('receiver', kind, url, index, names);
    return {
      url,
      stop: async () => {
        await Promise.all([receiver.stop(), forwarder.stop()]);
      },
    };
  };
  const forwarders = { ours: await start('ours'), bare: await start('bare') };
  const { name, frames, unit, perFrame } = loadOf(index);
  const rate = async (kind: Kind): Promise<number> => {
    const sender = await startRole('sender', kind, forwarders[kind].url, index, seeds.join(','));
    await sender.stop();
    return (frames * perFrame * 1000) / Number(sender.ready);
  };
  // The first pair is for the compilers to warm up.
  await rate('ours');
  await rate('bare');
  const [ours, peer]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    ours.push(await rate('ours'));
    peer.push(await rate('bare'));
  }
  await Promise.all([forwarders.ours.stop(), forwarders.bare.stop()]);
  return formatComparison({ name: `forwarding ${name}`, unit, ours, peer });
}

if (!(await runRole(roles))) {
  await main();
  process.exit(0);
}
