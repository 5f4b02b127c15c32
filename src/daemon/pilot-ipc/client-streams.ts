/**
 * The streams and ports of one client: Bind, Unbind, Dial, Accept, Send, Recv, Close (pilotctl interface 2.2).
 * When its socket closes, its streams are closed as by itself and its ports are free.
 */
import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import type { Clock } from '../../base/clock.ts';
import { type ErrorCode, PilotError } from '../../base/pilot-error.ts';
import type { IncomingStream } from '../streams/incoming-stream.ts';
import type { NodePorts } from '../streams/port-calls.ts';
import type { PeerStream } from '../streams/stream-duplex.ts';
import type { Listener } from '../streams/streams.ts';
import type { ClientOutput } from './client-output.ts';
import type { Connections } from './connections.ts';
import { type IpcCommand, type IpcReply, numberReply } from './ipc-command.ts';
import { IpcError, withHint } from './ipc-error.ts';
import { COMMAND, encodeFrame } from './ipc-frame.ts';
import { IpcStream } from './ipc-stream.ts';
import { SendBacklog } from './send-backlog.ts';
import { readAddress, targetOf, writeAddress } from './wire-address.ts';

/** Pilotctl interface 2.1. */
const MAX_STREAMS = 4096;
/** Clients wait for 30 s; what comes later would be taken for the answer to something else. */
const DIAL_TIMEOUT_MS = 25_000;
/** An older client loses a connection that comes before it has read BindOK (pilotctl interface 2.6). */
const ACCEPT_DELAY_MS = 20;
/** Requests for trust went there (pilotctl interface 2.9); they are commands here, and nothing listens for them. */
const TRUST_PORT = 444;

export interface ClientStreamsDeps {
  readonly ports: NodePorts;
  readonly connections: Connections;
  readonly output: ClientOutput;
  readonly clock: Clock;
  /** There is room for more of what the client sends. */
  readonly drained: () => void;
}

