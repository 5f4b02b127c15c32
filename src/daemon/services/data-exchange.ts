/** Port 1001: messages and files of trusted nodes, in the frames of pilotctl interface 2.9. */
import { type Cancel, every } from '../../base/clock.ts';
import { describeError } from '../../base/pilot-error.ts';
import { DATA_EXCHANGE_PORT } from '../../client/exchange-frame.ts';
import type { IncomingStream } from '../streams/incoming-stream.ts';
import type { PeerStream } from '../streams/stream-duplex.ts';
import type { Listener, Streams } from '../streams/streams.ts';
import { DataExchangeStream, type DataExchangeStreamDeps } from './data-exchange-stream.ts';
import type { Service } from './service.ts';

export interface DataExchangeDeps extends DataExchangeStreamDeps {
  readonly ports: Pick<Streams, 'listen'>;
}

/** Each may have one message or one chunk in memory. */
const MAX_STREAMS_OF_PEER = 64;
const MAX_STREAMS = 512;
/** After which a stream without a byte is ended (pilotctl interface 2.9). */
const IDLE_MS = 120_000;
const LOOK_MS = 10_000;
const SWEEP_MS = 3_600_000;

interface Held {
  readonly over: Promise<void>;
  bytes: number;
  movedAtMs: number;
}

export class DataExchange implements Service {
  readonly #deps: DataExchangeDeps;
  readonly #listener: Listener;
  readonly #streams = new Map<PeerStream, Held>();
  readonly #cancels: readonly Cancel[];

  constructor(deps: DataExchangeDeps) {
    this.#deps = deps;
    this.#listener = deps.ports.listen(DATA_EXCHANGE_PORT, (incoming) => {
      this.#take(incoming);
    });
    this.#cancels = [
      every(deps.clock, LOOK_MS, () => {
        this.#endIdle();
      }),
      every(deps.clock, SWEEP_MS, () => {
        this.#sweep();
      }),
    ];
    this.#sweep();
  }

  async stop(): Promise<void> {
    for (const cancel of this.#cancels) cancel();
    this.#listener.close();
    const all = [...this.#streams];
    for (const [stream] of all) stream.abandon('shutdown');
    await Promise.all(all.map(async ([, { over }]) => over));
  }

  #take(incoming: IncomingStream): void {
    const ofPeer = [...this.#streams.keys()].filter(({ peer }) => peer === incoming.peer).length;
    if (ofPeer >= MAX_STREAMS_OF_PEER || this.#streams.size >= MAX_STREAMS) {
      incoming.refuse('busy');
      return;
    }
    const stream = incoming.accept();
    if (stream === undefined) return;
    const over = this.#serve(stream).finally(() => this.#streams.delete(stream));
    this.#streams.set(stream, { over, bytes: 0, movedAtMs: this.#deps.clock.monotonic() });
  }

  async #serve(stream: PeerStream): Promise<void> {
    const { log } = this.#deps;
    try {
      await new DataExchangeStream(this.#deps, stream).run();
      stream.end();
    } catch (error) {
      log.debug({ peer: stream.peer, reason: describeError(error) }, 'a data exchange ended');
      stream.abandon('protocol_error');
    }
  }

  #endIdle(): void {
    const nowMs = this.#deps.clock.monotonic();
    for (const [stream, held] of this.#streams) {
      const bytes = stream.bytesRead + stream.bytesWritten;
      if (bytes !== held.bytes) held.movedAtMs = nowMs;
      held.bytes = bytes;
      if (nowMs - held.movedAtMs >= IDLE_MS) stream.abandon('idle');
    }
  }

  #sweep(): void {
    this.#deps.folder.removeParts().catch((err: unknown) => {
      this.#deps.log.warn({ err }, 'cannot look after the parts of received files');
    });
  }
}
