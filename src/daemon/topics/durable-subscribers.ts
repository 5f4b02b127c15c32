/**
 * Subscriptions of peers whose events go as messages: each is kept in the outbox until the subscriber has it on
 * disk (docs/protocol-events.md).
 *
 * On disk (table `topics`, key: 1 ‖ first key of the peer ‖ id) a CBOR map: `t` the filter, `at` when it was last
 * asked for. One that nobody asks for again within a week ends, and that of a peer that is not trusted any more.
 */
import { concatBytes, fromHex, toHex } from '../../base/bytes.ts';
import { encodeCbor } from '../../base/cbor.ts';
import { CborFields } from '../../base/cbor-fields.ts';
import type { Clock } from '../../base/clock.ts';
import { encodeControl, SUBSCRIPTION_ID_BYTES } from '../../client/event-control.ts';
import type { EventFrame } from '../../client/event-frame.ts';
import type { Log } from '../log/log.ts';
import { nodeIdOf } from '../names/peer-name.ts';
import type { Storage } from '../store/storage.ts';
import type { EventBroker } from './event-broker.ts';

interface Sent {
  /** Rejects when it will not be there. */
  readonly onDisk: Promise<void>;
}

export interface DurableSubscribersDeps {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly log: Log;
  readonly broker: EventBroker;
  readonly isTrusted: (peer: string) => boolean;
  /** Puts it into the outbox. Undefined: there is no room. */
  readonly send: (peer: string, id: Uint8Array, frames: Uint8Array) => Sent | undefined;
}

interface Kept {
  readonly peer: string;
  readonly id: Uint8Array;
  readonly filter: string;
  readonly renewedAtMs: number;
  /** Events that there was no room for, and that it has not been told of. */
  dropped: number;
  leave: () => void;
}

const PREFIX = Uint8Array.of(1);
const KEY_BYTES = 32;
const MAX_OF_PEER = 64;
const MAX_IN_ALL = 1024;
const LEASE_MS = 7 * 86_400_000;

export class DurableSubscribers {
  readonly #deps: DurableSubscribersDeps;
  /** By the key on disk. */
  readonly #kept = new Map<string, Kept>();

  constructor(deps: DurableSubscribersDeps) {
    this.#deps = deps;
    for (const [key, value] of deps.storage.entries('topics', { start: PREFIX })) {
      if (key[0] !== PREFIX[0]) break;
      const fields = CborFields.decode(value);
      const peer = toHex(key.subarray(1, 1 + KEY_BYTES));
      const id = Uint8Array.from(key.subarray(1 + KEY_BYTES));
      const known = { peer, id, filter: fields.text('t', {}), renewedAtMs: fields.count('at') };
      this.#add({ ...known, dropped: 0, leave: () => undefined });
    }
  }

  /** Resolves when it is on disk: 1 when it was known before, 0 when not; undefined: there are too many. */
  async keep(peer: string, filter: string, id: Uint8Array): Promise<number | undefined> {
    this.#expire();
    const text = textOf(peer, id);
    const known = this.#kept.get(text);
    if (known === undefined && !this.#hasRoom(peer)) return undefined;
    const { clock, storage } = this.#deps;
    this.#drop(text);
    const kept = {
      ...{ peer, filter, id: Uint8Array.from(id), renewedAtMs: clock.now() },
      ...{ dropped: known?.dropped ?? 0, leave: () => undefined },
    };
    // Before it is on disk, or many at once would pass the bound.
    if (!this.#add(kept)) return undefined;
    const value = encodeCbor({ t: filter, at: kept.renewedAtMs });
    try {
      await storage.commit([{ table: 'topics', key: fromHex(text), value }]);
    } catch (error) {
      if (known === undefined && this.#kept.get(text) === kept) this.#drop(text);
      throw error;
    }
    return known?.filter === filter ? 1 : 0;
  }

  async forget(peer: string, id: Uint8Array): Promise<void> {
    const text = textOf(peer, id);
    this.#drop(text);
    await this.#deps.storage.commit([{ table: 'topics', key: fromHex(text) }]);
  }

  #expire(): void {
    for (const [text, kept] of this.#kept) if (!this.#isAlive(kept)) this.#end(text);
  }

  #isAlive({ peer, renewedAtMs }: Kept): boolean {
    const { clock, isTrusted } = this.#deps;
    return clock.now() - renewedAtMs < LEASE_MS && isTrusted(peer);
  }

  #hasRoom(peer: string): boolean {
    const ofPeer = [...this.#kept.values()].filter((one) => one.peer === peer).length;
    return ofPeer < MAX_OF_PEER && this.#kept.size < MAX_IN_ALL;
  }

  #add(kept: Kept): boolean {
    const leave = this.#deps.broker.subscribe(kept.filter, {
      deliver: (event) => {
        if (this.#isAlive(kept)) return this.#send(kept, event);
        this.#end(textOf(kept.peer, kept.id));
        return undefined;
      },
    });
    if (leave === undefined) return false;
    kept.leave = leave;
    this.#kept.set(textOf(kept.peer, kept.id), kept);
    return true;
  }

  #send(kept: Kept, { bytes }: EventFrame): Sent | undefined {
    const { peer, id, dropped } = kept;
    const lost = dropped === 0 ? [] : [encodeControl({ kind: 'dropped', count: dropped })];
    const sent = this.#deps.send(peer, id, concatBytes(...lost, bytes));
    if (sent === undefined) {
      this.#lose(kept, 1);
      return undefined;
    }
    kept.dropped = 0;
    const onDisk = sent.onDisk.catch(() => {
      this.#lose(kept, dropped + 1);
    });
    return { onDisk };
  }

  #lose(kept: Kept, count: number): void {
    if (kept.dropped === 0) {
      this.#deps.log.warn({ peer: nodeIdOf(kept.peer) }, 'no room for a durable event');
    }
    kept.dropped += count;
  }

  #end(text: string): void {
    this.#drop(text);
    this.#deps.storage.owe([{ table: 'topics', key: fromHex(text) }]);
  }

  #drop(text: string): void {
    this.#kept.get(text)?.leave();
    this.#kept.delete(text);
  }
}

/** The key on disk, in hexadecimal. */
function textOf(peer: string, id: Uint8Array): string {
  return toHex(concatBytes(PREFIX, fromHex(peer), id.subarray(0, SUBSCRIPTION_ID_BYTES)));
}
