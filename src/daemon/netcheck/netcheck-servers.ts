/** Which STUN servers a netcheck asks: those of the relays and the configured ones, by numeric address. */
import type { Deadlines } from '../../base/deadlines.ts';
import { type Endpoint, formatEndpoint } from '../../base/endpoint.ts';
import { familyOf, type IpFamily } from '../../ice/candidate.ts';
import { MAX_STUN_SERVERS } from '../../ice/gatherer.ts';
import type { RelayPort } from '../relays/relay-port.ts';

/** One server by the name the user knows, and one address of each family that was asked for. */
export interface NamedServer {
  readonly name: string;
  /** It has an address, though perhaps of no family that was asked for. */
  readonly isResolved: boolean;
  readonly endpoints: readonly Endpoint[];
}

export interface NetcheckServersDeps {
  readonly deadlines: Deadlines;
  readonly relays: readonly Pick<RelayPort, 'state' | 'on'>[];
  /** Of the relays at which the node is logged in, and configured; names or numeric addresses. */
  readonly wanted: () => readonly Endpoint[];
  /** The numeric addresses of a name; rejects when there are none. */
  readonly resolve: (name: string) => Promise<readonly string[]>;
}

/** A daemon that has just started is not at its relays yet, and only they know where they answer STUN. */
const LOGIN_MS = 1_500;
const RESOLVE_MS = 1_500;

/** Takes 3 s at most. Rejects with the signal's reason only. */
export async function netcheckServers(
  { deadlines, relays, wanted, resolve }: NetcheckServersDeps,
  families: readonly IpFamily[],
  signal: AbortSignal,
): Promise<readonly NamedServer[]> {
  await deadlines.race(loggedIn(relays), LOGIN_MS, signal);
  const addressesOf = async (host: string): Promise<readonly string[]> =>
    resolve(host).catch(() => []);
  const servers = new Map(wanted().map((server) => [formatEndpoint(server), server]));
  return Promise.all(
    [...servers].slice(0, MAX_STUN_SERVERS).map(async ([name, { host, port }]) => {
      const isNumeric = familyOf(host) !== undefined;
      const asked = isNumeric
        ? [host]
        : await deadlines.race(addressesOf(host), RESOLVE_MS, signal);
      const known = asked ?? [];
      // One of each: whoever has asked both addresses of a server cannot see through it what the NAT lets in.
      const chosen = families.flatMap((family) =>
        known.filter((address) => familyOf(address) === family).slice(0, 1),
      );
      const endpoints = chosen.map((address) => ({ host: address, port }));
      return { name, isResolved: known.length > 0, endpoints };
    }),
  );
}

/** Of those that are being dialled each has come to a result. */
async function loggedIn(relays: NetcheckServersDeps['relays']): Promise<void> {
  const dialled = relays.filter(({ state }) => state === 'connecting');
  await Promise.all(
    dialled.map(
      async (relay) =>
        new Promise<void>((resolve) => {
          const cancels = [relay.on('online', settle), relay.on('offline', settle)];
          function settle(): void {
            for (const cancel of cancels) cancel();
            resolve();
          }
        }),
    ),
  );
}
