import { formatEndpoint } from '../../base/endpoint.ts';
import type { RelayView, TraceHop } from '../../client/api.ts';
import type { PathKind } from '../../client/path-api.ts';
import type { NatReport } from '../../ice/nat-behaviour.ts';

/** IPv4 first: where there are two families, that is the one with a NAT. Empty: none, or it is not known. */
export function natEndpointOf(report: NatReport | undefined): string {
  const outer = report?.bases.find(
    ({ behindNat, mapped }) => behindNat === true && mapped !== undefined,
  );
  return outer?.mapped === undefined ? '' : formatEndpoint(outer.mapped);
}

export interface TraceFacts {
  readonly path: PathKind;
  /** The relay's URL, or the remote address of a direct path. */
  readonly endpoint: string;
  readonly rttMs: number;
  readonly relays: readonly RelayView[];
  /** This node's address as servers outside of its NAT see it; empty: not known, or there is no NAT. */
  readonly natEndpoint: string;
}

/**
 * The stations that this node can tell of, in their order. What routers there are between them no endpoint sees:
 * paths are UDP and TCP as everybody's, and nothing is sent that would expire on the way.
 */
export function traceHops(facts: TraceFacts): readonly TraceHop[] {
  const { path, endpoint, rttMs, relays, natEndpoint } = facts;
  const hops: TraceHop[] = [{ hop: 'local', endpoint: '', rtt_ms: null }];
  if (natEndpoint !== '') hops.push({ hop: 'nat', endpoint: natEndpoint, rtt_ms: null });
  const isRelayed = path === 'relay';
  if (isRelayed) {
    const relay = relays.find(({ url }) => url === endpoint);
    hops.push({ hop: 'relay', endpoint, rtt_ms: rounded(relay?.rtt_ms ?? null) });
  }
  hops.push({ hop: 'peer', endpoint: isRelayed ? '' : endpoint, rtt_ms: rttMs });
  return hops;
}

/** To microseconds. */
function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 1000) / 1000;
}
