import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import { type WebSocket, WebSocketServer } from 'ws';

import { type Cancel, type Clock, every } from '../base/clock.ts';
import { type Endpoint, formatEndpoint } from '../base/endpoint.ts';
import { describeError, PilotError } from '../base/pilot-error.ts';
import type { RandomBytes } from '../base/random.ts';
import type { SecretKey } from '../identity/secret-key.ts';
import type { Access } from './access.ts';
import { Connection, type ConnectionDeps } from './connection.ts';
import type { Directory } from './directory.ts';
import { createHttpFront, type HttpFront, type TlsFiles, turnAway } from './http-front.ts';
import type { RelayLimits } from './limits.ts';
import { type DuplicatePolicy, LiveLogins } from './live-logins.ts';
import type { Mailbox } from './mailbox.ts';
import { SUBPROTOCOL } from './protocol.ts';
import { RelayCounters } from './relay-counters.ts';
import type { RelayLog } from './relay-log.ts';
import { RelayMetrics } from './relay-metrics.ts';
import { LocalRouter } from './router.ts';
import { Sources, type SourceSlot } from './sources.ts';
import { bindStunServer, type BoundStunServer } from './stun-sockets.ts';

export interface RelayServerOptions {
  readonly secret: SecretKey;
  readonly listen: Endpoint;
  /** Where to answer STUN (see `pairStunPlaces`); none: not at all. */
  readonly stun?: readonly Endpoint[];
  readonly tls?: TlsFiles | undefined;
  readonly access: Access;
  readonly duplicates: DuplicatePolicy;
  readonly limits: RelayLimits;
  readonly directory: Directory;
  readonly mailbox: Mailbox;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: RelayLog;
}

/** A connection that has not logged in: it has a deadline and a small allowance of bytes. */
interface Newcomer {
  readonly slot: SourceSlot;
  readonly cancelDeadline: Cancel;
}

/** The longest login (a chain of 64 certificates) has 7 kB; the HTTP upgrade before it up to 8. */
const MAX_NEWCOMER_BYTES = 32 * 1024;
/** Expired envelopes are removed in steps, so that no step holds up the forwarding for long. */
const SWEEP_INTERVAL_MS = 1000;
const SWEEP_ENVELOPES = 200;
/** While there are more than one step takes. */
const SWEEP_PAUSE_MS = 10;
/** How often a connection's silence is looked at, within the time it may last. */
const SILENCE_CHECKS = 4;

/** A running relay: WebSocket and HTTP on one port, STUN on another. Directory and mailbox are its owner's to close. */
export class RelayServer {
  readonly counters = new RelayCounters();
  readonly #options: RelayServerOptions;
  readonly #deps: ConnectionDeps;
  readonly #sources: Sources;
  readonly #http: HttpFront;
  readonly #webSockets: WebSocketServer;
  readonly #connections = new Set<Connection>();
  readonly #sockets = new Set<Socket>();
  readonly #newcomers = new Map<string, Newcomer>();
  readonly #timers: Cancel[] = [];
  #cancelSweep: Cancel = () => undefined;
  #stun: BoundStunServer | undefined;
  #isDraining = false;
  #stopped: Promise<void> | undefined;

