import type {
  ConnectionList,
  DatagramReply,
  DatagramRequest,
  DisconnectReply,
  TracerouteReply,
} from './api.ts';
import type { CallOptions } from './call-options.ts';
import type { DatagramSocket } from './datagram-socket.ts';
import type { PilotStream } from './pilot-stream.ts';
import type { StreamListener } from './stream-listener.ts';
import type { Transport } from './transport.ts';

const DEFAULT_DIAL_MS = 30_000;
const DEFAULT_TRACE_MS = 5000;

/** The calls of `PilotClient` about ports, streams and datagrams. */
export class PortCalls {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * A stream to a port of a trusted node. PilotError: `connection_refused` when nothing listens there, `trust_required`,
   * `connection_failed`, `timeout` (default 30 s), `not_supported`, `unavailable`. The signal also ends the stream later.
   */
  async dial(
    target: string,
    port: number,
    { signal, timeoutMs }: CallOptions & { timeoutMs?: number } = {},
  ): Promise<PilotStream> {
    const { openStream } = await import('./pilot-stream.ts');
    const options = this.#transport.upgradeRequest({
      signal,
      waitMs: timeoutMs ?? DEFAULT_DIAL_MS,
    });
    const query = { target, port, timeout_ms: timeoutMs };
    return openStream({ ...options, route: 'dialStream', query }, port);
  }

  /** Listens on a port of this node; without one, on one that is free. `already_exists`: somebody else does. */
  async listen(port?: number, { signal }: CallOptions = {}): Promise<StreamListener> {
    const { listenOn } = await import('./stream-listener.ts');
    return listenOn(port, this.#transport.upgradeRequest({ signal }));
  }

  /** A port for datagrams; without one, one that is free. */
  async datagrams(port?: number, { signal }: CallOptions = {}): Promise<DatagramSocket> {
    const { bindDatagrams } = await import('./datagram-socket.ts');
    return bindDatagrams(port, this.#transport.upgradeRequest({ signal }));
  }

  /** One datagram from a port that is free; resolves when it has left. It may get lost. */
  async sendDatagram(
    request: DatagramRequest,
    { signal }: CallOptions = {},
  ): Promise<DatagramReply> {
    return this.#transport.json({ route: 'sendDatagram', body: request, signal });
  }

  /** Streams that are open, of all programs and services. */
  async connections({ signal }: CallOptions = {}): Promise<ConnectionList> {
    return this.#transport.json({ route: 'connections', signal });
  }

  /** Ends a stream, whoever has it. */
  async disconnect(id: number, { signal }: CallOptions = {}): Promise<DisconnectReply> {
    return this.#transport.json({ route: 'disconnect', params: { id: String(id) }, signal });
  }

  /** The stations on the way there. */
  async traceroute(
    target: string,
    { timeoutMs, signal }: CallOptions & { timeoutMs?: number } = {},
  ): Promise<TracerouteReply> {
    const body = { target, timeout_ms: timeoutMs };
    return this.#transport.json({
      route: 'traceroute',
      body,
      waitMs: timeoutMs ?? DEFAULT_TRACE_MS,
      signal,
    });
  }
}
