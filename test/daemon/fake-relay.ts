import { toHex } from '../../src/base/bytes.ts';
import type { Clock } from '../../src/base/clock.ts';
import { Emitter } from '../../src/base/events.ts';
import type { RelayPort, RelayPortEvents } from '../../src/daemon/relays/relay-port.ts';
import type { LookupKey } from '../../src/daemon/relays/relay-set.ts';
import { decodeNodeRecord, type NodeRecord } from '../../src/identity/node-record.ts';
import { RelayError } from '../../src/relay/relay-error.ts';

type Put = Parameters<RelayPort['put']>[0];

interface Stored extends Put {
  readonly from: Uint8Array;
}

/** A relay in memory, with the manners of the real one: mutual watch, mailboxes, a directory. */
export class FakeRelay {
  readonly url: string;
  readonly clock: Clock;
  readonly key = new Uint8Array(32).fill(9);
  /** One way. */
  latencyMs = 5;
  isUp = true;
  stunPort: number | undefined;
  /** Nodes (hexadecimal keys) that do not get through to it at the moment. */
  readonly unreachableFor = new Set<string>();
  /** What `put` answers instead of storing. */
  refusePut: RelayError['code'] | undefined;
  maxEnvelopeBytes = Infinity;
  /** DATA goes nowhere, though the peers are called present. */
  losesPackets = false;
  /** Stored, but the answer is lost. */
  losesPutAnswers = false;
  /** Envelopes come twice. */
  doublesEnvelopes = false;
  /** Besides what is in the directory. */
  isTaken: (record: NodeRecord) => boolean = () => false;
  puts = 0;
  readonly records = new Map<string, Uint8Array>();
  readonly mailboxes = new Map<string, Map<string, Stored>>();
  readonly ports = new Map<string, FakePort>();

  constructor(url: string, clock: Clock) {
    this.url = url;
    this.clock = clock;
  }

  port(key: Uint8Array): FakePort {
    return new FakePort(this, key);
  }

  /** Everybody is cut off; what was stored stays. */
  goDown(): void {
    this.isUp = false;
    for (const port of [...this.ports.values()]) port.cutOff('relay went away');
  }

  goUp(): void {
    this.isUp = true;
  }

  /** The login of one node ends; its client comes back by itself. */
  cut(key: Uint8Array): void {
    this.ports.get(toHex(key))?.cutOff('lost');
  }

  find(by: LookupKey): Uint8Array | undefined {
    return [...this.records.values()].find((bytes) => {
      const record = decodeNodeRecord(bytes);
      if ('key' in by) return toHex(record.chain.firstKey) === toHex(by.key);
      return 'node' in by ? record.node === by.node : record.hostname === by.hostname;
    });
  }

  othersWith(record: NodeRecord, same: (other: NodeRecord) => boolean): boolean {
    return [...this.records]
      .filter(([key]) => key !== toHex(record.chain.firstKey))
      .some(([, bytes]) => same(decodeNodeRecord(bytes)));
  }

  later(run: () => void): void {
    this.clock.after(this.latencyMs, run);
  }
}

const RECONNECT_MS = 100;

export class FakePort implements RelayPort {
  readonly url: string;
  readonly rttMs = 10;
  readonly watched = new Set<string>();
  readonly present = new Set<string>();
  state: RelayPort['state'] = 'waiting';
  readonly #relay: FakeRelay;
  readonly #key: Uint8Array;
  readonly #hex: string;
  readonly #events = new Emitter<RelayPortEvents>();
  #isStarted = false;

  constructor(relay: FakeRelay, key: Uint8Array) {
    this.url = relay.url;
    this.#relay = relay;
    this.#key = key;
    this.#hex = toHex(key);
  }

  get relayKey(): Uint8Array | undefined {
    return this.state === 'online' ? this.#relay.key : undefined;
  }

  get stunPort(): number | undefined {
    return this.#relay.stunPort;
  }

  on<Name extends keyof RelayPortEvents>(
    name: Name,
    listener: (event: RelayPortEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener);
  }

  start(): void {
    this.#isStarted = true;
    this.#connect();
  }

  async stop(): Promise<void> {
    this.#isStarted = false;
    this.cutOff('stopped');
    return Promise.resolve();
  }

  /** The process is gone: nothing more is heard of it. */
  die(): void {
    this.#isStarted = false;
    this.cutOff('lost');
  }