export class ClientStreams {
  readonly commands: readonly (readonly [number, IpcCommand])[] = [
    [COMMAND.bind, { operation: 'bind', reply: 0x02, run: (payload) => this.#bind(payload) }],
    [COMMAND.unbind, { operation: 'unbind', reply: 0x38, run: (payload) => this.#unbind(payload) }],
    [COMMAND.close, { operation: 'close', reply: 0x09, run: (payload) => this.#close(payload) }],
    [
      COMMAND.dial,
      { operation: 'dial', reply: 0x04, run: async (payload, gone) => this.#dial(payload, gone) },
    ],
  ];
  readonly #deps: ClientStreamsDeps;
  readonly #streams = new Map<number, IpcStream>();
  /** Those that the client has closed and that go on until all has left. */
  readonly #lingering = new Set<number>();
  readonly #listeners = new Map<number, Listener>();
  readonly #backlog: SendBacklog;
  #isClosed = false;

  constructor(deps: ClientStreamsDeps) {
    this.#deps = deps;
    this.#backlog = new SendBacklog(deps.clock);
  }

  get listenerCount(): number {
    return this.#listeners.size;
  }

  /** Its streams have not taken what the client sent: nothing more should be read from it. */
  get isBehind(): boolean {
    return this.#backlog.isFull;
  }

  /** Never answered, whatever becomes of it. */
  send(connection: number, bytes: Uint8Array): void {
    this.#streams.get(connection)?.send(bytes);
  }

  /** The client reads again. */
  pump(): void {
    for (const stream of this.#streams.values()) stream.pump();
  }

  /** The client is gone. */
  close(): void {
    this.#isClosed = true;
    this.#backlog.clear();
    for (const listener of this.#listeners.values()) listener.close();
    this.#listeners.clear();
    for (const stream of [...this.#streams.values()]) stream.close();
  }

  #bind(payload: Uint8Array): IpcReply {
    const port = portOf(payload, 'bind');
    const readyMs = this.#deps.clock.monotonic() + ACCEPT_DELAY_MS;
    try {
      if (port === TRUST_PORT) throw new PilotError('already_exists', 'trust is asked for there');
      const accept = (incoming: IncomingStream): void => {
        this.#accept(incoming, readyMs);
      };
      this.#listeners.set(port, this.#deps.ports.listen(port, accept));
    } catch (error) {
      if (!(error instanceof PilotError)) throw error;
      const isTaken = error.code === 'already_exists';
      throw new IpcError(isTaken ? `port ${port} already bound` : `bind: ${withHint(error)}`);
    }
    return numberReply(2, port);
  }

  #unbind(payload: Uint8Array): IpcReply {
    const port = portOf(payload, 'unbind');
    const listener = this.#listeners.get(port);
    if (listener === undefined) throw new IpcError(`unbind: port ${port} not bound`);
    listener.close();
    this.#listeners.delete(port);
    return numberReply(2, port);
  }

  async #dial(payload: Uint8Array, signal: AbortSignal): Promise<IpcReply> {
    if (payload.length < 8) throw new IpcError('dial: missing address/port');
    const reader = new ByteReader(payload);
    const address = readAddress(reader);
    const port = reader.u16();
    const target = targetOf(address);
    this.#needRoom();
    let stream: PeerStream;
    try {
      const { ports } = this.#deps;
      stream = await ports.dial(target, port, { signal, timeoutMs: DIAL_TIMEOUT_MS });
    } catch (error) {
      throw dialError(address.node, error);
    }
    if (signal.aborted) {
      stream.abandon('cancelled');
      signal.throwIfAborted();
    }
    const held = this.#hold(stream);
    return numberReply(4, held.id, () => {
      held.start();
    });
  }

  /** Of any client: `disconnect` closes what another one holds. */
  #close(payload: Uint8Array): IpcReply {
    if (payload.length < 4) throw new IpcError('close: missing conn_id');
    const id = new ByteReader(payload).u32();
    const own = this.#streams.get(id);
    if (own !== undefined) own.close();
    // Closed twice it is closed; what it sent is not taken back.
    else if (!this.#lingering.has(id) && !this.#deps.connections.disconnect(id)) {
      throw new IpcError(`connection ${id} not found`);
    }
    return numberReply(4, id);
  }

  #accept(incoming: IncomingStream, readyMs: number): void {
    if (this.#streams.size >= MAX_STREAMS) {
      incoming.refuse('busy');
      return;
    }
    const stream = incoming.accept();
    if (stream === undefined) return;
    const held = this.#hold(stream);
    const { clock, output, ports } = this.#deps;
    const tell = (): void => {
      const writer = new ByteWriter(14).u16(stream.localPort).u32(held.id);
      writer.bytes(writeAddress(ports.namesOf(stream.peer).node_id)).u16(stream.remotePort);
      output.write(encodeFrame(COMMAND.accept, writer.finish()));
      held.start();
    };
    const waitMs = readyMs - clock.monotonic();
    if (waitMs <= 0) tell();
    else clock.after(waitMs, tell);
  }

  #hold(stream: PeerStream): IpcStream {
    const { clock, connections, output } = this.#deps;
    const held = new IpcStream(stream, {
      ...{ output, clock, backlog: this.#backlog },
      left: () => {
        this.#streams.delete(held.id);
        connections.remove(held.id);
        if (stream.destroyed) return;
        this.#lingering.add(held.id);
        stream.once('close', () => this.#lingering.delete(held.id));
      },
      drained: this.#deps.drained,
    });
    connections.add(held.id, held);
    this.#streams.set(held.id, held);
    // The client may have gone while the peer answered.
    if (this.#isClosed) held.close();
    return held;
  }

  #needRoom(): void {
    if (this.#streams.size < MAX_STREAMS) return;
    throw new IpcError(`dial: ${MAX_STREAMS} connections of this client are open; close some`);
  }
}

function portOf(payload: Uint8Array, operation: string): number {
  if (payload.length < 2) throw new IpcError(`${operation}: missing port`);
  return new ByteReader(payload).u16();
}

const NO_SUCH_NODE: readonly ErrorCode[] = [
  ...(['not_found', 'trust_required', 'conflict', 'invalid_argument'] as const),
];

/** As these clients know them (pilotctl interface 2.5). */
function dialError(node: number, error: unknown): unknown {
  if (!(error instanceof PilotError)) return error;
  if (error.code === 'connection_refused') return new IpcError('connection refused');
  if (error.code === 'timeout') return new IpcError('dial timeout');
  const isNoNode = NO_SUCH_NODE.includes(error.code);
  return isNoNode ? new IpcError(`resolve node ${node}: ${withHint(error)}`) : error;
}
