import { PilotError } from '../../../src/base/pilot-error.ts';
import { systemClock } from '../../../src/base/system-clock.ts';
import { Topics } from '../../../src/daemon/topics/topics.ts';
import { seededRandom } from '../../support/seeded-random.ts';

/** The topics of a node that knows nobody but itself, as `fake`. */
export function lonelyTopics(): Topics {
  const nobody = (): PilotError => new PilotError('not_found', 'this node does not know it');
  return new Topics({
    ...{ clock: systemClock, random: seededRandom(1) },
    durable: {
      attach: async () => Promise.reject(nobody()),
      forget: async () => Promise.reject(nobody()),
    },
    peerOf: async (target) =>
      target === 'fake' ? Promise.resolve(undefined) : Promise.reject(nobody()),
    dial: async () => Promise.reject(nobody()),
  });
}
