import { PilotError } from '../base/pilot-error.ts';
import { FramedQueue } from './framed-queue.ts';
import { openStream, type PilotStream } from './pilot-stream.ts';
import { STREAM_PORT_HEADER, type StreamOffer } from './stream-api.ts';
import { STREAM_FRAME, streamFrame } from './stream-framing.ts';
import { upgrade, type UpgradeRequest } from './upgrade.ts';

/** A stream that somebody opened: take it within 10 s, or it is refused. */
export interface OfferedStream extends StreamOffer {
  accept(): Promise<PilotStream>;
  refuse(): Promise<void>;
}

/**
 * A port that is listened on. Iterating takes every stream that comes in; `offers` leaves the choice. The port
 * is free again after `close`, when the signal is aborted, or when this program ends; streams go on.
 */
export class StreamListener {
  readonly port: number;
  readonly #queue: FramedQueue;
  readonly #request: Omit<UpgradeRequest, 'route' | 'query'>;

  constructor(port: number, queue: FramedQueue, request: Omit<UpgradeRequest, 'route' | 'query'>) {
    this.port = port;
    this.#queue = queue;
    this.#request = request;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<PilotStream, void, undefined> {
    for await (const offer of this.offers()) {
      try {
        yield await offer.accept();
      } catch (error) {
        // Its opener gave it up meanwhile.
        if (!(error instanceof PilotError) || error.code !== 'not_found') throw error;
      }
    }
  }

  async *offers(): AsyncGenerator<OfferedStream, void, undefined> {
    try {
      for await (const { kind, body } of this.#queue) {
        if (kind !== STREAM_FRAME.offer) continue;
        const offer = JSON.parse(body.toString('utf8')) as StreamOffer;
        const { stream } = offer;
        yield {
          ...offer,
          accept: async () =>
            openStream(
              { ...this.#request, route: 'acceptStream', query: { stream } },
              offer.source_port,
            ),
          refuse: async () => this.#queue.write(streamFrame(STREAM_FRAME.refuse, stream)),
        };
      }
    } finally {
      this.close();
    }
  }

  close(): void {
    this.#queue.close();
  }
}

export async function listenOn(
  port: number | undefined,
  request: Omit<UpgradeRequest, 'route' | 'query'>,
): Promise<StreamListener> {
  const upgraded = await upgrade({ ...request, route: 'listenStreams', query: { port } });
  const bound = Number(upgraded.headers[STREAM_PORT_HEADER]);
  return new StreamListener(bound, new FramedQueue(upgraded, request.signal), request);
}