  constructor(options: RelayServerOptions) {
    this.#options = options;
    const { limits, clock, mailbox } = options;
    this.#sources = new Sources(limits, clock);
    const logins = new LiveLogins(options.duplicates, clock);
    const router = new LocalRouter(limits.maxWatch);
    // One number for both families: who wants nodes to find both gives them the same port.
    const stunPort = (): number | undefined => this.stunEndpoints[0]?.port;
    this.#deps = { ...options, logins, router, stunPort, counters: this.counters };
    const metrics = new RelayMetrics({
      counters: this.counters,
      connections: () => this.#sources.connections,
      nodes: () => logins.size,
      mailbox: async () => mailbox.size(),
      stun: () => this.#stun?.server.counters ?? {},
    });
    this.#http = createHttpFront({
      limits,
      tls: options.tls,
      isDraining: () => this.#isDraining,
      metrics: async () => ({ type: metrics.contentType, text: await metrics.text() }),
      failed: (error) => {
        options.log.error(
          { reason: describeError(error) },
          'an HTTP request could not be answered',
        );
      },
    });
    this.#webSockets = new WebSocketServer({
      noServer: true,
      maxPayload: limits.maxFrameBytes,
      perMessageDeflate: false,
      clientTracking: false,
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
    this.#http.on('connection', (socket: Socket) => {
      this.#connected(socket);
    });
    this.#http.on('upgrade', (request, socket, head) => {
      this.#upgrade(request, socket, head);
    });
  }

  /** Where it listens, with the port the system chose for 0. */
  get endpoint(): Endpoint {
    const { address, port } = this.#http.address() as AddressInfo;
    return { host: address, port };
  }

  get stunEndpoints(): readonly Endpoint[] {
    return this.#stun?.endpoints ?? [];
  }

  /** PilotError when a place to listen at is taken or not ours. */
  async start(): Promise<void> {
    const { listen, stun = [], clock, limits } = this.#options;
    await this.#listen(listen);
    try {
      const hasNoIpv6 = listen.host === '::' && this.endpoint.host !== '::';
      const places = stun.map(({ host, port }) => {
        return { host: host === '::' && hasNoIpv6 ? '0.0.0.0' : host, port };
      });
      if (places.length > 0) this.#stun = await bindStunServer(places, clock);
    } catch (error) {
      this.#http.close();
      throw error;
    }
    const silenceMs = (limits.maxSilenceSeconds * 1000) / SILENCE_CHECKS;
    this.#timers.push(
      every(clock, silenceMs, () => {
        for (const connection of this.#connections) connection.checkSilence(clock.monotonic());
      }),
    );
    this.#sweepAfter(SWEEP_INTERVAL_MS);
  }

  /** New certificate files, for connections from now on. */
  useCertificate(tls: TlsFiles): void {
    if ('setSecureContext' in this.#http) this.#http.setSecureContext(tls);
  }

  /** Stops accepting, tells the nodes, and resolves when all are gone or the drain time is over. */
  async stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#isDraining = true;
    for (const cancel of this.#timers) cancel();
    this.#cancelSweep();
    const closed = once(this.#http, 'close');
    this.#http.close();
    for (const connection of this.#connections) connection.goAway();
    const { clock, limits } = this.#options;
    const cancelDeadline = clock.after(limits.maxDrainSeconds * 1000, () => {
      for (const socket of this.#sockets) socket.destroy();
    });
    await closed;
    cancelDeadline();
    await this.#stun?.close();
  }

  async #listen({ host, port }: Endpoint): Promise<void> {
    try {
      this.#http.listen(port, host);
      await once(this.#http, 'listening');
    } catch (error) {
      // A host without IPv6 has no `::`, which stands for every address.
      if (host === '::' && isNoIpv6(error)) {
        await this.#listen({ host: '0.0.0.0', port });
        return;
      }
      const place = formatEndpoint({ host, port });
      throw new PilotError('unavailable', `cannot listen at ${place}: ${describeError(error)}`, {
        hint: 'Choose another address or port with --listen, or stop what uses it.',
        cause: error,
      });
    }
    this.#http.on('error', (error) => {
      this.#options.log.error({ reason: describeError(error) }, 'the listening socket failed');
    });
  }

  #connected(socket: Socket): void {
    const { clock, limits, tls } = this.#options;
    const place = placeOf(socket);
    const slot = this.#sources.enter(socket.remoteAddress ?? '');
    if (slot === undefined) {
      this.counters.dropped('too_many');
      turnAway(socket, tls !== undefined);
      return;
    }
    const newcomer: Newcomer = {
      slot,
      cancelDeadline: clock.after(limits.maxLoginSeconds * 1000, () => {
        this.counters.dropped('login_timeout');
        socket.destroy();
      }),
    };
    this.#newcomers.set(place, newcomer);
    this.#sockets.add(socket);
    socket.once('close', () => {
      newcomer.cancelDeadline();
      slot.leave();
      if (this.#newcomers.get(place) === newcomer) this.#newcomers.delete(place);
      this.#sockets.delete(socket);
    });
  }

  #upgrade(request: IncomingMessage, transport: Duplex, head: Buffer): void {
    const { socket } = request;
    const place = placeOf(socket);
    const newcomer = this.#newcomers.get(place);
    if (newcomer === undefined || this.#isDraining || request.url?.split('?', 1)[0] !== '/') {
      const status = this.#isDraining ? '503 Service Unavailable' : '404 Not Found';
      // Nobody else listens any more: an unheard error would end the process.
      transport.on('error', () => undefined);
      transport.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const guard = (): void => {
      if (socket.bytesRead <= MAX_NEWCOMER_BYTES) return;
      this.counters.dropped('too_large');
      socket.destroy();
    };
    this.#webSockets.handleUpgrade(request, transport, head, (webSocket: WebSocket) => {
      // Not before: a listener makes the socket flow, past a WebSocket that does not listen yet.
      socket.on('data', guard);
      const connection = new Connection(this.#deps, {
        socket: webSocket,
        transport,
        source: newcomer.slot,
        onLoggedIn: () => {
          socket.off('data', guard);
          newcomer.cancelDeadline();
          newcomer.slot.authenticate();
          this.#newcomers.delete(place);
        },
        onClosed: () => this.#connections.delete(connection),
      });
      this.#connections.add(connection);
    });
  }

  #sweepAfter(ms: number): void {
    if (this.#isDraining) return;
    this.#cancelSweep = this.#options.clock.after(ms, () => {
      void this.#sweep().then((removed) => {
        this.#sweepAfter(removed < SWEEP_ENVELOPES ? SWEEP_INTERVAL_MS : SWEEP_PAUSE_MS);
      });
    });
  }

  async #sweep(): Promise<number> {
    const { mailbox, clock, log } = this.#options;
    try {
      const removed = await mailbox.sweep(clock.now(), SWEEP_ENVELOPES);
      if (removed > 0) log.debug({ removed }, 'expired envelopes removed');
      return removed;
    } catch (error) {
      log.error({ reason: describeError(error) }, 'expired envelopes could not be removed');
      return 0;
    }
  }
}

/** Names a TCP connection, also from the TLS socket above it. */
function placeOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress ?? ''} ${remotePort ?? 0}`;
}

function isNoIpv6(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL';
}
