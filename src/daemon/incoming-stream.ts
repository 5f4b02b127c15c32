import type { SessionStream } from '../session/stream.ts';
import { PeerStream } from './stream-duplex.ts';

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
  readonly #hold: (taken: PeerStream) => PeerStream;

  constructor(stream: SessionStream, peer: string, hold: (taken: PeerStream) => PeerStream) {
    this.#stream = stream;
    this.#hold = hold;
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
    const taken = this.#hold(new PeerStream(this.#stream, { peer: this.peer, ...place }));
    this.#stream.accept();
    return taken;
  }

  /** The code goes to the peer (`[a-z][a-z0-9_]*`). */
  refuse(code = 'connection_refused'): void {
    this.#stream.reset(code);
  }
}
