/**
 * The ways to one peer: a relay while both are there, a direct path while one is found. One of them carries
 * the session; path-choice.ts says which. Packets are taken from whichever they come by.
 *
 * Where the relay may not carry messages it carries the session all the same while there is nothing else: for
 * the two sides to agree on a direct path. `carriesMessages` says whether more may go out.
 */
import type { Clock } from '../../base/clock.ts';
import { formatEndpoint } from '../../base/endpoint.ts';
import type { RandomBytes } from '../../base/random.ts';
import type { Link } from '../../session/link.ts';
import { Distrust } from './distrust.ts';
import { type PathAlarm, PathAlarms } from './path-alarms.ts';
import { BAD_LOSS, choosePath, type PathChoice, type PathFacts } from './path-choice.ts';
import { NOT_WANTED } from './path-end.ts';
import { directFacts } from './path-facts.ts';
import { type PathFailure, PathFinder, type PathFinderDeps } from './path-finder.ts';
import type { PathItem } from './path-message.ts';
import type { PathSettings } from './path-settings.ts';
import type { Route } from './route.ts';

/** What carries the session. */
export interface CurrentPath {
  readonly kind: Link['kind'];
  readonly link: Link;
  /** The relay's URL, or the peer's address and port. */
  readonly endpoint: string;
  readonly sinceMs: number;
  /** Why this one. */
  readonly reason: string;
}

export interface PeerPathsDeps {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly settings: PathSettings;
  /** Undefined: the relay is all there is (no UDP, or NAT traversal is off). */
  readonly finder: Pick<PathFinderDeps, 'network' | 'ice' | 'goesFirst'> | undefined;
  /** To the peer, inside the session. */
  readonly tell: (item: PathItem) => void;
  /** By pings in the session; undefined while it is not known. */
  readonly sessionRttMs: () => number | undefined;
  readonly handlers: {
    /** A packet that came directly. */
    packet(packet: Uint8Array): void;
    /** Another path carries the session, or none does. */
    changed(path: CurrentPath | undefined, before: CurrentPath | undefined): void;
    failed(failure: PathFailure): void;
    alarm(alarm: PathAlarm): void;
  };
}

interface Known {
  readonly facts: PathFacts;
  readonly link: Link;
  readonly endpoint: string;
}

const NO_FINDER = 'this node looks for none';

export class PeerPaths {
  readonly #deps: PeerPathsDeps;
  readonly #finder: PathFinder | undefined;
  readonly #alarms: PathAlarms;
  readonly #distrust: Distrust;
  #route: Route | undefined;
  #current: CurrentPath | undefined;
  #currentId: string | undefined;
  /** Of the direct path that there is, or was last. */
  #directId = '';

