import { BoundedMap } from '../../base/bounded-map.ts';
import { TokenBucket } from '../../base/token-bucket.ts';
import { EVENT_STREAM_PORT } from '../../client/event-frame.ts';
import type { IncomingStream } from '../streams/incoming-stream.ts';
import type { NodePorts } from '../streams/port-calls.ts';
import type { PeerStream } from '../streams/stream-duplex.ts';
import type { Listener } from '../streams/streams.ts';
import { EventBudget } from '../topics/event-budget.ts';
import {
  EventStreamConnection,
  type EventStreamDeps,
  type PeerAllowance,
} from './event-stream-connection.ts';
import type { Service } from './service.ts';

export interface EventStreamServiceDeps extends EventStreamDeps {
  readonly ports: Pick<NodePorts, 'listen'>;
  /** Events of one peer. */
  readonly rate: { readonly perSecond: number; readonly burst: number };
}

/** What a peer has here, over all of its streams; kept when they end, so that a new one gains nothing. */
interface Account extends PeerAllowance {
  streams: number;
}

/** One for each topic that a peer's programs are interested in. */
const MAX_STREAMS = 256;
const MIB = 2 ** 20;
/** Two of the largest events. */
const PEER_BYTES = 32 * MIB;
const ALL_PEERS_BYTES = 256 * MIB;
const MAX_ACCOUNTS = 1024;

/** This node's broker, for the nodes it trusts. */
export class EventStreamService implements Service {
  readonly #deps: EventStreamServiceDeps;
  readonly #listener: Listener;
  readonly #streams = new Set<PeerStream>();
  readonly #accounts = new BoundedMap<string, Account>(MAX_ACCOUNTS);
  readonly #unread = new EventBudget(ALL_PEERS_BYTES);
  readonly #unfinished = new EventBudget(ALL_PEERS_BYTES);

  constructor(deps: EventStreamServiceDeps) {
    this.#deps = deps;
    this.#listener = deps.ports.listen(EVENT_STREAM_PORT, (incoming) => {
      this.#take(incoming);
    });
  }

  stop(): void {
    this.#listener.close();
    for (const stream of this.#streams) stream.abandon('shutdown');
  }

  #take(incoming: IncomingStream): void {
    const account = this.#accountOf(incoming.peer);
    if (account.streams >= MAX_STREAMS) {
      incoming.refuse('too_many_streams');
      return;
    }
    const stream = incoming.accept();
    if (stream === undefined) return;
    account.streams += 1;
    this.#streams.add(stream);
    stream.once('close', () => {
      account.streams -= 1;
      this.#streams.delete(stream);
    });
    new EventStreamConnection(stream, this.#deps, account);
  }

  #accountOf(peer: string): Account {
    const account = this.#accounts.get(peer) ?? {
      rate: new TokenBucket(this.#deps.rate, this.#deps.clock.monotonic()),
      unread: new EventBudget(PEER_BYTES, this.#unread),
      unfinished: new EventBudget(PEER_BYTES, this.#unfinished),
      streams: 0,
    };
    this.#accounts.set(peer, account);
    return account;
  }
}
