/**
 * One attempt to reach a peer directly, and the link that came of it.
 *
 *     checking ── ICE selects a pair ──> linked ── both ends are there (path-transport.ts) ──> up
 *        │                                  │                                                  │
 *        └── nothing works, no time ────────┴── consent lost, the link closed, the peer's end ─┴──> ended
 */
import { toHex } from '../../base/bytes.ts';
import type { Clock } from '../../base/clock.ts';
import type { RandomBytes } from '../../base/random.ts';
import type { Candidate } from '../../ice/candidate.ts';
import { IceAgent } from '../../ice/ice-agent.ts';
import type { IceReport } from '../../ice/ice-report.ts';
import type { IceAgentSettings, PathQuality, SelectedPair } from '../../ice/ice-settings.ts';
import type { Link } from '../../session/link.ts';
import { describePeerEnd, NOT_BETTER } from './path-end.ts';
import { MAX_ITEM_CANDIDATES, type PathItem } from './path-message.ts';
import type { PathNetwork } from './path-network.ts';
import { PathTransport } from './path-transport.ts';
import { Punching } from './punching.ts';
import { SilenceWatch } from './silence-watch.ts';

export type PathOffer = PathItem & { readonly step: 'offer' | 'answer' };

export interface AttemptDeps {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly network: PathNetwork;
  readonly ice?: Partial<IceAgentSettings>;
  /** To the peer, inside the session. */
  readonly tell: (item: PathItem) => void;
  readonly handlers: AttemptHandlers;
}

export interface AttemptHandlers {
  /** We control, and this pair was found. False: what is in use is as good. */
  isWanted(pair: SelectedPair): boolean;
  /** The quality of the path may be another. */
  probed(attempt: PathAttempt): void;
  /** The link may be used. */
  up(attempt: PathAttempt): void;
  packet(packet: Uint8Array): void;
  /** Once; nothing of it is left. */
  ended(attempt: PathAttempt, end: AttemptEnd): void;
}

export interface AttemptEnd {
  /** A code: of ICE's failures, `consent_lost`, `not_better`, `link_…`, `peer_…`. */
  readonly code: string;
  /** For people. */
  readonly text: string;
  readonly isByPeer: boolean;
  readonly report: IceReport;
}

export const ATTEMPT_ID_BYTES = 8;
/** Sent, and heard nothing since: ICE asks whether the path is there. */
const ANXIOUS_AFTER_MS = 500;

export class PathAttempt {
  readonly id: string;
  readonly #deps: AttemptDeps;
  readonly #agent: IceAgent;
  readonly #punching: Punching;
  readonly #silence: SilenceWatch;
  readonly #transport: PathTransport;
  readonly #offer: PathOffer | undefined;
  readonly #release: (() => void)[];
  #isAgreed = false;
  #isRemoteDone = false;
  #pair: SelectedPair | undefined;
  #state: 'checking' | 'linked' | 'up' | 'ended' = 'checking';