  constructor(deps: PeerPathsDeps) {
    const { clock, random, settings, tell, handlers } = deps;
    this.#deps = deps;
    this.#alarms = new PathAlarms(clock, settings, (alarm) => {
      handlers.alarm(alarm);
    });
    this.#distrust = new Distrust(clock, random);
    if (deps.finder === undefined) return;
    this.#finder = new PathFinder({
      ...{ ...deps.finder, clock, random, tell, isStatic: settings.isStatic },
      handlers: {
        packet: (packet) => {
          handlers.packet(packet);
        },
        linkChanged: () => {
          this.#choose();
        },
        probed: () => {
          this.#onProbed();
        },
        failed: (failure) => {
          this.#onFailed(failure);
        },
      },
    });
  }

  get current(): CurrentPath | undefined {
    return this.#current;
  }

  /** The relay that it is at, and we are. */
  get route(): Route | undefined {
    return this.#route;
  }

  /** Of the path in use, smoothed; undefined while it is not known. */
  get rttMs(): number | undefined {
    return (this.#isDirect ? this.#finder?.rttMs : undefined) ?? this.#deps.sessionRttMs();
  }

  /** False: the session is there, but what carries it may not carry messages. */
  get carriesMessages(): boolean {
    return this.#deps.settings.mayRelay || this.#current?.kind !== 'relay';
  }

  get alarms(): readonly PathAlarm[] {
    return this.#alarms.raised;
  }

  /** Whether it is in use or not. */
  linkOver(kind: 'direct' | 'relay'): Link | undefined {
    return kind === 'relay' ? this.#route?.link : this.#finder?.link;
  }

  /** Why no direct path is in use, in words; empty when one is. */
  get whyNotDirect(): string {
    if (this.#isDirect) return '';
    if (this.#finder === undefined) return NO_FINDER;
    if (this.#finder.link !== undefined) {
      return `there is one, which is not used: ${this.#current?.reason ?? ''}`;
    }
    if (this.#finder.isFound) return 'one was found, and the other side does not use it yet';
    if (this.#finder.isTrying) return 'one is being looked for';
    return this.#finder.lastFailure?.text ?? 'none was looked for yet';
  }

  setRoute(route: Route | undefined): void {
    this.#route = route;
    this.#choose();
  }

  sessionOpened(): void {
    if (this.#finder === undefined) this.#alarms.noDirectPath(NO_FINDER);
    this.#finder?.sessionOpened();
  }

  sessionEnded(): void {
    this.#finder?.sessionEnded();
    this.#alarms.sessionEnded();
  }

  /** The session has measured its round trip. */
  measured(rttMs: number): void {
    // What the transport measures comes more often.
    if (!this.#isDirect) this.#onRoundTrip(rttMs);
  }

  receive(item: PathItem): void {
    if (this.#finder !== undefined) this.#finder.receive(item);
    else if (item.step === 'offer') {
      // No more than that: neither our addresses nor what NAT we are behind.
      this.#deps.tell({ kind: 'path', attempt: item.attempt, step: 'end', reason: NOT_WANTED });
    }
  }

  /** Messages wait for a direct path. */
  want(): void {
    this.#finder?.want();
  }

  /** Looks for a direct path now. */
  tryNow(): void {
    this.#finder?.tryNow();
  }

  stop(): void {
    this.#finder?.stop();
    this.#route = undefined;
    this.#choose();
  }

  get #isDirect(): boolean {
    return this.#current !== undefined && this.#current.kind !== 'relay';
  }

  #onProbed(): void {
    this.#choose();
    const rttMs = this.#finder?.quality?.rttMs;
    if (this.#isDirect && rttMs !== undefined) this.#onRoundTrip(rttMs);
  }

  #onRoundTrip(rttMs: number): void {
    const { isStatic } = this.#deps.settings;
    if (this.#alarms.measured(rttMs) && !isStatic) this.#finder?.tryNow();
  }

  #onFailed(failure: PathFailure): void {
    // One that lost packets, and now all of them, comes back without a record: it is the same for all that.
    if (failure.wasUp && this.#distrust.has(this.#directId)) this.#distrust.add(this.#directId);
    // One that was lost is looked for again at once: what comes of that counts.
    if (!failure.wasUp && this.#finder?.link === undefined) this.#alarms.noDirectPath(failure.text);
    this.#deps.handlers.failed(failure);
  }

  #choose(): void {
    const known = [...this.#known()];
    const { path, reason } = this.#pick(known.map(({ facts }) => facts));
    const chosen = known.find(({ facts }) => facts === path);
    if (chosen?.link === this.#current?.link) return;
    const before = this.#current;
    const left = known.find(({ link }) => link === before?.link);
    if (left !== undefined && left.facts.loss > BAD_LOSS) this.#distrust.add(left.facts.id);
    this.#currentId = chosen?.facts.id;
    this.#current = chosen && {
      ...{ kind: chosen.link.kind, link: chosen.link, endpoint: chosen.endpoint, reason },
      sinceMs: this.#deps.clock.now(),
    };
    if (this.#isDirect) this.#alarms.directPath();
    this.#deps.handlers.changed(this.#current, before);
  }

  #pick(facts: readonly PathFacts[]): PathChoice {
    const { mayRelay } = this.#deps.settings;
    const choice = choosePath(facts, this.#currentId, { mayRelay });
    if (choice.path !== undefined || mayRelay) return choice;
    const { path } = choosePath(facts, this.#currentId, { mayRelay: true });
    return { path, reason: 'to find a direct path: it may not carry messages' };
  }

  *#known(): Iterable<Known> {
    if (this.#route !== undefined) {
      const { link, url } = this.#route;
      const rttMs = this.#current?.link === link ? this.#deps.sessionRttMs() : undefined;
      const facts: PathFacts = {
        ...{ id: url, kind: 'relay', isLan: false, rttMs },
        ...{ loss: 0, silentMs: 0, isDistrusted: false },
      };
      yield { facts, link, endpoint: url };
    }
    const { link, pair, quality, rttMs } = this.#finder ?? {};
    if (link === undefined || pair === undefined || quality === undefined) return;
    const measured = directFacts(pair, { ...quality, rttMs });
    this.#directId = measured.id;
    const facts = { ...measured, isDistrusted: this.#distrust.has(measured.id) };
    yield { facts, link, endpoint: formatEndpoint(pair.remote.endpoint) };
  }
}
