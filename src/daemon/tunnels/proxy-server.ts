/**
 * A proxy for programs of this host, HTTP and SOCKS5 on one port; the first byte tells which:
 *
 *     5 ──> SOCKS5      else ──> HTTP: CONNECT, or a request in absolute form
 *
 * It leads to nodes of this network alone, and looks no name up that is not one of theirs.
 */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import type { Cancel } from '../../base/clock.ts';
import { describeError, PilotError } from '../../base/pilot-error.ts';
import { WireError } from '../../base/wire-error.ts';
import type { PeerStream } from '../streams/stream-duplex.ts';
import { dialPeer } from './carry.ts';
import { HttpProxy } from './http-proxy.ts';
import { joinStreams } from './join-streams.ts';
import { parseListen } from './local-address.ts';
import { LocalServer } from './local-server.ts';
import { type PilotHost, pilotHost } from './pilot-host.ts';
import { socksFailure, SocksRefusal, socksReply, takeGreeting, takeRequest } from './socks5.ts';
import type { TunnelDeps } from './tunnel-deps.ts';

const SOCKS5_VERSION = 5;
/** From a connection to the end of what it asks for: a program sends that at once. */
const ASK_MS = 10_000;

export class ProxyServer {
  error = '';
  readonly #deps: TunnelDeps;
  readonly #listen: string;
  readonly #server: LocalServer;
  readonly #http: HttpProxy;
  /** Of those that have not asked for anything yet. */
  readonly #deadlines = new WeakMap<Duplex, Cancel>();

  constructor(deps: TunnelDeps, listen: string) {
    this.#deps = deps;
    this.#listen = listen;
    this.#server = new LocalServer(parseListen(listen), (socket) => {
      this.#greet(socket);
    });
    this.#http = new HttpProxy({
      dial: async (to, signal) => this.#dial(to, signal),
      asked: (socket) => {
        this.#asked(socket);
      },
    });
  }

  get connections(): number {
    return this.#server.connections;
  }

  get port(): number {
    return this.#server.port;
  }

  async open(): Promise<void> {
    await this.#server.open();
  }

  close(): void {
    this.#server.close();
  }

  #greet(socket: Socket): void {
    const cancel = this.#deps.clock.after(ASK_MS, () => {
      socket.destroy();
    });
    this.#deadlines.set(socket, cancel);
    socket.once('close', cancel);
    void this.#serve(socket).catch((error: unknown) => {
      socket.destroy();
      if (error instanceof WireError) return;
      this.#deps.log.error({ err: error }, 'the proxy could not serve a connection');
    });
  }

  async #serve(socket: Socket): Promise<void> {
    const first = await take(socket, 1);
    socket.unshift(first);
    if (first[0] === SOCKS5_VERSION) {
      await this.#serveSocks(socket);
      return;
    }
    // After the turn in which a reader of `readable` counts as one.
    setImmediate(() => {
      this.#http.serve(socket);
      socket.resume();
    });
  }

  async #serveSocks(socket: Socket): Promise<void> {
    const takeBytes = async (count: number): Promise<Buffer> => take(socket, count);
    try {
      socket.write(await takeGreeting(takeBytes));
      const { host, port } = await takeRequest(takeBytes);
      this.#asked(socket);
      const gone = new AbortController();
      socket.once('close', () => {
        gone.abort(new PilotError('connection_failed', 'the program hung up'));
      });
      const stream = await this.#dial(pilotHost(host, port), gone.signal);
      socket.write(socksReply('succeeded'));
      joinStreams(socket, stream);
    } catch (error) {
      if (error instanceof SocksRefusal) socket.end(error.bytes);
      else if (error instanceof PilotError) socket.end(socksFailure(error));
      else throw error;
      socket.resume();
    }
  }

  async #dial({ target, port }: PilotHost, signal: AbortSignal): Promise<PeerStream> {
    const place = { kind: 'proxy', place: this.#listen, target, port } as const;
    try {
      const stream = await dialPeer(this.#deps, { ...place, signal });
      this.error = '';
      return stream;
    } catch (error) {
      if (!signal.aborted) this.error = describeError(error);
      throw error;
    }
  }

  #asked(socket: Duplex): void {
    this.#deadlines.get(socket)?.();
  }
}

/**
 * Exactly so many bytes; WireError when no more come. It waits only when everything has been read: what is left
 * makes the stream say `readable` to each new listener at once, so that nothing else would have a turn.
 */
async function take(socket: Socket, count: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let missing = count; missing > 0;) {
    const piece = socket.read(Math.min(missing, socket.readableLength)) as Buffer | null;
    if (piece !== null) {
      pieces.push(piece);
      missing -= piece.length;
    } else if (socket.readableEnded || socket.destroyed) {
      throw new WireError('the connection ended early');
    } else {
      await moreOf(socket);
    }
  }
  return Buffer.concat(pieces);
}

async function moreOf(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      for (const name of ['readable', 'end', 'close']) socket.off(name, done);
      resolve();
    };
    for (const name of ['readable', 'end', 'close']) socket.on(name, done);
  });
}
