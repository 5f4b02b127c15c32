import { createServer, type Server, type Socket } from 'node:net';

import type { Endpoint } from '../../base/endpoint.ts';
import { listenError } from './local-address.ts';

/** Of one listening address: a peer takes 1,000 streams of ours. */
const MAX_CONNECTIONS = 1000;

/** Takes connections of programs of this host on one address. */
export class LocalServer {
  readonly #endpoint: Endpoint;
  readonly #onSocket: (socket: Socket) => void;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #isClosed = false;

  /** `onSocket` gets it paused, with nothing read of it. */
  constructor(endpoint: Endpoint, onSocket: (socket: Socket) => void) {
    this.#endpoint = endpoint;
    this.#onSocket = onSocket;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** The one that is listened on, also where any was asked for. */
  get port(): number {
    const address = this.#server?.address();
    return typeof address === 'object' ? (address?.port ?? 0) : 0;
  }

  /** Resolves when it listens; PilotError says why it cannot. */
  async open(): Promise<void> {
    const { host, port } = this.#endpoint;
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      this.#take(socket);
    });
    server.maxConnections = MAX_CONNECTIONS;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => {
        reject(listenError(error, this.#endpoint));
      });
      server.listen({ host, port }, resolve);
    });
    server.removeAllListeners('error');
    // Of single connections that could not be taken: no descriptors left, for example. It goes on listening.
    server.on('error', () => undefined);
    this.#server = server;
    // Meanwhile: the port must not stay taken.
    if (this.#isClosed) this.close();
  }

  /** For good; ends its connections, too. May be called twice. */
  close(): void {
    this.#isClosed = true;
    this.#server?.close();
    this.#server = undefined;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  #take(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#sockets.delete(socket);
    });
    this.#onSocket(socket);
  }
}
