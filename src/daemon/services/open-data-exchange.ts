import type { Clock } from '../../base/clock.ts';
import type { RandomBytes } from '../../base/random.ts';
import type { FileEvent, NodeNames } from '../../client/api.ts';
import type { FileArrival } from '../files/file-receiver.ts';
import type { ReceivedFolder } from '../files/received-folder.ts';
import type { Log } from '../log/log.ts';
import type { PilotNode } from '../node/node.ts';
import { DataExchange } from './data-exchange.ts';
import { ExchangeInbox } from './exchange-inbox.ts';

export interface NodeDataExchange {
  readonly node: Pick<PilotNode, 'arrivals' | 'events' | 'ports'>;
  readonly folder: ReceivedFolder;
  readonly maxMessageBytes: number;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
}

/** The data exchange of a node: its inbox, its received folder, its events. */
export function openDataExchange(deps: NodeDataExchange): DataExchange {
  const { node, random, ...shared } = deps;
  const { inbox, messages, outbox } = node.arrivals;
  const eventOf = ({ peer, ...file }: FileArrival): FileEvent<NodeNames> => ({
    from: node.ports.namesOf(peer),
    ...file,
  });
  return new DataExchange({
    ...{ ...shared, ports: node.ports },
    inbox: new ExchangeInbox({ clock: deps.clock, random, inbox, messages, outbox }),
    files: {
      progress: (arrival, received) => {
        node.events.emit('file.progress', { ...eventOf(arrival), received });
      },
      received: (arrival) => {
        node.events.emit('file.received', eventOf(arrival));
      },
      failed: (arrival, reason) => {
        node.events.emit('file.failed', { ...eventOf(arrival), reason });
      },
    },
  });
}
