/** What ICE found out about a pair, as path-choice.ts judges paths. */
import { formatEndpoint } from '../../base/endpoint.ts';
import { isPrivateHost } from '../../base/ip-address.ts';
import { endpointKey } from '../../ice/endpoint-key.ts';
import type { PathQuality, SelectedPair } from '../../ice/ice-settings.ts';
import type { PathFacts } from './path-choice.ts';

export function directFacts(
  { remote }: SelectedPair,
  quality: PathQuality,
  id = formatEndpoint(remote.endpoint),
): PathFacts {
  const isLan = remote.kind === 'host' && isPrivateHost(remote.endpoint.host);
  return { id, kind: 'direct', isLan, ...quality, isDistrusted: false };
}

/** Over the same sockets and mappings: a link over the one would be as good as over the other. */
export function isSamePair(a: SelectedPair, b: SelectedPair): boolean {
  return (
    a.base === b.base &&
    endpointKey(a.remote.endpoint) === endpointKey(b.remote.endpoint) &&
    a.mapped !== undefined &&
    b.mapped !== undefined &&
    endpointKey(a.mapped) === endpointKey(b.mapped)
  );
}
