/**
 * This node's own record: its address counter, hostname, relays and tags, signed, and known to each relay it
 * is logged in at.
 *
 *     ok               done
 *     address_taken    the next counter that gives a number, at every relay: the address stays one
 *     hostname_taken   published without the hostname at that relay, with a warning
 *     stale_record     the relay has one with a later time: our clock went back; ours goes after it
 *     bad_record       issued in what is still to come: our clock was ahead; issued anew by the clock of now
 *
 * A record is signed anew when something in it changes, or the key that signs it.
 *
 * What was chosen (table `meta`, key `self`) survives restarts.
 */
import { equalBytes } from '../../base/bytes.ts';
import { encodeCbor } from '../../base/cbor.ts';
import { CborFields } from '../../base/cbor-fields.ts';
import type { Clock } from '../../base/clock.ts';
import { Pause } from '../../base/pause.ts';
import { PilotError } from '../../base/pilot-error.ts';
import type { NodeNames } from '../../client/api.ts';
import { formatAddress, nextNodeNumber } from '../../identity/address.ts';
import type { Identity } from '../../identity/identity.ts';
import type { KeyChain } from '../../identity/key-chain.ts';
import {
  decodeNodeRecord,
  encodeNodeRecord,
  MAX_RECORD_RELAYS,
  MAX_RELAY_URL_BYTES,
} from '../../identity/node-record.ts';
import { RelayError } from '../../relay/relay-error.ts';
import type { Log } from '../log/log.ts';
import type { Storage } from '../store/storage.ts';
import type { RelayPort } from './relay-port.ts';

export interface PublisherDeps {
  readonly identity: Identity;
  readonly storage: Storage;
  readonly clock: Clock;
  readonly log: Log;
  /** The hostname of the configuration. */
  readonly hostname: string;
  readonly relayUrls: readonly string[];
  readonly online: () => readonly RelayPort[];
}

interface Chosen {
  readonly counter: number;
  readonly hostname: string;
  /** The configuration's when the hostname was set by hand: what is written there later wins. */
  readonly configured: string;
  readonly tags: readonly string[];
  readonly issuedAtMs: number;
}

type Outcome = 'published' | 'hostname_taken' | 'failed';
/** Of a relay, to a record: the last two are about the time that it was issued. */
type Answer = 'ok' | 'address_taken' | 'hostname_taken' | 'stale' | 'early';

const SELF_KEY = new TextEncoder().encode('self');
const RETRY_MS = 30_000;
/** As many addresses may be taken in a row before something else is wrong. */
const MAX_TRIES = 8;

export class Publisher {
  readonly #deps: PublisherDeps;
  readonly #refusedAt = new Set<string>();
  /** By the relay's URL. */
  readonly #retries = new Map<string, Pause>();
  /** Changes are made one after the other, each on top of the one before. */
  #lastChange: Promise<unknown> = Promise.resolve();
  #chosen: Chosen;
  #names: { readonly of: Chosen; readonly names: NodeNames } | undefined;
  #encoded:
    { readonly of: Chosen; readonly chain: KeyChain; readonly bytes: Uint8Array } | undefined;

  constructor(deps: PublisherDeps) {
    this.#deps = deps;
    this.#chosen = this.#load();
  }

  names(): NodeNames {
    // Asked for by every message; a number costs a hash.
    if (this.#names?.of !== this.#chosen) {
      this.#names = { of: this.#chosen, names: this.#makeNames() };
    }
    return this.#names.names;
  }

  warnings(): string[] {
    const { hostname } = this.#chosen;
    return [...this.#refusedAt].map(
      (url) => `the hostname ${hostname} belongs to another node at ${url}`,
    );
  }

  /** The record as relays have it. */
  record(): Uint8Array {
    // Signing takes a millisecond, and every envelope to a new peer begins with the record.
    const { chain } = this.#deps.identity;
    if (this.#encoded?.of !== this.#chosen || this.#encoded.chain !== chain) {
      const bytes = this.#encode(this.#chosen.hostname);
      this.#encoded = { of: this.#chosen, chain, bytes };
    }
    return this.#encoded.bytes;
  }

  /** Makes the record known at a relay, and tries again later when that fails. */
  async publish(relay: RelayPort): Promise<Outcome> {
    const retry = this.#retryOf(relay);
    retry.end();
    const outcome = await this.#tryToPublish(relay);
    if (outcome === 'hostname_taken') this.#refusedAt.add(relay.url);
    else if (outcome === 'published') this.#refusedAt.delete(relay.url);
    // One that is not there any more hears of it when it comes again.
    else if (this.#deps.online().includes(relay)) retry.start(RETRY_MS);
    return outcome;
  }

  /** This node has a new key: relays learn it, and let nobody in with the old one. */
  async renew(): Promise<void> {
    try {
      await this.#choose({});
    } catch (error) {
      // It goes out with the time that it had; a relay that minds is overtaken.
      this.#deps.log.warn({ err: error }, 'could not note the time of the new record');
    }
    await this.#publishEverywhere();
  }

  /** Empty: none. PilotError `conflict` when a relay has given the name to another node. */
  async setHostname(hostname: string): Promise<{ readonly published: boolean }> {
    const before = this.#chosen.hostname;
    await this.#choose({ hostname, configured: this.#deps.hostname });
    const outcomes = await this.#publishEverywhere();
    if (!outcomes.includes('hostname_taken')) {
      return { published: outcomes.includes('published') };
    }
    await this.#choose({ hostname: before });
    await this.#publishEverywhere();
    throw new PilotError('conflict', `the hostname ${hostname} belongs to another node`, {
      hint: 'Choose another one.',
    });
  }

  get tags(): readonly string[] {
    return this.#chosen.tags;
  }

  /** Tags that `faultInTags` finds nothing wrong with. */
  async setTags(tags: readonly string[]): Promise<{ readonly published: boolean }> {
    await this.#choose({ tags });
    const outcomes = await this.#publishEverywhere();
    // Where the hostname belongs to another node the record is known without it.
    return { published: outcomes.some((outcome) => outcome !== 'failed') };
  }

  #encode(hostname: string): Uint8Array {
    const { identity, relayUrls } = this.#deps;
    // Written out whole, a URL may be longer than the configuration has it.
    const relays = relayUrls.filter((url) => url.length <= MAX_RELAY_URL_BYTES);
    return encodeNodeRecord(identity, {
      addressCounter: this.#chosen.counter,
      hostname,
      relays: relays.slice(0, MAX_RECORD_RELAYS),
      tags: this.#chosen.tags,
      issuedAtMs: this.#chosen.issuedAtMs,
    });
  }

