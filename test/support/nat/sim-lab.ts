/** An internet with peers at its sites, under one clock and one seed. */
import { expect } from 'vitest';

import type { IceAgentSettings } from '../../../src/ice/ice-settings.ts';
import { ManualClock } from '../manual-clock.ts';
import { seededRandom } from '../seeded-random.ts';
import { SimPeer } from './sim-peer.ts';
import { Internet, type Site, type SiteKind } from './sites.ts';

export class SimLab {
  readonly clock = new ManualClock();
  readonly internet: Internet;
  readonly #random: ReturnType<typeof seededRandom>;

  constructor(seed = 1, delayMs = 25) {
    this.#random = seededRandom(seed);
    this.internet = new Internet({ clock: this.clock, random: this.#random, delayMs });
  }

  addSite(kind: SiteKind, hosts = 1): Site {
    return this.internet.addSite(kind, hosts);
  }

  /** `as` names the role, another port for a second attempt of the same host, and the agent's settings. */
  addPeer(
    site: Site,
    as: {
      readonly role: 'controlling' | 'controlled';
      readonly host?: number;
      readonly port?: number;
      readonly agent?: Partial<IceAgentSettings>;
    },
  ): SimPeer {
    const settings = {
      clock: this.clock,
      random: this.#random,
      role: as.role,
      stunServers: this.internet.stunServers,
      agent: as.agent ?? {},
    };
    return new SimPeer(site.hosts[as.host ?? 0] ?? [], settings, as.port);
  }
}

export function twoSites(
  kinds: readonly [SiteKind, SiteKind] = ['home', 'home'],
  roles: readonly ['controlling' | 'controlled', 'controlling' | 'controlled'] = [
    'controlling',
    'controlled',
  ],
  seed = 1,
): { lab: SimLab; a: SimPeer; b: SimPeer } {
  const lab = new SimLab(seed);
  const a = lab.addPeer(lab.addSite(kinds[0]), { role: roles[0] });
  const b = lab.addPeer(lab.addSite(kinds[1]), { role: roles[1] });
  return { lab, a, b };
}

/** What one calls the other's address is what the other was told is its own. */
export function expectOnePair(a: SimPeer, b: SimPeer): void {
  const [ours, theirs] = [a.agent.selected, b.agent.selected];
  expect(ours).toBeDefined();
  expect(ours?.mapped).toEqual(theirs?.remote.endpoint);
  expect(theirs?.mapped).toEqual(ours?.remote.endpoint);
}
