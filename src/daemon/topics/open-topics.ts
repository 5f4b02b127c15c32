import { toHex } from '../../base/bytes.ts';
import type { Clock } from '../../base/clock.ts';
import type { RandomBytes } from '../../base/random.ts';
import { EVENT_STREAM_PORT } from '../../client/event-frame.ts';
import { decodeNodeId } from '../../identity/node-id.ts';
import type { Log } from '../log/log.ts';
import type { InboxLimits } from '../messages/inbox.ts';
import type { OutboxLimits } from '../messages/outbox.ts';
import type { SendLimits } from '../messages/send-request.ts';
import { newUuid, uuidFromBytes } from '../messages/uuid-bytes.ts';
import type { PilotNode } from '../node/node.ts';
import type { Storage } from '../store/storage.ts';
import { askBroker } from './broker-stream.ts';
import { DurableEvents } from './durable-events.ts';
import { DurableSubscribers } from './durable-subscribers.ts';
import type { EventBroker } from './event-broker.ts';
import { Topics } from './topics.ts';

export interface OpenTopicsDeps {
  readonly node: PilotNode;
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
  readonly limits: {
    readonly send: SendLimits;
    readonly inbox: InboxLimits;
    readonly outbox: OutboxLimits;
  };
}

/** Of the outbox: half of it, and as much of that for one peer, is for events; the rest for messages. */
const OUTBOX_SHARE = 1 / 2;
const PEER_SHARE = 1 / 8;

/** Topics of a node that has not been started. */
export function openTopics({ node, storage, clock, random, limits }: OpenTopicsDeps): Topics {
  const peerOf = async (target: string): Promise<string | undefined> => {
    const { id } = await node.resolve(target);
    return id === node.names().id ? undefined : toHex(decodeNodeId(id));
  };
  const { streams } = node.ports;
  const durable = new DurableEvents({
    ...{ storage, clock, random, peerOf },
    ...{ inbox: node.arrivals.inbox, limits: limits.inbox },
    ask: async (peer, question) =>
      askBroker(await streams.dial(peer, EVENT_STREAM_PORT), question, clock),
  });
  node.claimMail(durable);
  return new Topics({
    ...{ clock, random, durable, peerOf },
    dial: async (peer, port, options) => streams.dial(peer, port, options),
  });
}

/** Peers whose events go as messages. */
export function openSubscribers(deps: OpenTopicsDeps, broker: EventBroker): DurableSubscribers {
  const { node, storage, clock, random, log, limits } = deps;
  return new DurableSubscribers({
    ...{ storage, clock, log, broker },
    isTrusted: (peer) => node.arrivals.store.stateOf(peer) === 'trusted',
    send: (peer, id, payload) => {
      const correlationId = uuidFromBytes(id);
      if (!hasRoom(deps, peer, payload.length)) return undefined;
      return node.arrivals.messages.post({
        ...{ peer, id: newUuid(clock, random), correlationId },
        // An answer to the subscription: who serves messages leaves it alone.
        ...{ replyTo: correlationId, type: 'binary', payload },
        expiresAtMs: clock.now() + limits.send.expiryMs,
      });
    },
  });
}

function hasRoom({ node, limits }: OpenTopicsDeps, peer: string, bytes: number): boolean {
  const { outbox } = node.arrivals;
  const { maxMessages, maxBytes } = limits.outbox;
  return (
    bytes <= limits.send.maxPayloadBytes &&
    outbox.size < maxMessages * OUTBOX_SHARE &&
    outbox.bytes + bytes <= maxBytes * OUTBOX_SHARE &&
    (outbox.queueOf(peer)?.size ?? 0) < maxMessages * PEER_SHARE
  );
}