  #retryOf(relay: RelayPort): Pause {
    const known = this.#retries.get(relay.url);
    if (known !== undefined) return known;
    const retry = new Pause(this.#deps.clock, () => {
      if (this.#deps.online().includes(relay)) void this.publish(relay);
    });
    this.#retries.set(relay.url, retry);
    return retry;
  }

  async #publishEverywhere(): Promise<Outcome[]> {
    return Promise.all(this.#deps.online().map(async (relay) => this.publish(relay)));
  }

  async #tryToPublish(relay: RelayPort): Promise<Outcome> {
    try {
      for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
        const { counter } = this.#chosen;
        const answer = await this.#offer(relay);
        if (answer === 'ok') return 'published';
        if (answer === 'hostname_taken') {
          this.#deps.log.warn({ relay: relay.url }, 'the hostname belongs to another node');
          const bare = await relay.publish(this.#encode(''));
          return bare === 'address_taken' ? 'failed' : 'hostname_taken';
        }
        if (answer === 'address_taken') await this.#takeNextAddress(counter, relay);
        else if (answer === 'stale') await this.#overtake(relay);
        else await this.#choose({ issuedAtMs: this.#deps.clock.now() });
      }
      return 'failed';
    } catch (error) {
      this.#deps.log.warn({ err: error, relay: relay.url }, 'could not publish the node record');
      return 'failed';
    }
  }

  async #offer(relay: RelayPort): Promise<Answer> {
    const { issuedAtMs } = this.#chosen;
    try {
      return await relay.publish(this.record());
    } catch (error) {
      const code = error instanceof RelayError ? error.code : undefined;
      if (code === 'stale_record') return 'stale';
      if (code === 'bad_record' && issuedAtMs > this.#deps.clock.now()) return 'early';
      throw error;
    }
  }

  async #takeNextAddress(taken: number, relay: RelayPort): Promise<void> {
    // Another relay may have said so meanwhile.
    if (this.#chosen.counter !== taken) return;
    const next = nextNodeNumber(this.#deps.identity.firstKey, taken + 1);
    if (next === undefined) throw new Error('no address is left for this key');
    await this.#choose({ counter: next.counter });
    this.#deps.log.warn(
      { relay: relay.url, address: this.names().address },
      'the address belongs to another node; this is the new one',
    );
    for (const other of this.#deps.online()) if (other !== relay) void this.publish(other);
  }

  async #overtake(relay: RelayPort): Promise<void> {
    const { firstKey } = this.#deps.identity;
    const found = await relay.lookup({ key: firstKey });
    const known = found === undefined ? undefined : decodeNodeRecord(found);
    // It may answer with another node's, of any time.
    const isOurs = known !== undefined && equalBytes(known.chain.firstKey, firstKey);
    const afterMs = Math.max(this.#chosen.issuedAtMs, isOurs ? known.issuedAtMs : 0);
    await this.#choose({ issuedAtMs: afterMs + 1 });
  }

  async #choose(change: Partial<Chosen>): Promise<void> {
    const changed = this.#lastChange.then(async () => this.#change(change));
    this.#lastChange = changed.catch(() => undefined);
    await changed;
  }

  async #change(change: Partial<Chosen>): Promise<void> {
    const issuedAtMs = Math.max(this.#deps.clock.now(), this.#chosen.issuedAtMs + 1);
    const chosen = { ...this.#chosen, issuedAtMs, ...change };
    await this.#deps.storage.commit([{ table: 'meta', key: SELF_KEY, value: encodeCbor(chosen) }]);
    this.#chosen = chosen;
  }

  #load(): Chosen {
    const { clock, hostname, identity, storage } = this.#deps;
    const stored = storage.get('meta', SELF_KEY);
    const first = nextNodeNumber(identity.firstKey)?.counter ?? 0;
    if (stored === undefined) {
      const issuedAtMs = clock.now();
      return { counter: first, hostname, configured: hostname, tags: [], issuedAtMs };
    }
    const fields = CborFields.decode(stored);
    const configured = fields.text('configured', {});
    return {
      counter: fields.count('counter'),
      hostname: configured === hostname ? fields.text('hostname', {}) : hostname,
      configured: hostname,
      // Earlier releases wrote none.
      tags: fields.has('tags')
        ? fields.list('tags', {}).filter((tag) => typeof tag === 'string')
        : [],
      issuedAtMs: Math.max(clock.now(), fields.count('issuedAtMs') + 1),
    };
  }

  #makeNames(): NodeNames {
    const node = this.#node();
    return {
      id: this.#deps.identity.nodeId,
      node_id: node,
      address: formatAddress({ network: 0, node }),
      hostname: this.#chosen.hostname,
    };
  }

  #node(): number {
    const found = nextNodeNumber(this.#deps.identity.firstKey, this.#chosen.counter);
    return found?.node ?? 0;
  }
}
