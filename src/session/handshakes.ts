/**
 * The handshakes of one peer: when to begin one, and what to make of the peer's.
 *
 * Which initiation counts:
 *
 *     of a peer's               we                                 answer
 *     chain forked or stale                                        refused: chain_forked, chain_stale
 *     rekey of the open session ask for new keys too, and we are
 *                               the lower first key (*)            none: ours goes first
 *                               else                               accepted
 *     rekey of another          half-open with it                  none: it is not confirmed yet
 *                               else                               refused: unknown_session
 *     new session               have it open                       none: played again
 *                               open one too, and we are the
 *                               lower first key (*)                none: ours goes first
 *                               else                               what `admit` says
 *
 *     (*) unless ours went to a key that the peer has replaced: it cannot read that
 *
 * An answer changes nothing until the peer sends a packet under the new keys. Then they replace the open
 * session's keys, or the open session. One exception keeps two sides that began at once from swapping
 * for ever: the lower first key, having just opened a session of its own that the peer has not confirmed,
 * holds on to it.
 */
import { equalBytes } from '../base/bytes.ts';
import type { KeyChain } from '../identity/key-chain.ts';
import type { Conversation } from './conversation.ts';
import { CookieIssuer } from './cookie.ts';
import { SESSION_ID_BYTES } from './handshake-payload.ts';
import { Initiator, type InitiatorOutcome } from './initiator.ts';
import { type HalfOpen, type PeerInitiation, Responder } from './responder.ts';
import type { SessionCounters } from './session-counters.ts';
import type { SessionDeps } from './session-deps.ts';
import type { SessionSettings } from './session-settings.ts';

export interface HandshakeEvents {
  readonly send: (packet: Uint8Array) => void;
  /** Our initiation has been answered. */
  readonly answered: (outcome: InitiatorOutcome) => void;
  readonly timedOut: () => void;
}

export interface HandshakesDeps {
  readonly session: SessionDeps;
  readonly settings: SessionSettings;
  readonly counters: SessionCounters;
  /** What we tell the peer that we can do beyond version 1. */
  readonly features: readonly string[];
  /** Where the session stands at this moment. */
  readonly phase: () => {
    readonly kind: 'idle' | 'opening' | 'open' | 'closed';
    readonly conversation?: Conversation;
  };
  readonly events: HandshakeEvents;
}

/** The last two: nothing, and why. */
type Confirmation = 'newKeys' | 'oldKeys' | 'newSession' | 'simultaneous' | 'unknown_receiver';

type Verdict =
  | { readonly kind: 'accept' }
  | { readonly kind: 'ignore'; readonly reason: 'simultaneous' | 'replayed' | 'closed' }
  | { readonly kind: 'refuse'; readonly code: string };

const SIMULTANEOUS = { kind: 'ignore', reason: 'simultaneous' } as const;
const REPLAYED = { kind: 'ignore', reason: 'replayed' } as const;
const CLOSED = { kind: 'ignore', reason: 'closed' } as const;

export class Handshakes {
  readonly #deps: HandshakesDeps;
  readonly #initiator: Initiator;
  readonly #responder: Responder;
  /** As the peer's handshakes have told it. */
  #told: KeyChain;

