/**
 * Who may talk to this node. The states and their changes are drawn in trust-record.ts; every change is
 * made here, and is in force before it is on disk. What the other side has to be told is `owed` until
 * a relay has it (trust-courier.ts).
 */
import { toHex } from '../../base/bytes.ts';
import type { Clock } from '../../base/clock.ts';
import { PilotError } from '../../base/pilot-error.ts';
import type { KeyChain } from '../../identity/key-chain.ts';
import type { NodeRecord } from '../../identity/node-record.ts';
import type { Log } from '../log/log.ts';
import type { TrustItem } from '../messages/app-message.ts';
import { nodeIdOf } from '../names/peer-name.ts';
import { StoreError } from '../store/storage.ts';
import { forked, noRequest } from './trust-errors.ts';
import {
  newTrustRecord,
  NOTHING_OWED,
  type Statement,
  type TrustRecord,
  type TrustState,
  withNames,
  withRecord,
} from './trust-record.ts';
import {
  isFreshStatement,
  isJustification,
  nextStatementMs,
  rejection,
  RequestLimits,
} from './trust-rules.ts';
import { sayingFor, trustItem } from './trust-statement.ts';
import type { TrustStore } from './trust-store.ts';

export interface TrustSettings {
  readonly autoApprove: boolean;
  readonly maxPending: number;
  readonly requestsPerSourceHour: number;
}

interface TrustDeps {
  readonly store: TrustStore;
  readonly clock: Clock;
  readonly settings: TrustSettings;
  readonly log: Log;
  /** This node's record as relays have it. */
  readonly ownRecord: () => Uint8Array;
  /** A state has changed; `reason` is for people. */
  readonly changed: (record: TrustRecord, before: TrustState, reason: string) => void;
  /** There is something to tell this peer. */
  readonly owed: (record: TrustRecord) => void;
  readonly dropped: (reason: string) => void;
}

export class Trust {
  readonly #deps: TrustDeps;
  readonly #limits: RequestLimits;

  constructor(deps: TrustDeps) {
    this.#deps = deps;
    this.#limits = new RequestLimits(deps.settings.requestsPerSourceHour, deps.clock.monotonic());
  }

  /**
   * Asks for trust, or gives it to who has asked already. `node`: what a relay says of it now. Resolves
   * with the state when it is on disk; PilotError `conflict` when a relay contradicts what is pinned.
   */
  async ask(chain: KeyChain, why: string, node?: NodeRecord): Promise<TrustState> {
    const pinned = this.#recordOf(toHex(chain.firstKey), chain);
    if (!chain.extends(pinned.chain) && !pinned.chain.extends(chain)) throw forked(pinned);
    const known = node === undefined ? pinned : withNames(pinned, node);
    switch (known.state) {
      case 'pending':
        await this.#toTrusted(known, 'both sides asked');
        return 'trusted';
      case 'trusted':
        // The other side may have forgotten us; who still trusts us answers at once.
        await this.#put({ ...known, ...this.#say(known, 'request', why) });
        return 'trusted';
      case 'asked':
      case 'none':
        await this.#move(
          { ...known, justification: why, ...this.#say(known, 'request', why) },
          'asked',
        );
        return 'asked';
    }
  }

  /** Gives trust to who has asked for it. */
  async approve(peer: string): Promise<TrustRecord> {
    const known = this.#deps.store.get(peer);
    if (known?.state === 'trusted') return known;
    if (known?.state !== 'pending') throw noRequest(known);
    return this.#toTrusted(known, 'approved');
  }

  async reject(peer: string, why: string): Promise<TrustRecord> {
    const known = this.#deps.store.get(peer);
    if (known?.state !== 'pending') throw noRequest(known);
    return this.#move({ ...known, ...this.#say(known, 'reject', why) }, 'none', 'rejected');
  }

  /** Ends trust, or takes a request of ours back. */
  async revoke(peer: string): Promise<TrustRecord> {
    const known = this.#deps.store.get(peer);
    if (known?.state !== 'trusted' && known?.state !== 'asked') {
      throw new PilotError('not_found', 'that node is not trusted, nor was it asked', {
        hint: 'See who is: pilotctl trust',
      });
    }
    return this.#move({ ...known, ...this.#say(known, 'revoke', '') }, 'none', 'revoked');
  }

