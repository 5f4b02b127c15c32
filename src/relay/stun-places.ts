import { type Endpoint, formatEndpoint } from '../base/endpoint.ts';
import { parseIpAddress } from '../base/ip-address.ts';
import { PilotError } from '../base/pilot-error.ts';
import { hostKey } from '../ice/endpoint-key.ts';

/** One place to listen at, or two of which RFC 5780 makes four: both ports at both addresses. */
export type StunPlace = readonly [Endpoint] | readonly [Endpoint, Endpoint];

const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);
const HINT =
  'One --stun for IPv4 and one for IPv6, or two of a family that differ in address and port: ' +
  '--stun 192.0.2.1:3478 --stun 192.0.2.2:3479';

/** Puts together what is of one family. PilotError `invalid_argument` for places that do not go together. */
export function pairStunPlaces(endpoints: readonly Endpoint[]): readonly StunPlace[] {
  const v6 = endpoints.filter(({ host }) => host.includes(':'));
  const v4 = endpoints.filter((endpoint) => !v6.includes(endpoint));
  return [...placesOf(v4), ...placesOf(v6)];
}

function placesOf(endpoints: readonly Endpoint[]): readonly StunPlace[] {
  const [one, two, ...more] = endpoints;
  if (one === undefined) return [];
  if (two === undefined) return [[one]];
  if (more.length > 0) throw refused('more than two STUN addresses of one family');
  const vague = [one, two].find(
    ({ host }) => WILDCARDS.has(host) || parseIpAddress(host) === undefined,
  );
  if (vague !== undefined) {
    throw refused(`${formatEndpoint(vague)} is no single address, as each of two has to be`);
  }
  if (hostKey(one) === hostKey(two)) throw refused('two STUN places at the same address');
  // 0 lets the system choose, each time another.
  if (one.port === two.port && one.port !== 0) {
    throw refused('two STUN addresses with the same port');
  }
  return [[one, two]];
}

function refused(message: string): PilotError {
  return new PilotError('invalid_argument', message, { hint: HINT });
}
