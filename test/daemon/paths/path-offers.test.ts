/** What the offers of one peer can make a node open. */
import { expect, test } from 'vitest';

import { Emitter } from '../../../src/base/events.ts';
import { PilotError } from '../../../src/base/pilot-error.ts';
import { MAX_OFFERS, PathFinder } from '../../../src/daemon/paths/path-finder.ts';
import type { PathItem } from '../../../src/daemon/paths/path-message.ts';
import type { NetworkEvents } from '../../../src/daemon/paths/path-network.ts';
import type { Underlay } from '../../../src/daemon/paths/underlay.ts';
import { PunchBudget } from '../../../src/ice/hard-nat-budget.ts';
import { StunRouter } from '../../../src/ice/stun-router.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { SimUnderlay } from '../../support/nat/sim-underlay.ts';
import { seededRandom } from '../../support/seeded-random.ts';

/** As real ones: so long a channel whose peer says nothing stays. */
const LINGER_MS = 1000;

class Node {
  readonly clock = new ManualClock();
  readonly told: PathItem[] = [];
  readonly finder: PathFinder;
  openChannels = 0;
  mostOpenChannels = 0;
  #offers = 0;

  constructor(options: { hasStreams?: boolean; openChannel?: Underlay['openChannel'] } = {}) {
    const { clock } = this;
    const random = seededRandom(9);
    const openChannel: Underlay['openChannel'] = () => this.#openChannel();
    this.finder = new PathFinder({
      ...{ clock, random, goesFirst: true, isStatic: false },
      network: {
        underlay: new SimUnderlay([], { clock, random, openChannel, ...options }),
        ...{ router: new StunRouter(), punchBudget: new PunchBudget(clock) },
        ...{ candidates: [], isGathered: true, natReport: undefined, stunServers: [] },
        ...{ freshen: () => undefined, suspect: () => undefined },
        events: new Emitter<NetworkEvents>(),
      },
      tell: (item) => this.told.push(item),
      handlers: {
        packet: () => undefined,
        linkChanged: () => undefined,
        probed: () => undefined,
        failed: () => undefined,
      },
    });
  }

  /** Of a peer without UDX. */
  receiveOffer(): void {
    const attempt = (this.#offers++).toString(16).padStart(16, '0');
    const credentials = { ufrag: 'abcd', password: 'abcdefghijklmnopqrstuv' };
    this.finder.receive({ kind: 'path', attempt, step: 'offer', credentials });
  }

  #openChannel(): ReturnType<Underlay['openChannel']> {
    this.openChannels += 1;
    this.mostOpenChannels = Math.max(this.mostOpenChannels, this.openChannels);
    return {
      ...{ kind: 'webrtc', maxPacketBytes: 1_000_000 },
      ...{ accept: () => undefined, use: () => undefined, send: () => undefined },
      close: async () => {
        this.clock.after(LINGER_MS, () => (this.openChannels -= 1));
        return Promise.resolve();
      },
    };
  }
}

test('a peer that offers again and again opens no more than so many channels, and is told', () => {
  const node = new Node();
  node.finder.sessionOpened();
  for (let i = 0; i < 10_000; i++) {
    node.receiveOffer();
    node.clock.advance(1);
  }
  expect(node.mostOpenChannels).toBeLessThanOrEqual(MAX_OFFERS.burst + 2 * MAX_OFFERS.perSecond);
  const ends = node.told.filter(({ step }) => step === 'end');
  expect(new Set(ends.map((item) => item.step === 'end' && item.reason))).toEqual(
    new Set(['busy']),
  );
  const answers = node.told.filter(({ step }) => step === 'answer').length;
  expect(answers + ends.length).toBe(10_000);

  node.clock.advance(1000);
  node.told.length = 0;
  node.receiveOffer();
  expect(node.told[0]?.step).toBe('answer');
  node.finder.stop();
  node.clock.advance(LINGER_MS);
  expect([node.openChannels, node.clock.pendingTimers]).toEqual([0, 0]);
});

test('an offer whose channel the system refuses ends after it was told, and says nothing more', () => {
  const node = new Node({
    hasStreams: false,
    openChannel: () => {
      throw new PilotError('unavailable', 'too many open files');
    },
  });
  node.finder.sessionOpened();
  node.clock.advance(0);
  expect(node.told.map(({ step }) => step)).toEqual(['offer', 'end']);
  expect(node.finder.lastFailure).toMatchObject({ code: 'link_failed' });
  node.finder.stop();
});
