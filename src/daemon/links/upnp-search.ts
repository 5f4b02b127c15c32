/**
 * Which UPnP gateway is in this network (UPnP Device Architecture 2.0, 1.3)?
 *
 *     M-SEARCH * HTTP/1.1   from each IPv4 address of ours to 239.255.255.250:1900, for each version of a gateway;
 *                           again while nobody answers
 *     HTTP/1.1 200 OK       from a gateway; LOCATION says where its description is
 *
 * Anybody in the network may answer, and send whatever it likes. The first answer that leads to its own sender
 * counts: nobody can make us ask a third host.
 */
import { createSocket, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';

import { type Clock, every } from '../../base/clock.ts';
import type { Endpoint } from '../../base/endpoint.ts';
import { hostAddresses } from '../../ice/host-addresses.ts';

/** Version 2 is to answer for 1 as well (1.3.2), which not every gateway does. */
export const GATEWAY_DEVICES = [2, 1].map(
  (version) => `urn:schemas-upnp-org:device:InternetGatewayDevice:${version}`,
);
const GROUP: Endpoint = { host: '239.255.255.250', port: 1900 };
const SEARCHES = GATEWAY_DEVICES.map((device) =>
  [
    'M-SEARCH * HTTP/1.1',
    `HOST: ${GROUP.host}:${GROUP.port}`,
    'MAN: "ssdp:discover"',
    // Seconds within which it is to answer.
    'MX: 1',
    `ST: ${device}`,
    '\r\n',
  ].join('\r\n'),
);
/** Multicast is what a wireless network loses first. Longer than MX. */
const REPEAT_MS = 1_500;
/** Answers fit into one packet. */
const MAX_ANSWER_BYTES = 1472;

export interface UpnpSearchOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Our own addresses to ask from; default: those of the interfaces. */
  readonly hosts?: readonly string[];
  readonly group?: Endpoint;
}

/** The description of the first gateway. Rejects when none answers before `signal` aborts, or nobody can be asked. */
export async function searchUpnpGateway({
  clock,
  signal,
  hosts = ownHosts(),
  group = GROUP,
}: UpnpSearchOptions): Promise<URL> {
  signal.throwIfAborted();
  const sockets: Socket[] = [];
  const left = new Set(hosts);
  try {
    return await new Promise<URL>((resolve, reject) => {
      const fail = (): void => {
        reject(new Error('no UPnP gateway answers'));
      };
      signal.addEventListener('abort', fail, { once: true });
      if (left.size === 0) fail();
      for (const host of hosts) {
        const socket = askFrom(clock, { host, group }, () => {
          left.delete(host);
          if (left.size === 0) fail();
        });
        sockets.push(socket);
        socket.on('message', (bytes, { address }) => {
          const location = locationIn(bytes, address);
          if (location !== undefined) resolve(location);
        });
      }
    });
  } finally {
    for (const socket of sockets) socket.close();
  }
}

/** An address may be gone by now, or not be usable yet: what IPv6 and DHCP do when a network comes up. */
function askFrom(
  clock: Clock,
  { host, group }: { readonly host: string; readonly group: Endpoint },
  failed: () => void,
): Socket {
  const socket = createSocket('udp4');
  socket.on('error', failed);
  socket.bind(0, host, () => {
    try {
      socket.setMulticastInterface(host);
    } catch {
      failed();
      return;
    }
    const ask = (): void => {
      for (const search of SEARCHES) {
        socket.send(search, group.port, group.host, (error) => {
          if (error !== null) failed();
        });
      }
    };
    ask();
    socket.on('close', every(clock, REPEAT_MS, ask));
  });
  return socket;
}

/** Undefined for what is no answer of a gateway at this address. */
function locationIn(bytes: Buffer, from: string): URL | undefined {
  if (bytes.length > MAX_ANSWER_BYTES) return undefined;
  const [status = '', ...lines] = bytes.toString('latin1').split(/\r?\n/);
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, Math.max(0, colon)).trim().toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const location = headers.get('location') ?? '';
  const isOfGateway = GATEWAY_DEVICES.includes(headers.get('st') ?? '');
  const isGateway = /^HTTP\/1\.[01] 200\b/.test(status) && isOfGateway;
  if (!isGateway || !URL.canParse(location)) return undefined;
  const url = new URL(location);
  return url.protocol === 'http:' && url.hostname === from ? url : undefined;
}

function ownHosts(): readonly string[] {
  const listed = Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
    addresses.map(({ address }) => ({ name, address })),
  );
  return hostAddresses(listed)
    .filter(({ family }) => family === 'v4')
    .map(({ host }) => host);
}