  cutOff(reason: string): void {
    if (this.#relay.ports.get(this.#hex) === this) {
      this.#relay.ports.delete(this.#hex);
      this.#tellPresence(false);
    }
    this.state = 'waiting';
    this.present.clear();
    this.#events.emit('offline', { reason, code: 'lost' });
    if (this.#isStarted) {
      this.#relay.clock.after(RECONNECT_MS, () => {
        this.#connect();
      });
    }
  }

  send(peer: Uint8Array, packet: Uint8Array): boolean {
    if (this.state !== 'online') return false;
    const copy = packet.slice();
    const to = toHex(peer);
    this.#relay.later(() => {
      // It may have been sent with the last breath.
      const port = this.#relay.ports.get(to);
      const isMutual = this.watched.has(to) && port?.watched.has(this.#hex) === true;
      if (this.#relay.losesPackets) return;
      if (isMutual) port.#events.emit('packet', { from: this.#key, packet: copy });
      else this.#events.emit('unreachable', { key: peer });
    });
    return true;
  }

  watch(add: readonly Uint8Array[], remove: readonly Uint8Array[] = []): void {
    for (const key of remove) {
      this.watched.delete(toHex(key));
      this.present.delete(toHex(key));
      this.#relay.ports.get(toHex(key))?.see(this.#key, false);
    }
    for (const key of add) this.watched.add(toHex(key));
    if (this.state !== 'online') return;
    const keys = add.map((key) => toHex(key));
    this.#relay.later(() => {
      this.#meet(keys);
    });
  }

  isPresent(peer: Uint8Array): boolean {
    return this.present.has(toHex(peer));
  }

  async publish(bytes: Uint8Array): Promise<'ok' | 'address_taken' | 'hostname_taken'> {
    await this.#roundTrip();
    const record = decodeNodeRecord(bytes);
    const known = this.#relay.records.get(this.#hex);
    if (known !== undefined && decodeNodeRecord(known).issuedAtMs > record.issuedAtMs) {
      throw new RelayError('stale_record', 'stale');
    }
    if (this.#relay.isTaken(record)) return 'address_taken';
    if (this.#relay.othersWith(record, ({ node }) => node === record.node)) return 'address_taken';
    const { hostname } = record;
    if (hostname !== '' && this.#relay.othersWith(record, (r) => r.hostname === hostname)) {
      return 'hostname_taken';
    }
    this.#relay.records.set(this.#hex, bytes);
    return 'ok';
  }

  async lookup(by: LookupKey): Promise<Uint8Array | undefined> {
    await this.#roundTrip();
    return this.#relay.find(by);
  }

  async put(envelope: Put): Promise<void> {
    if (this.state !== 'online') throw new RelayError('offline', 'not logged in');
    await this.#oneWay();
    this.#relay.puts += 1;
    const isTooLarge = envelope.body.length > this.#relay.maxEnvelopeBytes;
    const refusal = isTooLarge ? 'too_large' : this.#relay.refusePut;
    if (refusal !== undefined) throw new RelayError(refusal, refusal);
    const to = toHex(envelope.to);
    const mailbox = this.#relay.mailboxes.get(to) ?? new Map<string, Stored>();
    this.#relay.mailboxes.set(to, mailbox);
    const stored = { ...envelope, from: this.#key };
    mailbox.set(toHex(envelope.id), stored);
    this.#relay.ports.get(to)?.bring(stored);
    await this.#oneWay();
    if (this.#relay.losesPutAnswers) throw new RelayError('timeout', 'no answer');
  }

  taken(_from: Uint8Array, id: Uint8Array): void {
    if (this.state !== 'online') return;
    this.#relay.mailboxes.get(this.#hex)?.delete(toHex(id));
  }

  bring(envelope: Stored): void {
    for (let copies = this.#relay.doublesEnvelopes ? 2 : 1; copies > 0; copies--) {
      this.#relay.later(() => {
        if (this.state === 'online') this.#events.emit('envelope', envelope);
      });
    }
  }

  see(key: Uint8Array, online: boolean): void {
    if (online === this.present.has(toHex(key))) return;
    if (online) this.present.add(toHex(key));
    else this.present.delete(toHex(key));
    this.#events.emit('presence', { key, online });
  }

  tellDuplicate(): void {
    this.#events.emit('duplicate', {});
  }

  #connect(): void {
    if (!this.#isStarted || this.state !== 'waiting') return;
    this.state = 'connecting';
    this.#relay.later(() => {
      if (!this.#isStarted || this.state !== 'connecting') return;
      if (!this.#relay.isUp || this.#relay.unreachableFor.has(this.#hex)) {
        this.cutOff('refused');
        return;
      }
      this.#relay.ports.get(this.#hex)?.cutOff('replaced');
      this.#relay.ports.set(this.#hex, this);
      this.state = 'online';
      this.#events.emit('online', {});
      this.#relay.later(() => {
        this.#meet([...this.watched]);
        this.#bringAll();
      });
    });
  }

  #meet(keys: readonly string[]): void {
    for (const key of keys) {
      const other = this.#seenPort(key);
      if (other === undefined) continue;
      this.see(other.#key, true);
      other.see(this.#key, true);
    }
  }

  /** Another node that is there, and watched as it watches. */
  #seenPort(key: string): FakePort | undefined {
    const other = this.#relay.ports.get(key);
    const isMutual = this.watched.has(key) && other?.watched.has(this.#hex) === true;
    return this.state === 'online' && isMutual ? other : undefined;
  }

  #tellPresence(online: boolean): void {
    for (const [key, other] of this.#relay.ports) {
      if (this.watched.has(key) && other.watched.has(this.#hex)) other.see(this.#key, online);
    }
  }

  #bringAll(): void {
    for (const envelope of this.#relay.mailboxes.get(this.#hex)?.values() ?? []) {
      this.bring(envelope);
    }
  }

  async #roundTrip(): Promise<void> {
    await this.#oneWay();
    await this.#oneWay();
  }

  async #oneWay(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      if (this.state !== 'online') {
        reject(new RelayError('offline', 'not logged in'));
        return;
      }
      this.#relay.later(() => {
        if (this.state === 'online') resolve();
        else reject(new RelayError('offline', 'the connection ended'));
      });
    });
  }
}
