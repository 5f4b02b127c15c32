/** Calls about the way to a trusted peer. */
import type { Clock } from '../../base/clock.ts';
import type { Deadlines } from '../../base/deadlines.ts';
import { PilotError } from '../../base/pilot-error.ts';
import type {
  EventMap,
  PingReply,
  PingRequest,
  PreferDirectReply,
  TracerouteReply,
  TracerouteRequest,
} from '../../client/api.ts';
import { namesOf } from '../names/node-names.ts';
import type { Peer } from '../peers/peer.ts';
import type { TrustRecord } from '../trust/trust-record.ts';
import type { NodeCore } from './node-core.ts';
import { peerPathView } from './path-views.ts';
import { traceHops } from './trace-hops.ts';

const DEFAULT_PING_MS = 5000;
const PREFER_DIRECT_MS = 10_000;

export interface PathCallsDeps {
  readonly core: NodeCore;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** False: a relay is all there is. */
  readonly looksForPaths: boolean;
  /** This node's outer address, where it is behind a NAT and that is known; else empty. */
  readonly natEndpoint: () => string;
}

export class PathCalls {
  readonly #deps: PathCallsDeps;

  constructor(deps: PathCallsDeps) {
    this.#deps = deps;
  }

  async ping(record: TrustRecord, request: PingRequest, signal?: AbortSignal): Promise<PingReply> {
    const { core, deadlines } = this.#deps;
    const timeoutMs = request.timeout_ms ?? DEFAULT_PING_MS;
    const measuring = this.#measure(this.#peerOf(record), timeoutMs, request.path);
    const pong = await deadlines.race(measuring, timeoutMs + 1000, signal);
    if (pong === undefined) throw new PilotError('timeout', 'the ping was not answered');
    core.onRoundTrip(pong.rttMs);
    return {
      ...namesOf(record),
      rtt_ms: Math.round(pong.rttMs * 1000) / 1000,
      path: pong.path,
    };
  }

  /** By the path in use; opens a session where there is none. */
  async traceroute(
    record: TrustRecord,
    request: TracerouteRequest,
    signal?: AbortSignal,
  ): Promise<TracerouteReply> {
    const { core, natEndpoint } = this.#deps;
    const { path, rtt_ms: rttMs } = await this.ping(record, request, signal);
    const { endpoint } = peerPathView(this.#peerOf(record));
    const relays = core.relays.views();
    const hops = traceHops({ path, endpoint, rttMs, relays, natEndpoint: natEndpoint() });
    return { ...namesOf(record), path, hops };
  }

  /** What is there after an attempt, at the latest after 10 s. A path that is direct already is left alone. */
  async preferDirect(record: TrustRecord, signal?: AbortSignal): Promise<PreferDirectReply> {
    const { clock, core, deadlines, looksForPaths } = this.#deps;
    const peer = this.#peerOf(record);
    const before = peerPathView(peer);
    const deadlineMs = clock.monotonic() + PREFER_DIRECT_MS;
    await deadlines.race(peer.open(PREFER_DIRECT_MS), PREFER_DIRECT_MS, signal);
    if (looksForPaths && peer.path?.kind === 'relay') {
      const attempt = this.#attempt(core.namesOf(record.peer).id);
      peer.paths.tryNow();
      try {
        await deadlines.race(attempt.over, deadlineMs - clock.monotonic(), signal);
      } finally {
        attempt.forget();
      }
    }
    const { path, endpoint, rtt_ms, why_not_direct } = peerPathView(peer);
    return {
      ...namesOf(record),
      ...{ path, endpoint, rtt_ms, why_not_direct },
      had_tunnel: before.path !== '',
      was_relay_active: before.path === 'relay',
    };
  }

  /** `over`: the next attempt with this peer has led to a direct path, or to none. */
  #attempt(id: string): { readonly over: Promise<void>; readonly forget: () => void } {
    const { events } = this.#deps.core;
    let forget = (): void => undefined;
    const over = new Promise<void>((resolve) => {
      const settle = (event: EventMap['path.opened'] | EventMap['path.failed']): void => {
        if (event.id === id) resolve();
      };
      const cancels = [events.on('path.opened', settle), events.on('path.failed', settle)];
      forget = () => {
        for (const cancel of cancels) cancel();
      };
    });
    return { over, forget };
  }

  /** Opens a session where there is none. */
  async #measure(
    peer: Peer,
    timeoutMs: number,
    path: PingRequest['path'],
  ): Promise<{ readonly rttMs: number; readonly path: PingReply['path'] }> {
    const { clock } = this.#deps;
    const startMs = clock.monotonic();
    const leftMs = (): number => Math.max(1, timeoutMs - (clock.monotonic() - startMs));
    await peer.open(timeoutMs);
    if (path === undefined) {
      await this.#pathForMessages(peer, leftMs());
      const rttMs = await peer.session.ping(leftMs());
      return { rttMs, path: peer.path?.kind ?? '' };
    }
    const link = peer.paths.linkOver(path);
    if (link === undefined) throw noPath(peer, path);
    return { rttMs: await peer.session.pingOver(link, leftMs()), path: link.kind };
  }

  /** Where the relay may carry none: what comes of looking for a direct path. PilotError says why there is none. */
  async #pathForMessages(peer: Peer, timeoutMs: number): Promise<void> {
    if (peer.paths.carriesMessages) return;
    const { core, deadlines, looksForPaths } = this.#deps;
    if (!looksForPaths) throw noPathAllowed(peer.whyHeld);
    const attempt = this.#attempt(core.namesOf(peer.key).id);
    peer.paths.tryNow();
    try {
      await deadlines.race(attempt.over, timeoutMs);
    } finally {
      attempt.forget();
    }
    const why = peer.whyHeld;
    if (why !== '') throw noPathAllowed(why);
  }

  #peerOf(record: TrustRecord): Peer {
    const peer = this.#deps.core.peers.get(record.peer);
    if (peer === undefined) throw new PilotError('internal', 'a trusted node is not a peer');
    return peer;
  }
}

/** The relay may carry no messages, and there is nothing else. */
export function noPathAllowed(why: string): PilotError {
  return new PilotError('connection_failed', `the other node cannot be reached: ${why}`, {
    hint: 'Let the relay carry messages (protocol.connection.relay_fallback: true), or see: pilotctl peers',
  });
}

function noPath(peer: Peer, path: 'direct' | 'relay'): PilotError {
  if (path === 'relay') {
    return new PilotError('connection_failed', 'no relay leads to the other node at the moment', {
      hint: 'See which relays this node is at: pilotctl info',
    });
  }
  const { whyNotDirect } = peer.paths;
  return new PilotError('connection_failed', `there is no direct path: ${whyNotDirect}`, {
    hint: 'Look for one now: pilotctl prefer-direct',
  });
}
