/** A host on a segment, with UDP sockets. */
import type { Endpoint } from '../../../src/base/endpoint.ts';
import type { NetworkNode, Packet, Segment } from './segment.ts';

export type DatagramHandler = (bytes: Uint8Array, from: Endpoint) => void;

export interface SimSocket {
  readonly endpoint: Endpoint;
  send(bytes: Uint8Array, to: Endpoint): void;
  close(): void;
}

export class SimHost implements NetworkNode {
  readonly address: string;
  readonly #segment: Segment;
  readonly #sockets = new Map<number, DatagramHandler>();

  constructor(segment: Segment, address: string) {
    this.address = address;
    this.#segment = segment;
    segment.attach(address, this);
  }

  bind(port: number, handler: DatagramHandler): SimSocket {
    if (this.#sockets.has(port)) throw new Error(`port ${port} is taken`);
    this.#sockets.set(port, handler);
    const endpoint = { host: this.address, port };
    return {
      endpoint,
      send: (bytes, to) => {
        this.#segment.send({ from: endpoint, to, bytes: bytes.slice() });
      },
      close: () => {
        this.#sockets.delete(port);
      },
    };
  }

  receive({ from, to, bytes }: Packet): void {
    this.#sockets.get(to.port)?.(bytes, from);
  }
}
