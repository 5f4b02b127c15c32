import { toHex } from '../../../src/base/bytes.ts';
import { silentLog } from '../../../src/daemon/log/log.ts';
import type { TrustItem } from '../../../src/daemon/messages/app-message.ts';
import { Trust, type TrustSettings } from '../../../src/daemon/trust/trust.ts';
import { TrustStore } from '../../../src/daemon/trust/trust-store.ts';
import { Identity } from '../../../src/identity/identity.ts';
import { encodeNodeRecord } from '../../../src/identity/node-record.ts';
import type { ManualClock } from '../../support/manual-clock.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { MemoryStorage } from '../store/memory-storage.ts';

/** One side, without a network: what it owes is carried by hand. */
export class TrustSide {
  readonly identity: Identity;
  readonly name: string;
  storage = new MemoryStorage();
  readonly events: string[] = [];
  readonly drops: string[] = [];
  trust: Trust;
  store: TrustStore;
  readonly #settings: TrustSettings;
  readonly #clock: ManualClock;

  constructor(name: string, seed: number, settings: TrustSettings, clock: ManualClock) {
    this.name = name;
    this.identity = Identity.create(seededRandom(seed), clock.now());
    this.#settings = settings;
    this.#clock = clock;
    [this.store, this.trust] = this.#open();
  }

  get key(): string {
    return toHex(this.identity.firstKey);
  }

  get record(): Uint8Array {
    return encodeNodeRecord(this.identity, {
      addressCounter: 0,
      hostname: this.name,
      relays: ['wss://relay.example'],
      issuedAtMs: this.#clock.now(),
    });
  }

  restart(): void {
    this.storage = this.storage.crash();
    [this.store, this.trust] = this.#open();
  }

  stateOf(other: TrustSide): string {
    return this.store.stateOf(other.key);
  }

  owedTo(other: TrustSide): TrustItem | undefined {
    const record = this.store.get(other.key);
    return record && this.trust.statementFor(record);
  }

  #open(): [TrustStore, Trust] {
    const store = new TrustStore(this.storage);
    const trust = new Trust({
      store,
      clock: this.#clock,
      settings: this.#settings,
      log: silentLog,
      ownRecord: () => this.record,
      changed: (record, before, reason) => {
        if (record.state !== before) this.events.push(`${before} > ${record.state}: ${reason}`);
      },
      owed: () => undefined,
      dropped: (reason) => {
        this.drops.push(reason);
      },
    });
    return [store, trust];
  }
}

/** Carries what `from` owes `to`, and tells `from` that it was carried. */
export async function carry(from: TrustSide, to: TrustSide): Promise<TrustItem> {
  const item = from.owedTo(to);
  if (item === undefined) throw new Error(`${from.name} owes ${to.name} nothing`);
  await to.trust.hear(from.identity.chain, item);
  await from.trust.told(to.key, item.atMs);
  return item;
}
