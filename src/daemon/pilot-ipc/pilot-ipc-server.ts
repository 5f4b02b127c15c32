import { createServer, type Server, type Socket } from 'node:net';

import type { Clock } from '../../base/clock.ts';
import type { HostFacts } from '../api/host-view.ts';
import { listenOnSocket } from '../api/unix-listener.ts';
import type { Log } from '../log/log.ts';
import type { NodeApi } from '../node/node-api.ts';
import { recvFromFrame } from './client-datagrams.ts';
import { Connections } from './connections.ts';
import { handshakeCommand } from './handshake-commands.ts';
import { infoCommands } from './info-commands.ts';
import { IpcClient, type IpcClientDeps } from './ipc-client.ts';
import { registryCommands } from './registry-commands.ts';

/** Pilotctl interface 2.1. */
const MAX_CLIENTS = 1024;

export interface PilotIpcServerDeps {
  readonly socketPath: string;
  readonly node: NodeApi;
  readonly host: HostFacts;
  readonly clock: Clock;
  readonly log: Log;
  /** Gives the identity a new key now. */
  readonly rotateKey: () => void;
}

/**
 * The socket of the original `pilotctl` and what was made for it. Its mode keeps other users out: the system
 * asks for the right to write before it connects anybody.
 */
export class PilotIpcServer {
  readonly #deps: PilotIpcServerDeps;
  readonly #clientDeps: IpcClientDeps;
  readonly #clients = new Set<IpcClient>();
  readonly #server: Server;
  #stopWatching = (): void => undefined;
  #removeSocket = (): void => undefined;

  constructor(deps: PilotIpcServerDeps) {
    const { node, host, clock, log, rotateKey } = deps;
    const connections = new Connections(node.ports);
    this.#deps = deps;
    this.#clientDeps = {
      ...{ ports: node.ports, connections, clock, log },
      commands: new Map([
        ...infoCommands({ node, host, rotateKey }),
        ...registryCommands(node),
        handshakeCommand(node, clock),
      ]),
    };
    this.#server = createServer((socket) => {
      this.#add(socket);
    });
    this.#server.maxConnections = MAX_CLIENTS;
    this.#server.on('drop', () => {
      log.warn({ clients: MAX_CLIENTS }, 'too many pilot-ipc clients: one was turned away');
    });
  }

  /** Resolves when the socket is in its place and answers. */
  async start(): Promise<void> {
    const { node, socketPath } = this.#deps;
    this.#removeSocket = await listenOnSocket(this.#server, socketPath);
    this.#stopWatching = node.ports.watchDatagrams((datagram) => {
      if (this.#clients.size === 0) return;
      const frame = recvFromFrame(node.ports.namesOf(datagram.peer).node_id, datagram);
      for (const client of this.#clients) client.push(frame);
    });
  }

  /** Disconnects every client; their streams are closed as by themselves. */
  async stop(): Promise<void> {
    this.#removeSocket();
    this.#stopWatching();
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
    for (const client of [...this.#clients]) client.end('the daemon stops');
    await closed;
  }

  #add(socket: Socket): void {
    const client = new IpcClient(socket, this.#clientDeps);
    this.#clients.add(client);
    socket.once('close', () => {
      this.#clients.delete(client);
    });
  }
}