  constructor(deps: HandshakesDeps) {
    const { session, counters, events } = deps;
    this.#deps = deps;
    this.#told = session.remote;
    const shared = {
      identity: () => session.identity,
      clock: session.clock,
      random: session.random,
      send: events.send,
    };
    this.#initiator = new Initiator({ ...shared, onTimeout: events.timedOut });
    this.#responder = new Responder({
      ...shared,
      counters,
      cookies: session.cookies ?? new CookieIssuer(session.clock, session.random),
      source: session.source ?? (() => ''),
      isUnderLoad: session.isUnderLoad ?? (() => false),
    });
  }

  /** The peer's key chain, as far as it has told, or the owner has heard. */
  get remote(): KeyChain {
    const { remote } = this.#deps.session;
    return remote.length > this.#told.length ? remote : this.#told;
  }

  /** Begins a new session. */
  open(early: readonly Uint8Array[]): void {
    const id = new Uint8Array(this.#deps.session.random(SESSION_ID_BYTES));
    this.#start({ session: id, rekey: false, early });
  }

  /** Asks for new keys, unless somebody is asking already. */
  rekey({ id }: Conversation): void {
    if (this.#initiator.isActive || this.#responder.has(id)) return;
    this.#start({ session: id, rekey: true, early: [] });
  }

  /** There is a new link. */
  resend(): void {
    this.#initiator.resend();
  }

  /** Ours is no longer wanted. */
  cancel(): void {
    this.#initiator.cancel();
  }

  stop(): void {
    this.#initiator.cancel();
    this.#responder.forget(() => true);
  }

  onResponse(packet: Buffer): void {
    const outcome = this.#initiator.response(packet);
    if (typeof outcome === 'string') this.#deps.counters.drop(outcome);
    else this.#deps.events.answered(outcome);
  }

  onCookie(packet: Buffer): void {
    const reason = this.#initiator.cookie(packet);
    if (reason !== undefined) this.#deps.counters.drop(reason);
  }

  onInitiation(packet: Buffer): void {
    const { counters } = this.#deps;
    const reason = this.#responder.screen(packet);
    if (reason !== undefined) {
      counters.drop(reason);
      return;
    }
    if (!this.#goesFirst('opening') && this.#responder.answerAgain(packet)) return;
    const initiation = this.#responder.read(packet, this.remote);
    if (typeof initiation === 'string') counters.drop(initiation);
    else this.#answer(initiation);
  }

  /** The half-open handshake whose keys this receiver index names. */
  halfOpen(index: number): HalfOpen | undefined {
    return this.#responder.find(index);
  }

  /** The peer has shown that it has these keys: what they are from now on, or why nothing. */
  confirm(halfOpen: HalfOpen): Confirmation {
    const { initiation, epoch } = halfOpen;
    const open = this.#deps.phase().conversation;
    if (initiation.rekey) {
      if (open === undefined || !equalBytes(open.id, initiation.session)) return 'unknown_receiver';
    } else if (open !== undefined && this.#holdsOn(open)) {
      return 'simultaneous';
    }
    this.#initiator.cancel();
    this.#responder.take(halfOpen);
    if (!initiation.rekey) return 'newSession';
    const newestMs = open?.keys.current?.createdMs ?? 0;
    return epoch.createdMs < newestMs ? 'oldKeys' : 'newKeys';
  }

  /** The peer uses the session that we opened: those it began before that are over. */
  sessionConfirmed(): void {
    this.#responder.forget((one) => !one.initiation.rekey);
  }

  #start(what: { session: Uint8Array; rekey: boolean; early: readonly Uint8Array[] }): void {
    const { features, settings } = this.#deps;
    const { receiveWindowBytes: windowBytes, handshakeTimeoutMs: timeoutMs } = settings;
    this.#initiator.start({ ...what, remote: this.remote, windowBytes, features, timeoutMs });
  }

  #answer(initiation: PeerInitiation): void {
    const verdict = this.#judge(initiation);
    switch (verdict.kind) {
      case 'accept':
        this.#responder.accept(initiation, {
          windowBytes: this.#deps.settings.receiveWindowBytes,
          features: this.#deps.features,
        });
        return;
      case 'refuse':
        this.#responder.refuse(initiation, verdict.code);
        return;
      case 'ignore':
        this.#deps.counters.drop(verdict.reason);
    }
  }

  #judge(initiation: PeerInitiation): Verdict {
    const { chain } = initiation;
    if (typeof chain === 'string') return { kind: 'refuse', code: chain };
    this.#adopt(chain);
    // The owner may have closed the session on hearing of the new key.
    if (this.#deps.phase().kind === 'closed') return CLOSED;
    if (initiation.rekey) return this.#judgeRekey(initiation);
    return this.#judgeNew(initiation, chain);
  }

  #judgeRekey({ session }: PeerInitiation): Verdict {
    const open = this.#deps.phase().conversation;
    if (open !== undefined && equalBytes(open.id, session)) {
      return this.#goesFirst('open') ? SIMULTANEOUS : { kind: 'accept' };
    }
    return this.#responder.has(session) ? REPLAYED : { kind: 'refuse', code: 'unknown_session' };
  }

  #judgeNew({ session, early }: PeerInitiation, chain: KeyChain): Verdict {
    const open = this.#deps.phase().conversation;
    if (open !== undefined && equalBytes(open.id, session)) return REPLAYED;
    if (this.#goesFirst('opening')) return SIMULTANEOUS;
    const verdict = this.#deps.session.handlers.admit({ chain, early });
    if (this.#deps.phase().kind === 'closed') return CLOSED;
    return verdict.accept ? { kind: 'accept' } : { kind: 'refuse', code: verdict.code };
  }

  #adopt(chain: KeyChain): void {
    if (chain.length === this.remote.length) return;
    this.#told = chain;
    this.#deps.session.handlers.rotated(chain);
  }

  /** True when we have begun the same thing and it is ours that counts. */
  #goesFirst(kind: 'opening' | 'open'): boolean {
    const isReadable = this.#initiator.remote?.length === this.remote.length;
    return isReadable && this.#deps.phase().kind === kind && this.#isLower();
  }

  #holdsOn(open: Conversation): boolean {
    const { session, settings } = this.#deps;
    const ageMs = session.clock.monotonic() - open.openedMs;
    const isFresh = open.isInitiator && open.keys.current?.isConfirmed === false;
    return isFresh && this.#isLower() && ageMs < settings.handshakeTimeoutMs;
  }

  #isLower(): boolean {
    return Buffer.compare(this.#deps.session.identity.firstKey, this.remote.firstKey) < 0;
  }
}
