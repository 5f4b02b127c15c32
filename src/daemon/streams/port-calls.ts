/** Virtual ports of this node, for callers that name peers as people do. */
import type { NodeNames } from '../../client/api.ts';
import type { PeerPorts } from '../peers/peer-deps.ts';
import { type Datagram, type DatagramBinding, Datagrams, type DatagramsDeps } from './datagrams.ts';
import type { PeerStream } from './stream-duplex.ts';
import {
  type AcceptStream,
  type DialOptions,
  type Listener,
  Streams,
  type StreamsDeps,
} from './streams.ts';

/** What the local API needs of them. */
export interface NodePorts {
  /** `target`: Node ID, address, node number or hostname. Errors as those of `Streams.dial`. */
  dial(target: string, port: number, options?: DialOptions): Promise<PeerStream>;
  listen(port: number | undefined, accept: AcceptStream): Listener;
  bindDatagrams(port: number | undefined, receive: (datagram: Datagram) => void): DatagramBinding;
  /** As `Datagrams.watch`. */
  watchDatagrams(watcher: (datagram: Datagram) => void): () => void;
  /** Errors as those of `Datagrams.send`. */
  sendDatagram(target: string, datagram: Omit<Datagram, 'peer'>): Promise<void>;
  namesOf(peer: string): NodeNames;
  /** As `Streams.open`. */
  readonly open: ReadonlyMap<number, PeerStream>;
  readonly openCount: number;
  readonly listenerCount: number;
}

export interface PortCallsDeps extends StreamsDeps, DatagramsDeps {
  /** The key of a trusted node; PilotError says why it is none. */
  readonly keyOf: (target: string) => Promise<string>;
}

export class PortCalls implements NodePorts, PeerPorts {
  readonly streams: Streams;
  readonly datagrams: Datagrams;
  readonly #deps: PortCallsDeps;

  constructor(deps: PortCallsDeps) {
    this.#deps = deps;
    this.streams = new Streams(deps);
    this.datagrams = new Datagrams(deps);
  }

  get open(): ReadonlyMap<number, PeerStream> {
    return this.streams.open;
  }

  get openCount(): number {
    return this.streams.open.size;
  }

  get listenerCount(): number {
    return this.streams.listenerCount;
  }

  handlersOf(peer: string): ReturnType<PeerPorts['handlersOf']> {
    return {
      datagram: (body) => {
        this.datagrams.receive(peer, body);
      },
      stream: (stream) => {
        this.streams.receive(peer, stream);
      },
    };
  }

  async dial(target: string, port: number, options: DialOptions = {}): Promise<PeerStream> {
    return this.streams.dial(await this.#deps.keyOf(target), port, options);
  }

  listen(port: number | undefined, accept: AcceptStream): Listener {
    return this.streams.listen(port, accept);
  }

  bindDatagrams(port: number | undefined, receive: (datagram: Datagram) => void): DatagramBinding {
    return this.datagrams.bind(port, receive);
  }

  watchDatagrams(watcher: (datagram: Datagram) => void): () => void {
    return this.datagrams.watch(watcher);
  }

  async sendDatagram(target: string, datagram: Omit<Datagram, 'peer'>): Promise<void> {
    await this.datagrams.send({ ...datagram, peer: await this.#deps.keyOf(target) });
  }

  namesOf(peer: string): NodeNames {
    return this.#deps.namesOf(peer);
  }
}
