import type { Endpoint } from '../../base/endpoint.ts';
import { isPrivateHost, networkOf } from '../../base/ip-address.ts';
import { endpointRefusal } from '../../ice/candidate.ts';

/** 100.64/10, between a provider's NAT and ours (RFC 6598). */
const SHARED_BITS = { v4: 10, v6: 0 };
const SHARED_NETWORK = networkOf('100.64.0.0', SHARED_BITS);

/** Could hosts anywhere on the internet send there? IPv4. */
export function isOuterAddress(endpoint: Endpoint): boolean {
  if (endpointRefusal(endpoint, { ours: [] }) !== undefined) return false;
  const { host } = endpoint;
  return !isPrivateHost(host) && networkOf(host, SHARED_BITS) !== SHARED_NETWORK;
}
