import { onTestFinished } from 'vitest';

import { systemClock } from '../../../src/base/system-clock.ts';
import { EventStreamService } from '../../../src/daemon/services/event-stream-service.ts';
import { Topics } from '../../../src/daemon/topics/topics.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { type JoinedPorts, joinedPorts } from '../joined-ports.ts';

/** Topics of two nodes that are joined in memory. */
export interface JoinedTopics {
  readonly joined: JoinedPorts;
  /** Of the node whose peer is the broker: it is there by any name. */
  readonly topics: Topics;
  /** Of the broker; it is `self`. */
  readonly broker: Topics;
  readonly service: EventStreamService;
}

const RATE = { perSecond: 1_000_000, burst: 1_000_000 };

/** They are closed when the test is over. */
export async function joinedTopics(rate = RATE, given?: JoinedPorts): Promise<JoinedTopics> {
  const joined = given ?? (await joinedPorts());
  const broker = topicsOf(undefined);
  const topics = topicsOf(joined.ports[0]);
  const service = new EventStreamService({
    ...{ ports: joined.ports[1], clock: systemClock, broker: broker.broker, rate },
    durable: {
      keep: async () => Promise.resolve(0),
      forget: async () => Promise.resolve(),
    },
  });
  onTestFinished(() => {
    topics.close();
    service.stop();
    joined.close();
  });
  return { joined, topics, broker, service };
}

function topicsOf(dial: JoinedPorts['ports'][number] | undefined): Topics {
  const nothing = async (): Promise<never> => Promise.reject(new Error('not here'));
  return new Topics({
    ...{ clock: systemClock, random: seededRandom(3) },
    durable: { attach: nothing, forget: nothing },
    peerOf: async (target) => Promise.resolve(target === 'self' ? undefined : 'peer'),
    dial: async (peer, port, options) =>
      dial === undefined ? nothing() : dial.streams.dial(peer, port, options),
  });
}
