import type { Clock } from '../../base/clock.ts';
import type { Endpoint } from '../../base/endpoint.ts';
import type { RandomBytes } from '../../base/random.ts';
import { defaultGateway } from './default-gateway.ts';
import { GATEWAY_PORT } from './gateway-exchange.ts';
import { NatPmpMapper } from './nat-pmp.ts';
import { PCP_NONCE_BYTES, PcpMapper } from './pcp.ts';
import type { MapperFactory } from './port-mapper.ts';
import { UpnpMapper } from './upnp-mapper.ts';
import { searchUpnpGateway } from './upnp-search.ts';

/** A gateway answers within milliseconds: three requests. */
const GATEWAY_TIMEOUT_MS = 1_500;
/** Devices may wait for MX seconds (usually 2 or 3) before they answer a search, and then there is XML. */
const UPNP_TIMEOUT_MS = 8_000;

/** PCP, NAT-PMP and UPnP at this host's gateway, the quick ones first. */
export function gatewayMappers({
  clock,
  random,
}: {
  readonly clock: Clock;
  readonly random: RandomBytes;
}): readonly MapperFactory[] {
  // Kept over searches: to a gateway that knows a mapping under another nonce it is somebody else's.
  const nonce = random(PCP_NONCE_BYTES);
  return [
    {
      protocol: 'pcp',
      timeoutMs: GATEWAY_TIMEOUT_MS,
      make: async () => {
        return new PcpMapper(clock, { gateway: await gatewayEndpoint(), nonce });
      },
    },
    {
      protocol: 'nat-pmp',
      timeoutMs: GATEWAY_TIMEOUT_MS,
      make: async () => {
        return new NatPmpMapper(clock, await gatewayEndpoint());
      },
    },
    {
      protocol: 'upnp',
      timeoutMs: UPNP_TIMEOUT_MS,
      make: async () =>
        Promise.resolve(new UpnpMapper(async (signal) => searchUpnpGateway({ clock, signal }))),
    },
  ];
}

async function gatewayEndpoint(): Promise<Endpoint> {
  const host = await defaultGateway();
  if (host === undefined) throw new Error('the default gateway is not known');
  return { host, port: GATEWAY_PORT };
}
