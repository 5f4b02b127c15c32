import { toHex } from '../../src/base/bytes.ts';
import type { EventMap, IncomingMessage, SendMessageRequest } from '../../src/client/api.ts';
import { type Log, silentLog } from '../../src/daemon/log/log.ts';
import { PilotNode } from '../../src/daemon/node/node.ts';
import type { NodeCoreDeps } from '../../src/daemon/node/node-core.ts';
import type { NodeSettings } from '../../src/daemon/node/node-settings.ts';
import { Identity } from '../../src/identity/identity.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { type FakePort, FakeRelay } from './fake-relay.ts';
import { MemoryStorage } from './store/memory-storage.ts';

export const DAY_MS = 86_400_000;
const STEP_MS = 10;

export const SETTINGS: NodeSettings = {
  hostname: '',
  trust: { autoApprove: false, maxPending: 256, requestsPerSourceHour: 16 },
  send: { maxPayloadBytes: 256 * 1024, expiryMs: 7 * DAY_MS },
  retry: { initialMs: 1000, maxMs: 60_000, multiplier: 2, jitter: false, maxAttempts: 3 },
  inbox: { maxMessages: 10_000, maxBytes: 2 ** 28 },
  outbox: { maxMessages: 100_000, maxBytes: 2 ** 30 },
  handshakeTimeoutMs: 5000,
  paths: { isDirectRequired: false, mayRelay: true, isStatic: false, maxLatencyMs: 60_000 },
};

/** A host of the world: its disk outlives its process. */
export class Host {
  readonly name: string;
  readonly identity: Identity;
  settings: NodeSettings;
  storage = new MemoryStorage();
  relays: readonly FakeRelay[];
  /** Where it looks for direct paths: nowhere, unless a test sets it before the start. */
  network: NodeCoreDeps['network'];
  log: Log = silentLog;
  readonly received: IncomingMessage[] = [];
  readonly trustChanges: EventMap['trust.changed'][] = [];
  readonly #world: World;
  #node: PilotNode | undefined;
  #ports: FakePort[] = [];

  constructor(world: World, name: string, settings: Partial<NodeSettings>) {
    this.#world = world;
    this.name = name;
    this.settings = { ...SETTINGS, hostname: name, ...settings };
    this.relays = [world.relay];
    this.identity = Identity.create(world.random, world.clock.now());
  }

  get key(): string {
    return toHex(this.identity.firstKey);
  }

  get id(): string {
    return this.identity.nodeId;
  }

  get node(): PilotNode {
    if (this.#node === undefined) throw new Error(`${this.name} does not run`);
    return this.#node;
  }

  get isRunning(): boolean {
    return this.#node !== undefined;
  }

  start(): void {
    const { clock, random } = this.#world;
    this.#ports = this.relays.map((relay) => relay.port(this.identity.firstKey));
    this.#node = new PilotNode({
      ...{ identity: this.identity, clock, random, log: this.log },
      storage: this.storage,
      settings: this.settings,
      relays: this.#ports,
      network: this.network,
    });
    this.#node.events.on('message.received', (message) => this.received.push(message));
    this.#node.events.on('trust.changed', (change) => this.trustChanges.push(change));
    this.#node.start();
  }

  /** As the daemon does at its start, or in an hour of its life. */
  rotateKey(): void {
    const { clock, random } = this.#world;
    this.identity.become(this.identity.rotate(random, clock.now()));
    this.#node?.keyRotated();
  }

  /** The process lives, its network does not. */
  goOffline(): void {
    for (const relay of this.relays) {
      relay.unreachableFor.add(this.key);
      relay.cut(this.identity.firstKey);
    }
  }

  goOnline(): void {
    for (const relay of this.relays) relay.unreachableFor.delete(this.key);
  }

  async stop(): Promise<void> {
    await this.#node?.stop();
    // What a full disk did not take in time is lost with the process.
    await this.storage.commit([]).catch(() => undefined);
    this.storage = this.storage.crash();
    this.#node = undefined;
  }

  /** As kill -9: what was not on disk is gone, and nobody is told. */
  crash(): void {
    this.storage = this.storage.crash();
    for (const port of this.#ports) port.die();
    // The old process is still in memory here; its timers must not act for the new one.
    void this.#node?.stop();
    this.#node = undefined;
  }

  async send(to: Host, text: string, more: Partial<SendMessageRequest> = {}): Promise<string> {
    const request = { target: to.id, type: 'text', data: text, ...more } as const;
    const { message_id } = await this.#world.until(this.node.send(request));
    return message_id;
  }

  statusOf(id: string): string {
    const { status, reason } = this.node.messageStatus(id);
    return reason === '' ? status : `${status}: ${reason}`;
  }

  /** The texts in the inbox, oldest first. */
  get inbox(): string[] {
    const { messages } = this.node.inbox({ limit: 100_000, full: true });
    return messages.map(({ data }) => data ?? '').reverse();
  }
}

/** Hosts, a relay between them, and their time. */
export class World {
  readonly clock = new ManualClock();
  readonly random;
  readonly relay: FakeRelay;

  constructor(seed = 1) {
    this.random = seededRandom(seed);
    this.relay = new FakeRelay('wss://relay.example/', this.clock);
  }

  host(name: string, settings: Partial<NodeSettings> = {}): Host {
    return new Host(this, name, settings);
  }

  /** Lets time pass, and everything happen that is due in it. */
  async run(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= STEP_MS) {
      this.clock.advance(Math.min(left, STEP_MS));
      await this.turn();
    }
  }

  /** Lets time pass until `promise` is settled. */
  async until<T>(promise: Promise<T>, limitMs = 120_000): Promise<T> {
    const settled = promise.then(
      () => true,
      () => true,
    );
    for (let left = limitMs; left > 0; left -= STEP_MS) {
      await this.turn();
      if (await Promise.race([settled, Promise.resolve(false)])) return promise;
      this.clock.advance(STEP_MS);
    }
    throw new Error(`nothing came of it in ${limitMs} ms`);
  }

  /** Two hosts that run and trust each other. */
  async pair(): Promise<[Host, Host]> {
    const [alice, bob] = [this.host('alice'), this.host('bob')];
    alice.start();
    bob.start();
    await this.run(1000);
    await this.trust(alice, bob);
    return [alice, bob];
  }

  async trust(one: Host, other: Host): Promise<void> {
    await this.until(one.node.requestTrust({ target: other.id }));
    await this.run(100);
    await this.until(other.node.approveTrust({ target: one.id }));
    await this.run(500);
  }

  async turn(): Promise<void> {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
