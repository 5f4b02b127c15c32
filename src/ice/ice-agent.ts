/**
 * One attempt to find a direct path to one peer: full ICE for one component (RFC 8445), trickled (RFC 8838),
 * with consent (RFC 7675) on the pair that was selected.
 *
 *     checking ──a pair is nominated──> connected ──consent lost──> closed
 *        │                                 └─ until the deadline a better pair may be selected
 *        └──nothing works, or deadline──> failed = closed
 *
 * It answers the peer's checks until it is closed, as the peer's own may need several to get through. A
 * restart is a new agent beside this one; the username tells their datagrams apart.
 *
 * What the peer can make us send is bounded in remote-candidates.ts, probe-budget.ts, check-responder.ts and
 * punch-probes.ts.
 */
import type { Cancel } from '../base/clock.ts';
import type { Endpoint } from '../base/endpoint.ts';
import { type Candidate, familyOf, priorityOf } from './candidate.ts';
import type { CandidatePair } from './candidate-pair.ts';
import { CheckList } from './check-list.ts';
import { areIceCredentials, type IceCredentials, type IceRole } from './check-message.ts';
import { type AcceptedVerdict, CheckResponder } from './check-responder.ts';
import { CheckSigner, transactionKey } from './check-signer.ts';
import { Checker } from './checker.ts';
import { ConsentProbes } from './consent-probes.ts';
import { buildReport, type IceReport, type IceState, shareFamily } from './ice-report.ts';
import {
  ICE_DEFAULTS,
  type IceAgentDeps,
  type IceAgentHandlers,
  type IceAgentSettings,
  type PathQuality,
  type SelectedPair,
} from './ice-settings.ts';
import { LocalCandidates } from './local-candidates.ts';
import { Nominator } from './nominator.ts';
import { ProbeBudget } from './probe-budget.ts';
import { PunchProbes } from './punch-probes.ts';
import { RemoteCandidates } from './remote-candidates.ts';
import type { StunDatagram } from './stun-router.ts';

export interface IceAgentOptions {
  /** One of the two controls; when both think so, or neither, they settle it by their tie-breakers. */
  readonly role: IceRole;
  readonly settings?: Partial<IceAgentSettings>;
}

export class IceAgent {
  readonly #deps: IceAgentDeps;
  readonly #settings: IceAgentSettings;
  readonly #handlers: IceAgentHandlers;
  readonly #startedMs: number;
  readonly #signer: CheckSigner;
  readonly #list: CheckList;
  readonly #locals = new LocalCandidates();
  readonly #remotes: RemoteCandidates;
  readonly #checker: Checker;
  readonly #nominator: Nominator;
  readonly #responder: CheckResponder;
  readonly #punches: PunchProbes;
  readonly #unregister: Cancel;
  readonly #cancelDeadline: Cancel;
  #selected: CandidatePair | undefined;
  #consent: ConsentProbes | undefined;
  /** The request that nominated last; the same again is a retransmission. */
  #nomination: string | undefined;
  #isLocalDone = false;
  #isRemoteDone = false;
  #state: IceState = 'checking';

