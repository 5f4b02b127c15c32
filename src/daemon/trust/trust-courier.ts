/**
 * Brings statements about trust to the mailboxes of those they are for, at every relay there is: they
 * are few, and the receiver may have moved since we heard of it. What is owed is tried until a relay
 * has it; a request is left at relays that come later, too, and made anew each day, because a mailbox
 * forgets.
 */
import { Backoff } from '../../base/backoff.ts';
import { type Cancel, type Clock, every } from '../../base/clock.ts';
import { Pause } from '../../base/pause.ts';
import type { RandomBytes } from '../../base/random.ts';
import type { Log } from '../log/log.ts';
import { encodeAppMessage } from '../messages/app-message.ts';
import { nodeIdOf } from '../names/peer-name.ts';
import { MAX_ENVELOPE_LIFE_MS, type Postman } from '../relays/postman.ts';
import type { RelayPort } from '../relays/relay-port.ts';
import type { Trust } from './trust.ts';
import type { TrustRecord } from './trust-record.ts';
import type { TrustStore } from './trust-store.ts';

export interface TrustCourierDeps {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
  readonly trust: Trust;
  readonly store: TrustStore;
  readonly postman: Postman;
  readonly online: () => readonly RelayPort[];
}

const RETRY = { initialMs: 2000, maxMs: 5 * 60_000, multiplier: 2, jitter: true };
const ASK_AGAIN_MS = 86_400_000;
const CHECK_MS = 3_600_000;

export class TrustCourier {
  readonly #deps: TrustCourierDeps;
  readonly #retry: Pause;
  readonly #backoff: Backoff;
  /** Under way, and whether there is something new for it since. */
  readonly #busy = new Map<string, boolean>();
  /** Where the statement of that time lies already, for requests that wait for their answer. */
  readonly #left = new Map<string, { readonly atMs: number; readonly urls: Set<string> }>();
  #cancelCheck: Cancel = () => undefined;

  constructor(deps: TrustCourierDeps) {
    this.#deps = deps;
    this.#backoff = new Backoff(RETRY, deps.random);
    this.#retry = new Pause(deps.clock, () => {
      this.deliverAll();
    });
  }

  start(): void {
    this.#cancelCheck = every(this.#deps.clock, CHECK_MS, () => {
      this.#askAgain();
    });
  }

  stop(): void {
    this.#cancelCheck();
    this.#retry.end();
  }

  /** A relay has come: it may be the one. */
  deliverAll(): void {
    for (const record of [...this.#deps.store.all()]) {
      if (record.owed !== '' || record.state === 'asked') this.deliver(record.peer);
    }
  }

  deliver(peer: string): void {
    if (this.#busy.has(peer)) {
      this.#busy.set(peer, true);
      return;
    }
    this.#busy.set(peer, false);
    void this.#deliver(peer).finally(() => {
      const isStale = this.#busy.get(peer) === true;
      this.#busy.delete(peer);
      if (isStale) this.deliver(peer);
    });
  }

  async #deliver(peer: string): Promise<void> {
    const { log, online, store, trust } = this.#deps;
    const record = store.get(peer);
    const statement = record && trust.statementFor(record);
    if (record === undefined || statement === undefined) {
      this.#left.delete(peer);
      return;
    }
    const urls = this.#leftAt(record);
    const relays = online().filter(({ url }) => !urls.has(url));
    const item = encodeAppMessage(statement);
    const outcomes = await Promise.all(
      relays.map(async (relay) => this.#leave(relay, record, item)),
    );
    relays.forEach(({ url }, i) => {
      if (outcomes[i] === true) urls.add(url);
    });
    // A relay that is not there any more is asked when it comes again.
    const isRefused = relays.some((relay, i) => outcomes[i] === false && online().includes(relay));
    if (isRefused) this.#retry.start(this.#backoff.next());
    if (!outcomes.includes(true)) return;
    this.#backoff.reset();
    log.info(
      { peer: nodeIdOf(peer), statement: statement.kind },
      'a statement about trust is on its way',
    );
    // A request is left at other relays, too, when they come; everything else is said once.
    if (record.state !== 'asked') this.#left.delete(peer);
    try {
      await trust.told(peer, statement.atMs);
    } catch (error) {
      log.warn(
        { err: error, peer: nodeIdOf(peer) },
        'could not note that a statement is on its way',
      );
    }
  }

  async #leave(relay: RelayPort, record: TrustRecord, item: Uint8Array): Promise<boolean> {
    const { clock, log, postman } = this.#deps;
    try {
      await postman.put(relay, record.chain, [item], clock.now() + MAX_ENVELOPE_LIFE_MS);
      return true;
    } catch (error) {
      log.debug(
        { err: error, relay: relay.url, peer: nodeIdOf(record.peer) },
        'a relay did not take a statement about trust',
      );
      return false;
    }
  }

  #leftAt({ peer, ourStatementMs: atMs }: TrustRecord): Set<string> {
    const left = this.#left.get(peer);
    if (left?.atMs === atMs) return left.urls;
    const urls = new Set<string>();
    this.#left.set(peer, { atMs, urls });
    return urls;
  }

  #askAgain(): void {
    const { clock, log, store, trust } = this.#deps;
    for (const { peer, ourStatementMs } of store.inState('asked')) {
      // Far ahead is what the clock of then was.
      if (Math.abs(clock.now() - ourStatementMs) < ASK_AGAIN_MS) continue;
      trust.askAgain(peer).catch((error: unknown) => {
        log.warn({ err: error, peer: nodeIdOf(peer) }, 'could not ask again for trust');
      });
    }
  }
}