  private constructor(deps: AttemptDeps, id: string, offer: PathOffer | undefined) {
    const { clock, network, random, ice } = deps;
    const role = offer === undefined ? 'controlling' : 'controlled';
    this.id = id;
    this.#deps = deps;
    this.#offer = offer;
    this.#transport = this.#newTransport(offer === undefined);
    this.#agent = new IceAgent(
      {
        ...{ clock, random, router: network.router },
        send: (bytes, base, to) => {
          network.underlay.send(bytes, base, to);
        },
      },
      { role, ...(ice !== undefined && { settings: ice }) },
      {
        selected: (pair) => {
          this.#onSelected(pair);
        },
        probed: () => {
          if (this.#state === 'up') deps.handlers.probed(this);
        },
        failed: (report) => {
          const { code = 'failed', text = 'no path was found' } = report.failure ?? {};
          this.#end({ code, text: this.#withNats(code, text), isByPeer: false });
        },
        consentLost: () => {
          this.#end({
            code: 'consent_lost',
            text: 'the path does not answer any more',
            isByPeer: false,
          });
        },
      },
    );
    this.#silence = new SilenceWatch(clock, ANXIOUS_AFTER_MS, () => {
      this.#agent.probeNow();
      network.suspect();
    });
    this.#punching = new Punching({
      ...{ clock, random, network, agent: this.#agent },
      asks: role === 'controlling',
      allowLoopback: ice?.allowLoopback ?? false,
      tell: (message) => {
        deps.tell({ kind: 'path', attempt: id, step: 'punch', message });
      },
    });
    const { events } = network;
    this.#release = [
      events.on('nat', () => {
        this.#tellCandidates([], false);
      }),
      events.on('candidate', (candidate) => {
        this.#tellCandidates([candidate], false);
      }),
      events.on('gathered', () => {
        this.#tellCandidates([], true);
      }),
    ];
  }

  /** One of ours: who offers controls. */
  static offer(deps: AttemptDeps): PathAttempt {
    return new PathAttempt(deps, toHex(deps.random(ATTEMPT_ID_BYTES)), undefined);
  }

  static answer(deps: AttemptDeps, offer: PathOffer): PathAttempt {
    return new PathAttempt(deps, offer.attempt, offer);
  }

  /** What carries packets; undefined until it is up. */
  get link(): Link | undefined {
    return this.#state === 'up' ? this.#transport.link : undefined;
  }

  get pair(): SelectedPair | undefined {
    return this.#pair;
  }

  /** Undefined before a pair is selected. */
  get quality(): PathQuality | undefined {
    return this.#agent.quality;
  }

  /** By ICE's probes, which go on when nothing is sent; else by the transport. */
  get rttMs(): number | undefined {
    return this.quality?.rttMs ?? this.#transport.rttMs;
  }

  /** Tells the peer that we want a direct path, or answers it. Once; may end the attempt. */
  begin(): void {
    const { tell, network } = this.#deps;
    if (this.#offer !== undefined) this.#setRemote(this.#offer);
    if (this.#state === 'ended') return;
    network.freshen();
    const nat = this.#punching.takeNews();
    tell({
      ...{ kind: 'path', attempt: this.id },
      step: this.#offer === undefined ? 'offer' : 'answer',
      ...{ credentials: this.#agent.credentials, ...this.#transport.terms },
      ...(nat !== undefined && { nat }),
    });
    if (!this.#transport.told()) return;
    this.#tellCandidates(network.candidates, network.isGathered);
  }

  /** What the peer says of this attempt. */
  receive(item: PathItem): void {
    switch (item.step) {
      case 'offer':
        return;
      case 'answer':
        this.#setRemote(item);
        return;
      case 'candidates':
        for (const candidate of item.candidates) this.#agent.addRemote(candidate);
        this.#isRemoteDone ||= item.isLast;
        if (item.nat !== undefined) this.#punching.learn(item.nat);
        this.#giveUpEarly();
        return;
      case 'channel':
        this.#transport.accept(item.fingerprint);
        return;
      case 'punch':
        this.#punching.receive(item.message);
        return;
      case 'end':
        this.#end({ ...describePeerEnd(item.reason), isByPeer: true });
    }
  }

  /** Without a word: no handler is called any more. */
  close(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    for (const release of this.#release.splice(0)) release();
    this.#silence.stop();
    this.#agent.close();
    this.#punching.close();
    void this.#closeLink();
  }

  /** Its last packets leave by its socket, which may be one that was opened for this attempt. */
  async #closeLink(): Promise<void> {
    await this.#transport.close();
    this.#punching.releaseSocket();
  }

  #tellCandidates(candidates: readonly Candidate[], isLast: boolean): void {
    for (const candidate of candidates) this.#agent.addLocal(candidate);
    if (isLast) this.#agent.localDone();
    const nat = this.#punching.takeNews();
    if (candidates.length === 0 && !isLast && nat === undefined) return;
    // One that is more than a peer looks at would only make the item invalid.
    const told = candidates.slice(0, MAX_ITEM_CANDIDATES);
    this.#deps.tell({
      kind: 'path',
      attempt: this.id,
      step: 'candidates',
      candidates: told,
      isLast,
      ...(nat !== undefined && { nat }),
    });
    this.#giveUpEarly();
  }

  /** Once nothing more is to come, and no ports are guessed, the agent need not wait for its deadline. */
  #giveUpEarly(): void {
    if (this.#isRemoteDone && !this.#punching.isPlanned) this.#agent.remoteDone();
  }

  #setRemote(terms: PathOffer): void {
    if (this.#isAgreed) return;
    this.#isAgreed = true;
    if (terms.nat !== undefined) this.#punching.learn(terms.nat);
    this.#transport.agree(terms);
    if (!this.#agent.setRemote(terms.credentials)) {
      const text = 'the peer told credentials that ICE does not allow';
      this.#end({ code: 'bad_credentials', text, isByPeer: false });
    }
  }

  #onSelected(pair: SelectedPair): void {
    // The first pair carries the link; ICE waited for a better one before it agreed on it.
    if (this.#state !== 'checking' || !this.#isAgreed) return;
    const isControlling = this.#agent.role === 'controlling';
    if (isControlling && !this.#deps.handlers.isWanted(pair)) {
      this.#end({ code: NOT_BETTER, text: 'the path in use is as good', isByPeer: false });
      return;
    }
    this.#pair = pair;
    this.#state = 'linked';
    this.#agent.settle();
    this.#punching.selected();
    this.#transport.use(pair, isControlling);
  }

  #newTransport(isOffering: boolean): PathTransport {
    const { clock, network, tell, handlers } = this.#deps;
    return new PathTransport({
      ...{ clock, isOffering, underlay: network.underlay },
      handlers: {
        tellFingerprint: (fingerprint) => {
          tell({ kind: 'path', attempt: this.id, step: 'channel', fingerprint });
        },
        up: () => {
          this.#becomeUp();
        },
        sent: () => {
          this.#silence.sent();
        },
        packet: (packet) => {
          this.#silence.heard();
          this.#agent.heard();
          handlers.packet(packet);
        },
        ended: (code, text) => {
          this.#end({ code, text, isByPeer: false });
        },
      },
    });
  }

  /** The NATs are a reason where nothing was heard, not where something else went wrong. */
  #withNats(code: string, text: string): string {
    const why = code === 'no_answer' || code === 'one_way' ? this.#punching.why : undefined;
    return why === undefined ? text : `${text}; ${why}`;
  }

  #becomeUp(): void {
    if (this.#state !== 'linked') return;
    this.#state = 'up';
    for (const release of this.#release.splice(0)) release();
    this.#deps.handlers.up(this);
  }

  #end(end: Omit<AttemptEnd, 'report'>): void {
    if (this.#state === 'ended') return;
    const report = this.#agent.report();
    this.close();
    this.#deps.handlers.ended(this, { ...end, report });
  }
}
