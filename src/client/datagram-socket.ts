import type { PilotError } from '../base/pilot-error.ts';
import { FramedQueue } from './framed-queue.ts';
import { readFailure } from './pilot-stream.ts';
import { STREAM_PORT_HEADER } from './stream-api.ts';
import { datagramFrame, readDatagramFrame, STREAM_FRAME } from './stream-framing.ts';
import { upgrade, type UpgradeRequest } from './upgrade.ts';

export interface ReceivedDatagram {
  /** Node ID of the sender, by its proved key. */
  readonly from: string;
  /** Which port of the sender's it comes from. */
  readonly port: number;
  readonly bytes: Buffer;
}

/** A port for datagrams: they may be lost, doubled and overtake. To be iterated once. */
export class DatagramSocket {
  readonly port: number;
  /** How many were lost here because they were not read fast enough. */
  dropped = 0;
  /** A datagram of ours was not sent, and why. */
  onFailure: (error: PilotError) => void = () => undefined;
  readonly #queue: FramedQueue;

  constructor(port: number, queue: FramedQueue) {
    this.port = port;
    this.#queue = queue;
  }

  /** Resolves when the daemon has it. */
  async send(target: string, port: number, bytes: Uint8Array): Promise<void> {
    await this.#queue.write(datagramFrame(target, port, bytes));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ReceivedDatagram, void, undefined> {
    try {
      for await (const { kind, body } of this.#queue) {
        if (kind === STREAM_FRAME.dropped) this.dropped += body.readUInt32BE();
        if (kind === STREAM_FRAME.failed) this.onFailure(readFailure(body));
        if (kind !== STREAM_FRAME.datagram) continue;
        const { target, port, bytes } = readDatagramFrame(body);
        yield { from: target, port, bytes };
      }
    } finally {
      this.close();
    }
  }

  close(): void {
    this.#queue.close();
  }
}

export async function bindDatagrams(
  port: number | undefined,
  request: Omit<UpgradeRequest, 'route' | 'query'>,
): Promise<DatagramSocket> {
  const upgraded = await upgrade({ ...request, route: 'datagrams', query: { port } });
  const bound = Number(upgraded.headers[STREAM_PORT_HEADER]);
  return new DatagramSocket(bound, new FramedQueue(upgraded, request.signal));
}
