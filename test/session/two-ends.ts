import { utf8 } from '../../src/base/bytes.ts';
import { Identity } from '../../src/identity/identity.ts';
import type { KeyChain } from '../../src/identity/key-chain.ts';
import { Session } from '../../src/session/session.ts';
import type { ClosedReason, SessionHandlers } from '../../src/session/session-handlers.ts';
import type { SessionSettings } from '../../src/session/session-settings.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { MemoryLink } from './memory-link.ts';

const RUN_AT_ONCE = (run: () => void): void => {
  run();
};

/** A session and everything it told its owner. */
export class End implements SessionHandlers {
  readonly session: Session;
  identity: Identity;
  isUnderLoad = false;
  readonly events: string[] = [];
  readonly messages: string[] = [];
  readonly datagrams: string[] = [];
  /** Of `measured`. */
  readonly roundTrips: number[] = [];
  readonly early: string[][] = [];
  /** What the owner knows of the peer. */
  remote: KeyChain;
  /** What sessions gave back at their end. */
  readonly unacknowledged: string[] = [];
  /** Which rule was broken, of each session that ended. */
  readonly codes: (string | undefined)[] = [];
  verdict: ReturnType<SessionHandlers['admit']> = { accept: true };
  onMessage: (text: string) => void = () => undefined;
  onClosed: (reason: ClosedReason) => void = () => undefined;

  constructor(options: {
    identity: Identity;
    remote: KeyChain;
    clock: ManualClock;
    seed: number;
    settings?: Partial<SessionSettings>;
    defer?: (run: () => void) => void;
  }) {
    this.identity = options.identity;
    this.remote = options.remote;
    const identityNow = (): Identity => this.identity;
    const remoteNow = (): KeyChain => this.remote;
    this.session = new Session({
      get identity() {
        return identityNow();
      },
      get remote() {
        return remoteNow();
      },
      clock: options.clock,
      random: seededRandom(options.seed),
      handlers: this,
      settings: options.settings ?? {},
      defer: options.defer ?? RUN_AT_ONCE,
      isUnderLoad: () => this.isUnderLoad,
    });
  }

  admit(request: { chain: KeyChain; early: readonly Uint8Array[] }): typeof this.verdict {
    this.early.push(request.early.map(text));
    return this.verdict;
  }

  opened({ earlyDelivered }: { earlyDelivered: boolean }): void {
    this.events.push(earlyDelivered ? 'opened, early delivered' : 'opened');
  }

  refused(code: string): void {
    this.events.push(`refused: ${code}`);
  }

  message(body: Uint8Array): void {
    this.messages.push(text(body));
    this.onMessage(text(body));
  }

  datagram(body: Uint8Array): void {
    this.datagrams.push(text(body));
  }

  writable(): void {
    this.events.push('writable');
  }

  measured(rttMs: number): void {
    this.roundTrips.push(rttMs);
  }

  rotated(chain: KeyChain): void {
    this.events.push(`rotated: ${chain.length}`);
  }

  closed(reason: ClosedReason, unacknowledged: readonly Uint8Array[], code?: string): void {
    this.codes.push(code);
    this.events.push(`closed: ${reason}`);
    this.unacknowledged.push(...unacknowledged.map(text));
    this.onClosed(reason);
  }

  say(words: string): boolean {
    return this.session.send(utf8(words));
  }

  drops(reason: string): number {
    return new Map<string, number>(this.session.counters.drops).get(reason) ?? 0;
  }
}

/** Two identities; the first has the lower first key. */
export function twoIdentities(seed = 1): [Identity, Identity] {
  const random = seededRandom(seed);
  const one = Identity.create(random, 0);
  const two = Identity.create(random, 0);
  return Buffer.compare(one.firstKey, two.firstKey) < 0 ? [one, two] : [two, one];
}

/** `low` and `high` (by their first keys) with a link between them. */
export class TwoEnds {
  readonly clock = new ManualClock();
  low: End;
  readonly high: End;
  lowLink: MemoryLink;
  highLink: MemoryLink;
  readonly #seed: number;
  #restarts = 0;

  constructor(
    options: {
      seed?: number;
      settings?: Partial<SessionSettings>;
      identities?: [Identity, Identity];
      defer?: (run: () => void) => void;
    } = {},
  ) {
    this.#seed = options.seed ?? 1;
    const [low, high] = options.identities ?? twoIdentities(this.#seed);
    const { settings = {}, defer = RUN_AT_ONCE } = options;
    const shared = { clock: this.clock, settings, defer };
    this.low = new End({ ...shared, identity: low, remote: high.chain, seed: this.#seed + 1 });
    this.high = new End({ ...shared, identity: high, remote: low.chain, seed: this.#seed + 2 });
    [this.lowLink, this.highLink] = this.connect();
  }

  /** A new link; what is under way on the old one still arrives, unless it was cut. */
  connect(delayMs = 10): [MemoryLink, MemoryLink] {
    this.lowLink = new MemoryLink(this.clock, delayMs, () => this.high.session);
    this.highLink = new MemoryLink(this.clock, delayMs, () => this.low.session);
    this.low.session.setLink(this.lowLink);
    this.high.session.setLink(this.highLink);
    return [this.lowLink, this.highLink];
  }

  /** The process of `low` starts again: the same identity, nothing remembered, the same link. */
  restartLow(settings: Partial<SessionSettings> = {}): End {
    const { identity } = this.low;
    const remote = this.high.identity.chain;
    this.low = new End({
      identity,
      remote,
      clock: this.clock,
      seed: this.#seed + 3 + this.#restarts++,
      settings,
    });
    this.low.session.setLink(this.lowLink);
    return this.low;
  }

  /** Both ends lose the link and everything on it. */
  cut(): void {
    this.lowLink.cut();
    this.highLink.cut();
    this.low.session.setLink(undefined);
    this.high.session.setLink(undefined);
  }

  /** `low` opens; both are open afterwards. */
  open(): this {
    this.low.session.open();
    this.clock.advance(100);
    return this;
  }
}

export function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}
