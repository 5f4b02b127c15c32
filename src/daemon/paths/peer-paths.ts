/**
 * The ways to one peer: a relay while both are there, a direct path while one is found. One of them carries
 * the session; path-choice.ts says which. Packets are taken from whichever they come by.
 */
import type { Clock } from '../../base/clock.ts';
import { formatEndpoint } from '../../base/endpoint.ts';
import { isPrivateHost } from '../../base/ip-address.ts';
import type { Link } from '../../session/link.ts';
import { choosePath, type PathFacts } from './path-choice.ts';
import { type PathFailure, PathFinder, type PathFinderDeps } from './path-finder.ts';
import type { PathItem } from './path-message.ts';
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
  /** Undefined: the relay is all there is (no UDP, or NAT traversal is off). */
  readonly finder: Omit<PathFinderDeps, 'handlers'> | undefined;
  readonly handlers: {
    /** A packet that came directly. */
    packet(packet: Uint8Array): void;
    /** Another path carries the session, or none does. */
    changed(path: CurrentPath | undefined, before: CurrentPath | undefined): void;
    failed(failure: PathFailure): void;
  };
}

interface Known {
  readonly facts: PathFacts;
  readonly link: Link;
  readonly endpoint: string;
}

export class PeerPaths {
  readonly #deps: PeerPathsDeps;
  readonly #finder: PathFinder | undefined;
  #route: Route | undefined;
  #current: CurrentPath | undefined;
  #currentId: string | undefined;

  constructor(deps: PeerPathsDeps) {
    this.#deps = deps;
    if (deps.finder === undefined) return;
    this.#finder = new PathFinder({
      ...deps.finder,
      handlers: {
        packet: (packet) => {
          deps.handlers.packet(packet);
        },
        linkChanged: () => {
          this.#choose();
        },
        failed: (failure) => {
          deps.handlers.failed(failure);
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

  /** Of the path in use; undefined while only pings in the session could tell. */
  get rttMs(): number | undefined {
    return this.#current?.kind === 'relay' ? undefined : this.#finder?.rttMs;
  }

  /** Whether it is in use or not. */
  linkOver(kind: 'direct' | 'relay'): Link | undefined {
    return kind === 'relay' ? this.#route?.link : this.#finder?.link;
  }

  /** Why no direct path is in use, in words; empty when one is. */
  get whyNotDirect(): string {
    if (this.#current !== undefined && this.#current.kind !== 'relay') return '';
    if (this.#finder === undefined) return 'this node looks for none';
    if (this.#finder.link !== undefined) return `there is one, but: ${this.#current?.reason ?? ''}`;
    if (this.#finder.isTrying) return 'one is being looked for';
    return this.#finder.lastFailure?.text ?? 'none was looked for yet';
  }

  setRoute(route: Route | undefined): void {
    this.#route = route;
    this.#choose();
  }

  sessionOpened(): void {
    this.#finder?.sessionOpened();
  }

  sessionEnded(): void {
    this.#finder?.sessionEnded();
  }

  receive(item: PathItem): void {
    this.#finder?.receive(item);
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

  #choose(): void {
    const known = [...this.#known()];
    const { path, reason } = choosePath(
      known.map(({ facts }) => facts),
      this.#currentId,
      { mayRelay: true },
    );
    const chosen = known.find(({ facts }) => facts === path);
    if (chosen?.link === this.#current?.link) return;
    const before = this.#current;
    this.#currentId = chosen?.facts.id;
    this.#current = chosen && {
      ...{ kind: chosen.link.kind, link: chosen.link, endpoint: chosen.endpoint, reason },
      sinceMs: this.#deps.clock.now(),
    };
    this.#deps.handlers.changed(this.#current, before);
  }

  *#known(): Iterable<Known> {
    const measured = { loss: 0, silentMs: 0 };
    if (this.#route !== undefined) {
      const { link, url } = this.#route;
      const facts: PathFacts = {
        ...{ id: url, kind: 'relay', isLan: false, rttMs: undefined },
        ...measured,
      };
      yield { facts, link, endpoint: url };
    }
    const { link, pair, rttMs } = this.#finder ?? {};
    if (link === undefined || pair === undefined) return;
    const { remote } = pair;
    const endpoint = formatEndpoint(remote.endpoint);
    const isLan = remote.kind === 'host' && isPrivateHost(remote.endpoint.host);
    const facts: PathFacts = {
      ...{ id: endpoint, kind: 'direct', isLan, rttMs },
      ...measured,
    };
    yield { facts, link, endpoint };
  }
}
