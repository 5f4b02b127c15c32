import type { Endpoint } from '../../base/endpoint.ts';
import { networkOf } from '../../base/ip-address.ts';
import { endpointRefusal } from '../../ice/candidate.ts';

/** 10/8, 172.16/12, 192.168/16 (RFC 1918) and 100.64/10, between a provider's NAT and ours (RFC 6598). */
const INNER_NETWORKS = [
  { network: networkOf('10.0.0.0', { v4: 8, v6: 0 }), bits: 8 },
  { network: networkOf('172.16.0.0', { v4: 12, v6: 0 }), bits: 12 },
  { network: networkOf('192.168.0.0', { v4: 16, v6: 0 }), bits: 16 },
  { network: networkOf('100.64.0.0', { v4: 10, v6: 0 }), bits: 10 },
];

/** Could hosts anywhere on the internet send there? IPv4. */
export function isOuterAddress(endpoint: Endpoint): boolean {
  if (endpointRefusal(endpoint, { ours: [] }) !== undefined) return false;
  return INNER_NETWORKS.every(
    ({ network, bits }) => networkOf(endpoint.host, { v4: bits, v6: 0 }) !== network,
  );
}
