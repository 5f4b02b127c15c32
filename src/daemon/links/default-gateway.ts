import { readFile } from 'node:fs/promises';

/** RTF_GATEWAY of `linux/route.h`. */
const HAS_GATEWAY = 0x2;

/** The IPv4 router that most traffic leaves by. Linux only: elsewhere undefined, and UPnP finds the gateway. */
export async function defaultGateway(routeFile = '/proc/net/route'): Promise<string | undefined> {
  try {
    return parseRoutes(await readFile(routeFile, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * `/proc/net/route`: a head line, then interface, destination, gateway, flags, two counters, metric …; the
 * addresses as hexadecimal numbers in the byte order of the host, little-endian on everything Node runs on.
 */
export function parseRoutes(text: string): string | undefined {
  const routes = text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, to, via, flags]) => {
      const isRouted = (Number.parseInt(flags ?? '', 16) & HAS_GATEWAY) !== 0;
      return to === '00000000' && /^[0-9A-F]{8}$/i.test(via ?? '') && isRouted;
    })
    .map((fields) => ({ via: fields[2] ?? '', metric: Number(fields[6]) }))
    .sort((a, b) => a.metric - b.metric);
  const [best] = routes;
  return best && [...Buffer.from(best.via, 'hex').reverse()].join('.');
}
