/**
 * Sends our connectivity checks (RFC 8445, 6.1.4 and 7.2): one new check every Ta, each a STUN transaction,
 * none before the peer's credentials are known and none beyond the budget.
 */
import type { Cancel } from '../base/clock.ts';
import type { RandomBytes } from '../base/random.ts';
import type { CandidatePair } from './candidate-pair.ts';
import type { CheckList } from './check-list.ts';
import type { IceRole } from './check-message.ts';
import type { CheckSigner } from './check-signer.ts';
import type { ProbeBudget } from './probe-budget.ts';
import type { StunDatagram } from './stun-router.ts';
import {
  type StunAnswer,
  type StunTimers,
  StunTransaction,
  type StunTransactionDeps,
} from './stun-transaction.ts';

export interface CheckerDeps extends StunTransactionDeps {
  readonly random: RandomBytes;
  readonly list: CheckList;
  readonly signer: CheckSigner;
  readonly budget: ProbeBudget;
}

export interface CheckerSettings {
  /** RFC 8445, 14.2. */
  readonly taMs: number;
  readonly timers: StunTimers;
  readonly nominationTimers: StunTimers;
}

export interface CheckerHandlers {
  readonly succeeded: (pair: CandidatePair) => void;
  /** Or is not valid any more. */
  readonly failed: (pair: CandidatePair) => void;
  /** The peer agreed to our nomination of it. */
  readonly nominated: (pair: CandidatePair) => void;
  /** A conflict made us change our role. */
  readonly roleSwitched: () => void;
}

/** A peer that answers 487 for ever is not worth more. */
const MAX_ROLE_CONFLICTS = 4;

interface Outgoing {
  readonly pair: CandidatePair;
  readonly role: IceRole;
  readonly nominate: boolean;
}

export class Checker {
  readonly #deps: CheckerDeps;
  readonly #settings: CheckerSettings;
  readonly #handlers: CheckerHandlers;
  /** All that still wait for an answer; a pair may have several since triggered checks begin anew. */
  readonly #transactions = new Map<StunTransaction, Outgoing>();
  /** The check whose end decides over the pair. */
  readonly #current = new Map<CandidatePair, StunTransaction>();
  #roleConflicts = 0;
  #isPacing = false;
  #isStopped = false;
  #cancelPace: Cancel = () => undefined;

  constructor(deps: CheckerDeps, settings: CheckerSettings, handlers: CheckerHandlers) {
    this.#deps = deps;
    this.#settings = settings;
    this.#handlers = handlers;
  }

  /** To be called when the list may have something to check. */
  pump(): void {
    if (this.#isPacing || this.#isStopped || this.#deps.signer.remote === undefined) return;
    const pair = this.#deps.list.next();
    if (pair === undefined) return;
    this.#isPacing = true;
    this.#cancelPace = this.#deps.clock.after(this.#settings.taMs, () => {
      this.#isPacing = false;
      this.pump();
    });
    this.#check(pair);
  }

  /** The peer's request came over this pair: now its filters are open, so try again (RFC 8445, 7.3.1.4). */
  trigger(pair: CandidatePair): void {
    if (pair.state === 'succeeded') return;
    this.#current.get(pair)?.stopSending();
    this.#deps.list.trigger(pair);
    this.pump();
  }

  nominate(pair: CandidatePair): void {
    this.#cancelWhere((outgoing) => outgoing.nominate);
    this.#send(pair, true);
  }

  /** Lets go of checks that cannot improve on the selected pair. */
  abandon(pair: CandidatePair): void {
    this.#cancelWhere((outgoing) => outgoing.pair === pair);
    pair.state = 'frozen';
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelPace();
    this.#cancelWhere(() => true);
  }

  #check(pair: CandidatePair): void {
    pair.state = 'in-progress';
    if (this.#deps.budget.isSpent(pair.remote.endpoint)) this.#fail(pair);
    else this.#current.set(pair, this.#send(pair, false));
  }

  #send(pair: CandidatePair, nominate: boolean): StunTransaction {
    const { random, signer, budget } = this.#deps;
    const transactionId = random(12);
    const to = pair.remote.endpoint;
    const request = {
      transactionId,
      bytes: signer.request(transactionId, pair.local.priority, nominate),
      base: pair.base,
      to,
      timers: nominate ? this.#settings.nominationTimers : this.#settings.timers,
    };
    const outgoing: Outgoing = { pair, role: signer.role, nominate };
    const transaction: StunTransaction = new StunTransaction(this.#deps, request, {
      isAuthentic: (datagram) => this.#isAuthentic(pair, datagram),
      maySend: () => {
        const may = budget.take(to);
        if (may) pair.requests++;
        return may;
      },
      answered: (answer) => {
        this.#transactions.delete(transaction);
        this.#answered(outgoing, answer);
      },
      timedOut: () => {
        this.#transactions.delete(transaction);
        if (nominate) this.#doubt(pair);
        else if (this.#current.get(pair) === transaction) this.#fail(pair);
      },
    });
    this.#transactions.set(transaction, outgoing);
    return transaction;
  }

  #isAuthentic(pair: CandidatePair, datagram: StunDatagram): boolean {
    if (this.#deps.signer.isAuthenticAnswer(datagram)) return true;
    pair.wrongIntegrity++;
    return false;
  }

  #answered(outgoing: Outgoing, answer: StunAnswer): void {
    const { pair } = outgoing;
    this.#deps.budget.answered(pair.remote.endpoint);
    pair.answers++;
    const { errorCode, xorMappedAddress } = answer.message;
    if (answer.message.class === 'success' && xorMappedAddress !== undefined) {
      pair.mapped = xorMappedAddress;
      if (answer.requests === 1) pair.rttMs = answer.rttMs;
      this.#succeed(outgoing);
    } else if (errorCode?.code === 487) {
      this.#resolveConflict(outgoing);
    } else {
      pair.errorCode = errorCode?.code;
      this.#fail(pair);
    }
  }

  #succeed({ pair, nominate }: Outgoing): void {
    const isNew = pair.state !== 'succeeded';
    pair.state = 'succeeded';
    this.#cancelWhere((other) => other.pair === pair && !other.nominate);
    if (isNew) {
      this.#deps.list.unfreezeLike(pair);
      this.#handlers.succeeded(pair);
    }
    if (nominate) this.#handlers.nominated(pair);
    this.pump();
  }

  #resolveConflict({ pair, role }: Outgoing): void {
    this.#roleConflicts++;
    pair.errorCode = 487;
    if (this.#roleConflicts > MAX_ROLE_CONFLICTS) {
      this.#fail(pair);
      return;
    }
    this.#deps.list.trigger(pair);
    if (this.#deps.signer.yieldRole(role)) this.#handlers.roleSwitched();
    this.pump();
  }

  /** A valid pair does not answer its nomination: others come first, and this one is checked anew. */
  #doubt(pair: CandidatePair): void {
    this.#deps.list.trigger(pair);
    this.#handlers.failed(pair);
    this.pump();
  }

  #fail(pair: CandidatePair): void {
    this.#cancelWhere((outgoing) => outgoing.pair === pair);
    pair.state = 'failed';
    this.#handlers.failed(pair);
    this.pump();
  }

  #cancelWhere(isMeant: (outgoing: Outgoing) => boolean): void {
    for (const [transaction, outgoing] of this.#transactions) {
      if (!isMeant(outgoing)) continue;
      transaction.cancel();
      this.#transactions.delete(transaction);
    }
  }
}