  /** What the peer has to hear from us; a request also once more, at relays that come later. */
  statementFor(record: TrustRecord): TrustItem | undefined {
    const saying = sayingFor(record);
    if (saying === undefined || (record.owed === '' && record.state !== 'asked')) return undefined;
    return trustItem(saying, record.ourStatementMs, this.#deps.ownRecord);
  }

  /** What tells a peer that trusts us, too, as long as it has not shown that it knows. */
  acceptanceFor(peer: string): TrustItem | undefined {
    const known = this.#deps.store.get(peer);
    if (known?.state !== 'trusted' || known.isConfirmed) return undefined;
    return trustItem({ kind: 'accept', why: '' }, known.ourStatementMs, this.#deps.ownRecord);
  }

  /** A relay has our statement of that time. */
  async told(peer: string, atMs: number): Promise<void> {
    const known = this.#deps.store.get(peer);
    if (known?.owed === '' || known?.ourStatementMs !== atMs) return;
    await this.#put({ ...known, owed: '', owedWhy: '' });
  }

  /** Our request may have expired where it waited: it is made anew. */
  async askAgain(peer: string): Promise<void> {
    const known = this.#deps.store.get(peer);
    if (known?.state !== 'asked' || known.owed !== '') return;
    await this.#put({ ...known, ...this.#say(known, 'request', known.justification) });
  }

  /**
   * Our key is another one: whom we deal with hears it with a statement. One that is owed already is made
   * anew, since it may be under way, sealed with the key before. Resolves when all are on disk.
   */
  async restate(): Promise<void> {
    const written = [...this.#deps.store.all()].map(async (known) => {
      const saying = sayingFor(known);
      if (saying === undefined) return;
      await this.#put({ ...known, ...this.#say(known, saying.kind, saying.why) });
    });
    await Promise.all(written);
  }

  /** The peer has shown that it knows of our trust. */
  confirm(peer: string): void {
    const known = this.#deps.store.get(peer);
    if (known?.state !== 'trusted' || known.isConfirmed) return;
    this.#put({ ...known, isConfirmed: true }).catch((error: unknown) => {
      this.#deps.log.warn(
        { err: error, peer: nodeIdOf(peer) },
        'could not note that a peer knows of our trust',
      );
    });
  }

  /** A relay has a node's record: names and relays of one that we know are updated. */
  async learn(node: NodeRecord): Promise<void> {
    const known = this.#deps.store.get(toHex(node.chain.firstKey));
    if (known === undefined || known.state === 'none') return;
    if (!this.accepts(node.chain)) return;
    const named = withNames(this.#deps.store.get(known.peer) ?? known, node);
    if (named.recordIssuedAtMs !== known.recordIssuedAtMs) await this.#put(named);
  }

  /** The directory has its hostname as another node's: the name was only claimed. */
  async denyHostname(peer: string): Promise<void> {
    const known = this.#deps.store.get(peer);
    if (known !== undefined && known.hostname !== '') await this.#put({ ...known, hostname: '' });
  }

  /**
   * Whether `chain` may be this peer's: the one we know, or one that continues it (then it is the known
   * one from now on). A fork is what somebody with a stolen old key would make.
   */
  accepts(chain: KeyChain): boolean {
    const peer = toHex(chain.firstKey);
    const known = this.#deps.store.get(peer);
    if (known === undefined) return true;
    if (!chain.extends(known.chain)) {
      const isFork = !known.chain.extends(chain);
      this.#deps.dropped(isFork ? 'forked_key' : 'retired_key');
      const message = isFork
        ? 'SECURITY: a peer’s key chain contradicts the pinned one; somebody may have its old key'
        : 'a peer used a key that it has replaced';
      this.#deps.log.warn({ peer: nodeIdOf(peer) }, message);
      return false;
    }
    if (chain.length > known.chain.length) {
      this.#deps.log.info(
        { peer: nodeIdOf(peer), rotations: chain.length },
        'a peer has a new key',
      );
      this.#put({ ...known, chain }).catch((error: unknown) => {
        this.#deps.log.warn(
          { err: error, peer: nodeIdOf(peer) },
          'could not keep a peer’s new key',
        );
      });
    }
    return true;
  }

  /**
   * A statement of a peer whose chain was accepted. Resolves when what follows from it is on disk;
   * StoreError when that failed, then it may be heard again.
   */
  async hear(chain: KeyChain, item: TrustItem): Promise<void> {
    const known = this.#recordOf(toHex(chain.firstKey), chain);
    const nowMs = this.#deps.clock.now();
    if (!isFreshStatement(item.atMs, known.theirStatementMs, nowMs)) {
      if (item.atMs !== known.theirStatementMs) this.#deps.dropped('replayed');
      return;
    }
    const heard = { ...known, theirStatementMs: item.atMs };
    switch (item.kind) {
      case 'request':
        return this.#heardRequest(heard, item);
      case 'accept':
        return this.#heardAccept(withRecord(heard, item.record));
      case 'reject':
        if (known.state !== 'asked') return this.#ignore(heard, item.kind);
        await this.#move({ ...heard, ...NOTHING_OWED }, 'none', rejection(item.why));
        return;
      case 'revoke':
        if (known.state === 'none') return this.#ignore(heard, item.kind);
        await this.#move({ ...heard, ...NOTHING_OWED }, 'none', 'revoked by the other side');
        return;
    }
  }

  async #heardRequest(
    heard: TrustRecord,
    item: Extract<TrustItem, { kind: 'request' }>,
  ): Promise<void> {
    const isStranger = heard.state === 'none' || heard.state === 'pending';
    if (!this.#limits.allow(heard.peer, isStranger, this.#deps.clock.monotonic())) {
      this.#deps.dropped('rate_limited');
      return;
    }
    try {
      await this.#judgeRequest(heard, item, isStranger);
    } catch (error) {
      // It is heard again, perhaps many times, until the disk takes it.
      if (error instanceof StoreError) this.#limits.giveBack(heard.peer, isStranger);
      throw error;
    }
  }

  async #judgeRequest(
    heard: TrustRecord,
    item: Extract<TrustItem, { kind: 'request' }>,
    isStranger: boolean,
  ): Promise<void> {
    const { log, settings, store } = this.#deps;
    if (!isJustification(item.why)) {
      this.#deps.dropped('malformed');
      return;
    }
    const named = withRecord(heard, item.record);
    if (heard.state === 'asked' || (isStranger && settings.autoApprove)) {
      const reason = heard.state === 'asked' ? 'both sides asked' : 'approved automatically';
      // They asked, so they trust us; whether they know that we do, too, they have to show.
      await this.#toTrusted(named, reason);
      return;
    }
    if (heard.state === 'trusted') {
      await this.#put({ ...named, ...this.#say(named, 'accept', '') });
      return;
    }
    if (heard.state === 'none' && store.inState('pending').length >= settings.maxPending) {
      this.#deps.dropped('pending_full');
      log.warn(
        { peer: nodeIdOf(heard.peer) },
        'a request for trust was dropped: too many wait already',
      );
      return;
    }
    await this.#move({ ...named, justification: item.why }, 'pending', 'asked for trust');
  }

  async #heardAccept(heard: TrustRecord): Promise<void> {
    if (heard.state === 'asked') {
      const told = { ...heard, ...NOTHING_OWED, isConfirmed: true };
      await this.#move(told, 'trusted', 'accepted by the other side');
    } else if (heard.state === 'trusted') {
      await this.#put({ ...heard, isConfirmed: true });
    } else {
      // Nobody asked: a peer cannot make us trust it.
      await this.#ignore(heard, 'accept');
    }
  }

  async #toTrusted(known: TrustRecord, reason: string): Promise<TrustRecord> {
    const telling = { ...known, ...this.#say(known, 'accept', ''), isConfirmed: false };
    return this.#move(telling, 'trusted', reason);
  }

  /** What has to be told instead of whatever was owed before. */
  #say(
    known: TrustRecord,
    owed: Statement,
    owedWhy: string,
  ): Pick<TrustRecord, 'owed' | 'owedWhy' | 'ourStatementMs'> {
    const ourStatementMs = nextStatementMs(known.ourStatementMs, this.#deps.clock.now());
    return { owed, owedWhy, ourStatementMs };
  }

  async #move(record: TrustRecord, state: TrustState, reason = ''): Promise<TrustRecord> {
    const before = record.state;
    const sinceMs = before === state ? record.sinceMs : this.#deps.clock.now();
    const isConfirmed = state === 'trusted' && record.isConfirmed;
    const justification = state === 'asked' || state === 'pending' ? record.justification : '';
    const moved = { ...record, state, sinceMs, isConfirmed, justification };
    const written = this.#put(moved);
    this.#deps.changed(moved, before, reason);
    await written;
    return moved;
  }

  async #put(record: TrustRecord): Promise<void> {
    const written = this.#deps.store.put(record, (restored = { ...record, state: 'none' }) => {
      // It may have been the last of several that were refused, each with a state of its own.
      if (restored.state === record.state) return;
      this.#deps.changed(restored, record.state, 'the change could not be written to disk');
    });
    if (record.owed !== '') this.#deps.owed(record);
    await written;
  }

  /** Changes nothing but how far the peer's statements have come; strangers get no record for that. */
  async #ignore(record: TrustRecord, kind: Statement): Promise<void> {
    const { dropped, log, store } = this.#deps;
    if (record.state !== 'trusted') {
      dropped('unsolicited');
      log.debug(
        { peer: nodeIdOf(record.peer), statement: kind, state: record.state },
        'an answer about trust to nothing that we asked was dropped',
      );
    }
    if (store.get(record.peer) !== undefined) await this.#put(record);
  }

  #recordOf(peer: string, chain: KeyChain): TrustRecord {
    return this.#deps.store.get(peer) ?? newTrustRecord(peer, chain, this.#deps.clock.now());
  }
}
