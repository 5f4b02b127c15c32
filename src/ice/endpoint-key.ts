import { toHex } from '../base/bytes.ts';
import type { Endpoint } from '../base/endpoint.ts';
import { parseIpAddress } from '../base/ip-address.ts';

/** The same text for every way to write one address: `::1` and `0:0::1`, `1.2.3.4` and `::ffff:1.2.3.4`. */
export function endpointKey({ host, port }: Endpoint): string {
  const address = parseIpAddress(host);
  return `${address === undefined ? host : toHex(address)}:${port}`;
}

/** The same for an address without its port. */
export function hostKey({ host }: Pick<Endpoint, 'host'>): string {
  return endpointKey({ host, port: 0 });
}
