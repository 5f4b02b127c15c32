/**
 * Everything that the matrix needs, each part started once: servers, two sites of every kind with a daemon each
 * (`home-a`, `home-b`), and two more daemons behind one NAT that does not hairpin. Pairs are formed between
 * daemons that run already.
 */
import type { Sandbox } from '../support/sandbox.ts';
import { inParallel } from './in-parallel.ts';
import type { Lab } from './lab.ts';
import type { Namespace } from './namespace.ts';
import { startServers } from './servers.ts';
import type { SiteKind } from './site.ts';
import { PARALLEL_STARTS, startStation, type Station } from './station.ts';

/** Of which there is one router for both hosts. */
export const SAME_NAT = 'same-nat';

export type PlaceKind = SiteKind | typeof SAME_NAT;
export type Role = 'a' | 'b';

export type Stations = ReadonlyMap<PlaceKind, Readonly<Record<Role, Station>>>;

/** The daemons are up, at the relay, and know nobody. */
export async function startStations(
  lab: Lab,
  sandbox: Sandbox,
  kinds: readonly SiteKind[],
): Promise<Stations> {
  const [servers, places] = await Promise.all([
    startServers(lab, sandbox),
    buildPlaces(lab, kinds),
  ]);
  const started = await inParallel(
    PARALLEL_STARTS,
    places.map((place) => async () => {
      const name = `${place.kind}-${place.role}`;
      return {
        ...place,
        station: await startStation(sandbox, servers, { name, host: place.host }),
      };
    }),
  );
  const find = (kind: PlaceKind, role: Role): Station => {
    const found = started.find((one) => one.kind === kind && one.role === role);
    if (found === undefined) throw new Error(`nobody at ${kind}-${role}`);
    return found.station;
  };
  const all: readonly PlaceKind[] = [...kinds, SAME_NAT];
  return new Map(all.map((kind) => [kind, { a: find(kind, 'a'), b: find(kind, 'b') }]));
}

interface Place {
  readonly kind: PlaceKind;
  readonly role: Role;
  readonly host: Namespace;
}

async function buildPlaces(lab: Lab, kinds: readonly SiteKind[]): Promise<Place[]> {
  const alone = kinds.flatMap((kind) =>
    (['a', 'b'] as const).map(async (role) => {
      const { host } = await lab.site(kind, { name: `${kind}-${role}` });
      return { kind, role, host };
    }),
  );
  const together = lab.site('home', { name: SAME_NAT, hosts: 2 });
  const [{ hosts }, ...places] = await Promise.all([together, ...alone]);
  const roles = hosts.map((host, n) => {
    return { kind: SAME_NAT, role: n === 0 ? 'a' : 'b', host } as const;
  });
  return [...places, ...roles];
}
