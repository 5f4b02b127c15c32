/**
 * The UDP sockets of the STUN server. Two places make four sockets, since a client is to be answered from
 * another address, another port, or both (RFC 5780, section 6):
 *
 *     first address    first port    second port
 *     second address   first port    second port
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

import type { Clock } from '../base/clock.ts';
import { type Endpoint, formatEndpoint } from '../base/endpoint.ts';
import { describeError, PilotError } from '../base/pilot-error.ts';
import { pairStunPlaces, type StunPlace } from './stun-places.ts';
import {
  type StunInlet,
  type StunOutlet,
  StunServer,
  type StunServerSettings,
} from './stun-server.ts';

export interface BoundStunServer {
  readonly server: StunServer;
  /** The places it was told, with the ports that the system chose for 0. */
  readonly endpoints: readonly Endpoint[];
  /** May be called twice. */
  close(): Promise<void>;
}

/**
 * A server at all the places (see `pairStunPlaces`); `::` takes IPv4 as well. PilotError when one is taken,
 * and then none stays bound.
 */
export async function bindStunServer(
  endpoints: readonly Endpoint[],
  clock: Clock,
  settings?: StunServerSettings,
): Promise<BoundStunServer> {
  const sockets: Socket[] = [];
  const closeAll = async (): Promise<void> => {
    await Promise.all(sockets.map(closeSocket));
  };
  const open = async (endpoint: Endpoint): Promise<Door> => {
    const socket = await bind(endpoint);
    sockets.push(socket);
    return new Door(socket);
  };
  const server = new StunServer(clock, settings);
  const main: StunOutlet[] = [];
  try {
    for (const place of pairStunPlaces(endpoints)) main.push(...(await serve(server, place, open)));
  } catch (error) {
    await closeAll();
    throw error;
  }
  let closed: Promise<void> | undefined;
  return {
    server,
    endpoints: main.map(({ endpoint }) => endpoint),
    close: async () => (closed ??= closeAll()),
  };
}

class Door implements StunOutlet {
  readonly endpoint: Endpoint;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    const { address, port } = socket.address();
    this.endpoint = { host: address, port };
  }

  send(bytes: Uint8Array, { host, port }: Endpoint): void {
    this.#socket.send(bytes, port, host, () => undefined);
  }

  serve(server: StunServer, others: StunInlet['others']): void {
    const inlet: StunInlet = { outlet: this, others };
    this.#socket.on('message', (datagram, { address, port }) => {
      server.receive(datagram, { host: address, port }, inlet);
    });
  }
}

async function serve(
  server: StunServer,
  [first, second]: StunPlace,
  open: (endpoint: Endpoint) => Promise<Door>,
): Promise<readonly Door[]> {
  const a1 = await open(first);
  if (second === undefined) {
    a1.serve(server, undefined);
    return [a1];
  }
  const b2 = await open(second);
  const a2 = await open({ host: first.host, port: b2.endpoint.port });
  const b1 = await open({ host: second.host, port: a1.endpoint.port });
  a1.serve(server, { port: a2, address: b1, both: b2 });
  a2.serve(server, { port: a1, address: b2, both: b1 });
  b1.serve(server, { port: b2, address: a1, both: a2 });
  b2.serve(server, { port: b1, address: a2, both: a1 });
  return [a1, b2];
}

async function bind(endpoint: Endpoint): Promise<Socket> {
  const socket = createSocket(endpoint.host.includes(':') ? 'udp6' : 'udp4');
  try {
    socket.bind(endpoint.port, endpoint.host);
    await once(socket, 'listening');
  } catch (error) {
    socket.close();
    throw new PilotError(
      'unavailable',
      `cannot listen for STUN at ${formatEndpoint(endpoint)}: ${describeError(error)}`,
      { hint: 'choose another address or port with --stun', cause: error },
    );
  }
  // An unreachable asker is not our failure, and nobody waits for the answer.
  socket.on('error', () => undefined);
  return socket;
}

async function closeSocket(socket: Socket): Promise<void> {
  const closed = once(socket, 'close');
  socket.close();
  await closed;
}
