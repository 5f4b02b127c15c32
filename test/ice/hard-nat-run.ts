import { expect } from 'vitest';

import type { Cancel } from '../../src/base/clock.ts';
import type { RandomBytes } from '../../src/base/random.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { HardPeer } from '../support/nat/hard-peer.ts';
import { startNeighbour } from '../support/nat/neighbour.ts';
import { Internet, type Site, type SiteKind } from '../support/nat/sites.ts';
import { seededRandom } from '../support/seeded-random.ts';

/** Two nodes that look for a direct path; the first one offers. */
export class HardRun {
  readonly clock = new ManualClock();
  readonly internet: Internet;
  readonly sites: readonly [Site, Site];
  readonly a: HardPeer;
  readonly b: HardPeer;
  readonly #stopNeighbours: readonly Cancel[];

  constructor(
    kinds: readonly [SiteKind, SiteKind],
    as: {
      readonly seed: number;
      readonly delayMs: number;
      readonly sockets?: number;
      /** How many STUN servers each side asks. */
      readonly servers?: readonly [number, number];
      /** New flows a second from another host at each site. */
      readonly neighbours?: number;
    },
  ) {
    const { clock } = this;
    const random = seededRandom(as.seed);
    this.internet = new Internet({ clock, random, delayMs: as.delayMs });
    const { stunServers } = this.internet;
    this.sites = [this.internet.addSite(kinds[0], 2), this.internet.addSite(kinds[1], 2)];
    this.#stopNeighbours = this.#addNeighbours(random, as.neighbours ?? 0);
    const [a, b] = this.sites.map(
      ({ hosts: [host = []] }, i) =>
        new HardPeer(host, {
          ...{ clock, random, controls: i === 0 },
          stunServers: stunServers.slice(0, as.servers?.[i]),
          ...(as.sockets !== undefined && { sockets: as.sockets }),
        }),
    );
    if (a === undefined || b === undefined) throw new Error('two sites');
    [this.a, this.b] = [a, b];
    // Through the relay, which both reach over the same wire.
    a.startTo(b, clock, 2 * as.delayMs);
    b.startTo(a, clock, 2 * as.delayMs);
  }

  #addNeighbours(random: RandomBytes, flowsPerSecond: number): readonly Cancel[] {
    if (flowsPerSecond === 0) return [];
    return this.sites
      .flatMap(({ hosts }) => hosts[1]?.[0] ?? [])
      .map((host) => startNeighbour(host, this.clock, random, flowsPerSecond));
  }

  /** When both had a pair, which is the same; undefined when not within this time. */
  directWithin(ms: number): number | undefined {
    const { a, b, clock } = this;
    const isDirect = (): boolean => a.selectedAtMs !== undefined && b.selectedAtMs !== undefined;
    while (!isDirect() && clock.monotonic() < ms) clock.advance(50);
    if (!isDirect()) return undefined;
    expect(a.agent.selected?.mapped).toEqual(b.agent.selected?.remote.endpoint);
    expect(b.agent.selected?.mapped).toEqual(a.agent.selected?.remote.endpoint);
    return Math.max(a.selectedAtMs ?? 0, b.selectedAtMs ?? 0);
  }

  /** After it was direct: what is left when it is over. */
  finish(): void {
    const { a, b, clock } = this;
    clock.advance(4000);
    for (const peer of [a, b]) {
      const base = peer.agent.selected?.base ?? '';
      expect(peer.extraSockets).toEqual(base.startsWith('punch-') ? [base] : []);
    }
    this.close();
  }

  close(): void {
    this.a.close();
    this.b.close();
    for (const stop of this.#stopNeighbours) stop();
    // What is on the wire still arrives.
    this.clock.advance(1000);
    expect(this.clock.pendingTimers).toBe(0);
  }
}
