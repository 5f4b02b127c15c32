import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import path from 'node:path';

import { onTestFinished } from 'vitest';

import { fromHex, toHex } from '../../../src/base/bytes.ts';
import { systemClock } from '../../../src/base/system-clock.ts';
import { PilotClient } from '../../../src/client/client.ts';
import { Daemon } from '../../../src/daemon/daemon.ts';
import { openNode } from '../../../src/daemon/open-node.ts';
import { HomePaths } from '../../../src/home/home-paths.ts';
import { startRelay, type TestRelay } from '../../relay/support/relay-fixture.ts';
import { eventually, STEP_TIMEOUT_MS } from '../../support/processes.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** A whole daemon in this process, over real sockets, with a socket for original clients. */
export interface IpcNode {
  readonly socketPath: string;
  readonly paths: HomePaths;
  readonly client: PilotClient;
  /** u32 of the address, and its 8 hex digits. */
  readonly number: number;
  readonly hex: string;
  readonly address: string;
  readonly log: string[];
  readonly stop: () => Promise<void>;
}

export async function startNode(relay: TestRelay, name: string): Promise<IpcNode> {
  const home = temporaryFolder();
  const env = { PILOT_HOME: home, PILOT_NAT_TRAVERSAL: 'off' };
  const paths = HomePaths.of(env);
  const socketPath = path.join(home, 'pilot.sock');
  const log: string[] = [];
  const daemon = new Daemon({
    ...{ env, clock: systemClock, random: randomBytes, openNode },
    flags: {
      'protocol.connection.relays': [relay.url],
      'node.hostname': name,
      'api.pilot_ipc': socketPath,
    },
    sink: { write: (line) => log.push(line) },
    rotateLog: () => false,
  });
  onTestFinished(async () => daemon.stop());
  await daemon.start();
  const client = new PilotClient({ socketPath: paths.socket });
  onTestFinished(() => {
    client.close();
  });
  const { node_id: number, address } = await client.info();
  const hex = number.toString(16).padStart(8, '0');
  const stop = async (): Promise<void> => daemon.stop();
  return { socketPath, paths, client, number, hex, address, log, stop };
}

/** Two of them that trust each other. */
export async function twoNodes(): Promise<[IpcNode, IpcNode]> {
  const relay = await startRelay();
  const alice = await startNode(relay, 'alice');
  const bob = await startNode(relay, 'bob');
  for (const node of [alice, bob]) {
    await eventually('the relay is there', async () => {
      const { relays } = await node.client.info();
      return relays[0]?.state === 'online' ? true : undefined;
    });
  }
  await alice.client.handshake((await bob.client.info()).id);
  await eventually('bob is asked', async () => {
    const [first] = await bob.client.pending();
    return first;
  });
  await bob.client.approve((await alice.client.info()).id);
  await eventually('alice is trusted', async () => {
    const trusted = await alice.client.trusted();
    return trusted.find(({ mutual }) => mutual);
  });
  return [alice, bob];
}

/** A client that speaks bytes: what it sends and gets is hexadecimal, without regard to blanks. */
export class HexClient {
  readonly socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #isOver = false;
  #wake = (): void => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#isOver = true;
      this.#wake();
    });
  }

  static async connect({ socketPath }: Pick<IpcNode, 'socketPath'>): Promise<HexClient> {
    const socket = connect(socketPath);
    const client = new HexClient(socket);
    onTestFinished(() => {
      socket.destroy();
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return client;
  }

  send(hex: string): void {
    this.socket.write(fromHex(hex.replaceAll(' ', '')));
  }

  /** The next frame, without its length. */
  async frame(): Promise<string> {
    const deadlineMs = Date.now() + STEP_TIMEOUT_MS;
    for (;;) {
      const length = this.#received.length < 4 ? Infinity : this.#received.readUInt32BE(0);
      if (this.#received.length >= 4 + length) {
        const frame = this.#received.subarray(4, 4 + length);
        this.#received = this.#received.subarray(4 + length);
        return toHex(frame);
      }
      if (this.#isOver) throw new Error(`closed, after ${toHex(this.#received)}`);
      await this.#change(deadlineMs - Date.now());
    }
  }

  async call(hex: string): Promise<string> {
    this.send(hex);
    return this.frame();
  }

  /** The text or JSON behind a command byte. */
  async text(hex: string): Promise<[command: string, text: string]> {
    const frame = await this.call(hex);
    const at = frame.startsWith('0a0001') ? 6 : 2;
    return [frame.slice(0, at), Buffer.from(frame.slice(at), 'hex').toString()];
  }

  async json(hex: string): Promise<[command: string, value: Record<string, unknown>]> {
    const [command, text] = await this.text(hex);
    return [command, JSON.parse(text) as Record<string, unknown>];
  }

  /** Resolves when the daemon has ended it. */
  async over(): Promise<void> {
    const deadlineMs = Date.now() + STEP_TIMEOUT_MS;
    while (!this.#isOver) await this.#change(deadlineMs - Date.now());
  }

  async #change(withinMs: number): Promise<void> {
    if (withinMs <= 0) throw new Error(`nothing came after ${toHex(this.#received)}`);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

export function hexOf(text: string): string {
  return Buffer.from(text).toString('hex');
}

/** A request with text behind its command byte. */
export function withText(command: string, text: string): string {
  return (1 + Buffer.byteLength(text)).toString(16).padStart(8, '0') + command + hexOf(text);
}
