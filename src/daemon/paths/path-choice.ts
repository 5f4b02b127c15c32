/**
 * Which of a peer's paths carries its session now: a pure function of what was measured.
 *
 *     works: heard of lately, and loses little        before    what does not
 *     direct (UDX, WebRTC)                            before    relay
 *     same network                                    before    over the internet
 *     shorter round trip, by more than the margin     before    the one in use
 *
 * A path is left for a better one of its own rank only when that is clearly better, and one that lost
 * packets is trusted again only when it loses far fewer, after a while: two paths that are about as good do not
 * take turns.
 */

export interface PathFacts {
  /** Tells the paths of one peer apart. */
  readonly id: string;
  readonly kind: 'direct' | 'webrtc' | 'relay';
  /** Both ends are in one network: a private address without a NAT between. */
  readonly isLan: boolean;
  /** Smoothed; undefined while it is not known. */
  readonly rttMs: number | undefined;
  /** 0 to 1: of the last probes, those that had no answer. */
  readonly loss: number;
  /** Since when we wait for a sign of life in vain; 0 when nothing is due. */
  readonly silentMs: number;
  /** It was left a while ago because it lost packets (distrust.ts). */
  readonly isDistrusted: boolean;
}

export interface PathPolicy {
  /** False: better no path than the relay (`relay_fallback`). */
  readonly mayRelay: boolean;
}

export interface PathChoice {
  /** Undefined: there is no path that may be used. */
  readonly path: PathFacts | undefined;
  /** For people. */
  readonly reason: string;
}

/** Seven probes of consent without an answer. With half a second until they begin, a dead path is left in 2 s. */
export const SILENT_AFTER_MS = 1500;
/** A path that loses more is worse than a relay; back at the second it is worth it again. */
export const BAD_LOSS = 0.2;
const GOOD_LOSS = 0.05;
/** A path of the same rank has to be faster by both. */
const RTT_MARGIN_MS = 5;
const RTT_MARGIN = 0.2;

/** `currentId`: the path in use, if any. */
export function choosePath(
  paths: readonly PathFacts[],
  currentId: string | undefined,
  policy: PathPolicy,
): PathChoice {
  const allowed = paths.filter(({ kind }) => kind !== 'relay' || policy.mayRelay);
  const current = allowed.find(({ id }) => id === currentId);
  let best = current;
  let reason = 'still the best';
  for (const path of allowed) {
    const why = best === undefined ? 'the only one' : whyBetter(path, best, currentId);
    if (why === undefined || path === best) continue;
    best = path;
    reason = why;
  }
  if (best !== undefined) return { path: best, reason };
  return {
    path: undefined,
    reason: paths.length === 0 ? 'there is none' : 'there is only a relay, which is not allowed',
  };
}

/** Undefined when it is not. */
function whyBetter(
  path: PathFacts,
  than: PathFacts,
  currentId: string | undefined,
): string | undefined {
  const works = isWorking(path, currentId);
  if (works !== isWorking(than, currentId)) {
    return works
      ? than.silentMs > 0
        ? 'the other is silent'
        : 'the other loses packets'
      : undefined;
  }
  const rank = rankOf(path);
  if (rank !== rankOf(than)) return rank < rankOf(than) ? WHY_BY_RANK[rank] : undefined;
  return isClearlyFaster(path, than) ? 'faster' : undefined;
}

const WHY_BY_RANK = ['in the same network', 'direct', 'a relay'] as const;

function rankOf({ kind, isLan }: PathFacts): 0 | 1 | 2 {
  if (kind === 'relay') return 2;
  return isLan ? 0 : 1;
}

function isWorking(path: PathFacts, currentId: string | undefined): boolean {
  const { id, silentMs, loss, isDistrusted } = path;
  if (isDistrusted || silentMs >= SILENT_AFTER_MS) return false;
  return loss <= (id === currentId ? BAD_LOSS : GOOD_LOSS);
}

function isClearlyFaster(path: PathFacts, than: PathFacts): boolean {
  if (path.rttMs === undefined || than.rttMs === undefined) return false;
  const gainMs = than.rttMs - path.rttMs;
  return gainMs > RTT_MARGIN_MS && gainMs > than.rttMs * RTT_MARGIN;
}
