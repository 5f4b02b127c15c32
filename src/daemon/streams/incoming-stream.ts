import type { SessionStream } from '../../session/stream.ts';
import { PeerStream } from './stream-duplex.ts';

export interface IncomingStreamHandlers {
  readonly taken: (stream: PeerStream) => void;
  readonly refused: (code: string) => void;
}

/** A stream that a peer opened and nobody has taken yet. */
export class IncomingStream {
  /** Who opened it: hex of its first key. */
  readonly peer: string;
  /** Of ours. */
  readonly port: number;
  readonly sourcePort: number;
  /** Its opener gave it up, or the session ended, before it was taken or refused. */
  onGone: () => void = () => undefined;
  readonly #stream: SessionStream;
  readonly #handlers: IncomingStreamHandlers;

  constructor(stream: SessionStream, peer: string, handlers: IncomingStreamHandlers) {
    this.#stream = stream;
    this.#handlers = handlers;
    this.peer = peer;
    this.port = stream.port;
    this.sourcePort = stream.sourcePort;
    stream.handlers = {
      accepted: () => undefined,
      readable: () => undefined,
      drained: () => undefined,
      reset: () => {
        this.onGone();
      },
    };
  }

  get isGone(): boolean {
    return this.#stream.isOver;
  }

  /** Takes it; undefined when it is gone. */
  accept(): PeerStream | undefined {
    if (this.#stream.isOver) return undefined;
    const place = { localPort: this.port, remotePort: this.sourcePort, isOutgoing: false };
    const taken = new PeerStream(this.#stream, { peer: this.peer, ...place });
    this.#handlers.taken(taken);
    this.#stream.accept();
    return taken;
  }

  /** The code goes to the peer (`[a-z][a-z0-9_]*`). */
  refuse(code = 'connection_refused'): void {
    if (this.#stream.isOver) return;
    this.#stream.reset(code);
    this.#handlers.refused(code);
  }
}