  constructor(deps: IceAgentDeps, options: IceAgentOptions, handlers: IceAgentHandlers) {
    const settings = { ...ICE_DEFAULTS, ...options.settings };
    this.#deps = deps;
    this.#settings = settings;
    this.#handlers = handlers;
    this.#startedMs = deps.clock.monotonic();
    this.#signer = new CheckSigner(deps.random, options.role);
    this.#list = new CheckList(options.role);
    this.#remotes = new RemoteCandidates(() => ({
      ours: this.#locals.all.map(({ endpoint }) => endpoint),
      allowLoopback: settings.allowLoopback,
    }));
    this.#checker = this.#createChecker();
    this.#nominator = new Nominator({
      clock: deps.clock,
      list: this.#list,
      settleMs: settings.settleMs,
      nominate: (pair) => {
        this.#checker.nominate(pair);
      },
    });
    this.#responder = new CheckResponder({
      ...deps,
      signer: this.#signer,
      isUsableSource: (endpoint) => this.#remotes.isUsableSource(endpoint),
      accepted: (datagram, verdict) => {
        this.#accept(datagram, verdict);
      },
    });
    this.#punches = new PunchProbes(deps, this.#signer, {
      mayTarget: (endpoint) => this.#remotes.isAtCandidate(endpoint),
      answered: (base, endpoint) => {
        const pair = this.#pairOf(base, endpoint, priorityOf('prflx', 0));
        if (pair !== undefined) this.#checker.trigger(pair);
      },
    });
    this.#unregister = deps.router.register(this.credentials.ufrag, (datagram) => {
      this.#responder.receive(datagram);
    });
    this.#cancelDeadline = deps.clock.after(settings.attemptMs, () => {
      this.#reachDeadline();
    });
  }

  /** To be told to the peer, over a channel that nobody else reads. */
  get credentials(): IceCredentials {
    return this.#signer.credentials;
  }

  get role(): IceRole {
    return this.#signer.role;
  }

  get selected(): SelectedPair | undefined {
    return this.#selected && describePair(this.#selected);
  }

  /** Undefined before a pair is selected. */
  get quality(): PathQuality | undefined {
    return this.#consent?.quality;
  }

  /** A candidate of ours, also told to the peer; `base` names its socket. Once more changes nothing. */
  addLocal(candidate: Candidate): void {
    const local = this.#locals.add(candidate);
    if (this.#isClosed) return;
    this.#list.addLocal(local);
    this.#checker.pump();
  }

  /** All of ours are told. */
  localDone(): void {
    this.#isLocalDone = true;
    this.#endIfHopeless();
  }

  /** False when they are not what RFC 8445, 5.3 allows, or others than before: that is another attempt. */
  setRemote(credentials: IceCredentials): boolean {
    if (!areIceCredentials(credentials)) return false;
    const known = this.#signer.remote;
    if (known !== undefined) {
      return known.ufrag === credentials.ufrag && known.password === credentials.password;
    }
    this.#signer.remote = { ufrag: credentials.ufrag, password: credentials.password };
    if (!this.#isClosed) this.#checker.pump();
    return true;
  }

  /** A candidate that the peer told. False when it is not used; the report counts why. */
  addRemote(candidate: Candidate): boolean {
    if (this.#isClosed) return false;
    const remote = this.#remotes.signal(candidate);
    if (remote === undefined) return false;
    this.#list.addRemote(remote);
    this.#checker.pump();
    return true;
  }

  /** The peer has told all of its candidates. */
  remoteDone(): void {
    this.#isRemoteDone = true;
    this.#endIfHopeless();
  }

  /**
   * One check from this socket to an endpoint that is only guessed, at a host of the peer's candidates.
   * False when it is not sent: no such host, no credentials yet, or `MAX_PUNCHES` are spent.
   */
  punch(base: string, to: Endpoint): boolean {
    return !this.#isClosed && this.#punches.send(base, to);
  }

  /** The selected pair is good enough: no better one is looked for any more. */
  settle(): void {
    if (this.#selected === undefined) return;
    this.#list.close();
    this.#nominator.close();
  }

  /** Authentic data of the session came over the selected pair. */
  heard(): void {
    this.#consent?.heard();
  }

  /** The owner has sent over the selected pair and heard nothing for a while: ask the peer at once. */
  probeNow(): void {
    this.#consent?.probeNow();
  }

  report(): IceReport {
    return buildReport({
      state: this.#state,
      role: this.role,
      durationMs: this.#deps.clock.monotonic() - this.#startedMs,
      hasRemoteCredentials: this.#signer.remote !== undefined,
      local: this.#locals.all,
      remote: this.#remotes.all,
      refused: this.#remotes.refused,
      pairs: this.#list.pairs,
      selected: this.#selected,
      inbound: this.#responder.counts,
      punches: this.#punches.sent,
    });
  }

  /** No handler is called any more, nothing sent or answered. */
  close(): void {
    if (this.#isClosed) return;
    this.#end('closed');
  }

  get #isClosed(): boolean {
    return this.#state !== 'checking' && this.#state !== 'connected';
  }

  #end(state: IceState): void {
    this.#state = state;
    this.#cancelDeadline();
    this.#unregister();
    this.#checker.stop();
    this.#nominator.close();
    this.#punches.stop();
    this.#consent?.stop();
  }

  #createChecker(): Checker {
    const { taMs, checkTimers: timers, nominationTimers } = this.#settings;
    const deps = {
      ...this.#deps,
      list: this.#list,
      signer: this.#signer,
      budget: new ProbeBudget(),
    };
    return new Checker(
      deps,
      { taMs, timers, nominationTimers },
      {
        succeeded: (pair) => {
          const found = this.#locals.discover(pair);
          if (found !== undefined) this.#handlers.candidate?.(found, 'local');
          if (pair.isNominated && this.role === 'controlled') this.#select(pair);
          this.#considerNomination();
        },
        failed: (pair) => {
          this.#nominator.forget(pair);
          this.#considerNomination();
          this.#endIfHopeless();
        },
        nominated: (pair) => {
          this.#select(pair);
        },
        roleSwitched: () => {
          this.#adoptRole();
        },
      },
    );
  }

  /** RFC 8445, 7.3.1.3 to 7.3.1.5. */
  #accept(datagram: StunDatagram, verdict: AcceptedVerdict): void {
    if (verdict.switchesRole) {
      this.#signer.switchRole();
      this.#adoptRole();
    }
    const pair = this.#pairOf(datagram.base, datagram.from, verdict.priority);
    if (pair === undefined) return;
    if (verdict.nominates && this.role === 'controlled') this.#noticeNomination(pair, datagram);
    this.#checker.trigger(pair);
  }

  /** The pair that a message of the peer came over, perhaps new; undefined when there are too many. */
  #pairOf(base: string, from: Endpoint, priority: number): CandidatePair | undefined {
    const discovered = this.#remotes.discover(from, priority);
    if (discovered === undefined) return undefined;
    const { candidate, isNew } = discovered;
    const family = familyOf(from.host);
    if (family !== undefined && !this.#list.hasLocal(base)) {
      // The socket works, though no candidate of it is known yet.
      const foundation = `early ${base}`;
      this.#list.addLocal({ base, family, priority: priorityOf('srflx', 0), foundation });
    }
    if (isNew) {
      this.#list.addRemote(candidate);
      this.#handlers.candidate?.(candidate, 'remote');
    }
    return this.#list.pairOf(base, from);
  }

  /** The last nomination counts; what was nominated before and is not valid yet no longer does. */
  #noticeNomination(pair: CandidatePair, datagram: StunDatagram): void {
    const nomination = transactionKey(datagram);
    if (this.#nomination === nomination) return;
    this.#nomination = nomination;
    for (const other of this.#list.pairs) other.isNominated = other === pair;
    if (pair.state === 'succeeded') this.#select(pair);
  }

  #considerNomination(): void {
    if (this.role === 'controlling') this.#nominator.consider();
  }

  #adoptRole(): void {
    this.#list.role = this.role;
    this.#nominator.stop();
    this.#considerNomination();
  }

  #select(pair: CandidatePair): void {
    if (this.#selected === pair || this.#isClosed) return;
    this.#selected = pair;
    this.#state = 'connected';
    this.#list.floor = pair;
    for (const other of this.#list.pairs) {
      if (other.isOpen && this.#list.compare(other, pair) < 0) this.#checker.abandon(other);
    }
    this.#consent?.stop();
    this.#consent = new ConsentProbes(this.#deps, this.#signer, pair, {
      settings: this.#settings.consent,
      probed: () => {
        this.#handlers.probed?.();
      },
      lost: () => {
        this.#end('lost');
        this.#handlers.consentLost(this.report());
      },
    });
    this.#handlers.selected(describePair(pair));
  }

  #reachDeadline(): void {
    if (this.#selected === undefined) this.#fail();
    else this.settle();
  }

  /** RFC 8838, 8: only when nothing can come any more. */
  #endIfHopeless(): void {
    if (!this.#isLocalDone || !this.#isRemoteDone) return;
    if (this.#isClosed || this.#selected !== undefined) return;
    const { pairs } = this.#list;
    const isFruitless =
      pairs.length > 0
        ? pairs.every(({ state }) => state === 'failed')
        : this.#remotes.all.length > 0 && !shareFamily(this.#locals.all, this.#remotes.all);
    if (isFruitless) this.#fail();
  }

  #fail(): void {
    this.#end('failed');
    this.#handlers.failed(this.report());
  }
}

function describePair({ base, remote, mapped, rttMs }: CandidatePair): SelectedPair {
  return { base, remote, mapped, rttMs };
}
