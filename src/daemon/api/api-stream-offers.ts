import type { Duplex } from 'node:stream';

import type { Cancel, Clock } from '../../base/clock.ts';
import { PilotError } from '../../base/pilot-error.ts';
import { STREAM_PORT_HEADER, STREAM_PROTOCOL, type StreamOffer } from '../../client/stream-api.ts';
import { STREAM_FRAME, streamFrame, StreamFrameReader } from '../../client/stream-framing.ts';
import type { IncomingStream } from '../streams/incoming-stream.ts';
import type { NodePorts } from '../streams/port-calls.ts';
import type { PeerStream } from '../streams/stream-duplex.ts';
import type { Listener } from '../streams/streams.ts';
import { acceptUpgrade } from './api-upgrade.ts';

/** Streams that wait to be accepted, for one program; more are refused. As many as `listen(2)` keeps by default. */
const MAX_BACKLOG = 128;
const ACCEPT_WITHIN_MS = 10_000;

interface ApiStreamOffersDeps {
  readonly node: { readonly ports: NodePorts };
  readonly clock: Clock;
}

interface Offer {
  readonly incoming: IncomingStream;
  readonly socket: Duplex;
  readonly cancel: Cancel;
}

/** Ports that programs listen on, and what is offered to them. */
export class ApiStreamOffers {
  readonly #deps: ApiStreamOffersDeps;
  readonly #offers = new Map<string, Offer>();
  readonly #listeners = new Set<Listener>();
  #count = 0;

  constructor(deps: ApiStreamOffersDeps) {
    this.#deps = deps;
  }

  /** The port is bound until the socket closes. */
  listen(port: number | undefined, { socket, head }: { socket: Duplex; head: Buffer }): void {
    const listener = this.#deps.node.ports.listen(port, (incoming) => {
      this.#offer(incoming, socket);
    });
    this.#listeners.add(listener);
    const end = (): void => {
      this.#listeners.delete(listener);
      listener.close();
      for (const [id, offer] of this.#offers) if (offer.socket === socket) this.#refuse(id);
      socket.destroy();
    };
    const reader = new StreamFrameReader((kind, body) => {
      if (kind === STREAM_FRAME.refuse) this.#refuse(body.toString('utf8'), socket);
    });
    const read = (chunk: Buffer): void => {
      try {
        reader.push(chunk);
      } catch {
        end();
      }
    };
    socket.on('data', read).once('end', end).once('close', end);
    acceptUpgrade(socket, STREAM_PROTOCOL, { [STREAM_PORT_HEADER]: listener.port });
    if (head.length > 0) read(head);
  }

  /** PilotError `not_found`: nobody offers that, or not any more. */
  take(id: string): PeerStream {
    const stream = this.#forget(id)?.incoming.accept();
    if (stream !== undefined) return stream;
    throw new PilotError('not_found', `no stream ${id} waits to be accepted`, {
      hint: 'its opener gave it up, or it was not accepted within 10 s',
    });
  }

  stop(): void {
    for (const listener of this.#listeners) listener.close();
    for (const id of [...this.#offers.keys()]) this.#refuse(id);
  }

  #offer(incoming: IncomingStream, socket: Duplex): void {
    let waiting = 0;
    for (const offer of this.#offers.values()) if (offer.socket === socket) waiting += 1;
    if (waiting >= MAX_BACKLOG || socket.writableNeedDrain) {
      incoming.refuse('busy');
      return;
    }
    const id = String(++this.#count);
    const cancel = this.#deps.clock.after(ACCEPT_WITHIN_MS, () => {
      this.#forget(id)?.incoming.refuse('busy');
    });
    incoming.onGone = () => {
      this.#forget(id);
    };
    this.#offers.set(id, { incoming, socket, cancel });
    const from = this.#deps.node.ports.namesOf(incoming.peer);
    const offer: StreamOffer = { stream: id, from, source_port: incoming.sourcePort };
    socket.write(streamFrame(STREAM_FRAME.offer, JSON.stringify(offer)));
  }

  /** `by`: only what was offered there. */
  #refuse(id: string, by?: Duplex): void {
    if (by !== undefined && this.#offers.get(id)?.socket !== by) return;
    this.#forget(id)?.incoming.refuse('connection_refused');
  }

  #forget(id: string): Offer | undefined {
    const offer = this.#offers.get(id);
    this.#offers.delete(id);
    offer?.cancel();
    return offer;
  }
}
