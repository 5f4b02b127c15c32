/** Two nodes at sites of a simulated internet that look for a direct path to each other; a session carries what they tell. */
import { afterEach, expect } from 'vitest';

import { utf8 } from '../../../src/base/bytes.ts';
import type { RandomBytes } from '../../../src/base/random.ts';
import { silentLog } from '../../../src/daemon/log/log.ts';
import { decodeAppMessage, encodeAppMessage } from '../../../src/daemon/messages/app-message.ts';
import { LocalNetwork } from '../../../src/daemon/paths/local-network.ts';
import { type PathFailure, PathFinder } from '../../../src/daemon/paths/path-finder.ts';
import type { PathItem } from '../../../src/daemon/paths/path-message.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { SimUnderlay } from '../../support/nat/sim-underlay.ts';
import { Internet, type SiteKind } from '../../support/nat/sites.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const STEP_MS = 5;
/** What a session says first over a new link. */
const RESUME = 'resume';

export class FinderSide {
  readonly underlay: SimUnderlay;
  readonly network: LocalNetwork;
  readonly finder: PathFinder;
  readonly packets: string[] = [];
  readonly failures: PathFailure[] = [];
  /** Of what this side told, `offer`, `punch`, and so on. */
  readonly told: string[] = [];
  mostExtraSockets = 0;
  tell: (item: PathItem) => void = () => undefined;

  constructor(
    world: {
      readonly clock: ManualClock;
      readonly random: RandomBytes;
      readonly internet: Internet;
      readonly isStatic: boolean;
    },
    kind: SiteKind,
    goesFirst: boolean,
  ) {
    const { clock, random, internet, isStatic } = world;
    this.underlay = new SimUnderlay(internet.addSite(kind).hosts[0] ?? [], { clock, random });
    const { underlay } = this;
    this.network = new LocalNetwork({
      ...{ clock, random, underlay, router: underlay.router, log: silentLog },
      interfaces: underlay.interfaces,
      configured: internet.stunServers,
      relayStunServers: () => [],
      resolve: async () => Promise.reject(new Error('no such name')),
    });
    this.finder = new PathFinder({
      ...{ clock, random, goesFirst, isStatic, network: this.network },
      tell: (item) => {
        this.told.push(item.step);
        this.tell(item);
      },
      handlers: {
        packet: (packet) => {
          const text = new TextDecoder().decode(packet);
          if (text !== RESUME) this.packets.push(text);
        },
        linkChanged: () => {
          this.send(RESUME);
        },
        probed: () => undefined,
        failed: (failure) => this.failures.push(failure),
      },
    });
  }

  send(text: string): void {
    this.finder.link?.send(utf8(text));
  }
}

export interface FinderPairOptions {
  readonly seed?: number;
  readonly delayMs?: number;
  readonly isStatic?: boolean;
}

export class FinderPair {
  readonly clock = new ManualClock();
  readonly internet: Internet;
  /** `a` goes first. */
  readonly a: FinderSide;
  readonly b: FinderSide;
  readonly sides: readonly [FinderSide, FinderSide];
  #session = 0;

  constructor(
    kinds: readonly [SiteKind, SiteKind],
    { seed = 1, delayMs = 10, isStatic = false }: FinderPairOptions = {},
  ) {
    const { clock } = this;
    const random = seededRandom(seed);
    this.internet = new Internet({ clock, random, delayMs });
    const world = { clock, random, isStatic, internet: this.internet };
    this.a = new FinderSide(world, kinds[0], true);
    this.b = new FinderSide(world, kinds[1], false);
    this.sides = [this.a, this.b];
    this.a.tell = this.#carryTo(this.b, 2 * delayMs);
    this.b.tell = this.#carryTo(this.a, 2 * delayMs);
  }

  get isUp(): boolean {
    return this.sides.every(({ finder }) => finder.link !== undefined);
  }

  /** The networks know themselves, and there is a session. */
  async start(): Promise<this> {
    for (const { network } of this.sides) network.start();
    await this.pass(3000);
    this.openSession();
    return this;
  }

  openSession(): void {
    this.#session++;
    for (const { finder } of this.sides) finder.sessionOpened();
  }

  /** What is on its way inside of it is lost. */
  endSession(): void {
    this.#session++;
    for (const { finder } of this.sides) finder.sessionEnded();
  }

  blockUdp(isBlocked: boolean): void {
    for (const { underlay } of this.sides) underlay.onSend = () => !isBlocked;
  }

  async pass(ms: number): Promise<void> {
    await this.until(() => false, ms);
  }

  /** The time that it took; undefined when it did not come within `ms`. */
  async until(isSo: () => boolean, ms: number): Promise<number | undefined> {
    for (let passedMs = 0; ; passedMs += STEP_MS) {
      if (isSo()) return passedMs;
      if (passedMs >= ms) return undefined;
      this.clock.advance(STEP_MS);
      for (const side of this.sides) {
        const { length } = side.underlay.extraSockets;
        side.mostExtraSockets = Math.max(side.mostExtraSockets, length);
      }
      await Promise.resolve();
    }
  }

  async stop(): Promise<void> {
    for (const { finder } of this.sides) finder.stop();
    await this.pass(2000);
    for (const { network, underlay } of this.sides) {
      await network.stop();
      underlay.close();
    }
  }

  /** In order and reliably, as long as the session lasts. */
  #carryTo(to: FinderSide, delayMs: number): (item: PathItem) => void {
    return (item) => {
      const bytes = encodeAppMessage(item);
      const session = this.#session;
      this.clock.after(delayMs, () => {
        const read = decodeAppMessage(bytes);
        if (session === this.#session && read?.kind === 'path') to.finder.receive(read);
      });
    };
  }
}

const pairs: FinderPair[] = [];

afterEach(async () => {
  await Promise.all(pairs.splice(0).map(async (pair) => pair.stop()));
});

/** A pair that is stopped after its test. */
export function newPair(...args: ConstructorParameters<typeof FinderPair>): FinderPair {
  const pair = new FinderPair(...args);
  pairs.push(pair);
  return pair;
}

export async function startedPair(...args: Parameters<typeof newPair>): Promise<FinderPair> {
  return newPair(...args).start();
}

/** The session reaches the other side, from both. */
export async function expectPackets(pair: FinderPair): Promise<void> {
  const { a, b } = pair;
  for (const { packets } of pair.sides) packets.length = 0;
  a.send('to b');
  await pair.pass(500);
  b.send('to a');
  await pair.pass(500);
  expect([a.packets, b.packets]).toEqual([['to a'], ['to b']]);
}
