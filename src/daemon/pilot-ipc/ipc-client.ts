/**
 * One client of the socket:
 *
 *     bytes ──> frame ─┬─ Send, SendTo ────────> done at once, never answered
 *                      ├─ Close, Cancel ───────> done at once
 *                      └─ everything else ─────> one after the other ──> reply or Error
 *
 * Replies have no numbers: an older client takes an Error for the answer to its oldest request, a newer one
 * has a single request under way. So each request is answered before the next one begins.
 */
import type { Socket } from 'node:net';

import type { Cancel, Clock } from '../../base/clock.ts';
import { PilotError } from '../../base/pilot-error.ts';
import { WireError } from '../../base/wire-error.ts';
import type { Log } from '../log/log.ts';
import type { NodePorts } from '../streams/port-calls.ts';
import { ClientDatagrams } from './client-datagrams.ts';
import { ClientOutput } from './client-output.ts';
import { ClientStreams } from './client-streams.ts';
import type { Connections } from './connections.ts';
import { errorFrame, type IpcCommand, type IpcCommands } from './ipc-command.ts';
import { errorText, IpcError } from './ipc-error.ts';
import { COMMAND, encodeFrame, type IpcFrame, IpcFrameReader } from './ipc-frame.ts';

/** A sound client waits for answers; the rest stays in its socket. */
const MAX_WAITING = 64;
const MAX_WAITING_BYTES = 1024 * 1024;
/** From the first byte of a frame to its last, while we read. */
const FRAME_DEADLINE_MS = 30_000;

export interface IpcClientDeps {
  readonly commands: IpcCommands;
  readonly ports: NodePorts;
  readonly connections: Connections;
  readonly clock: Clock;
  readonly log: Log;
}

interface Request {
  readonly number: number;
  readonly payload: Uint8Array;
  readonly abort: AbortController;
}

class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

export class IpcClient {
  readonly output: ClientOutput;
  readonly #deps: IpcClientDeps;
  readonly #socket: Socket;
  readonly #reader = new IpcFrameReader();
  readonly #streams: ClientStreams;
  readonly #datagrams: ClientDatagrams;
  readonly #commands: IpcCommands;
  /** The first one is under way. */
  readonly #requests: Request[] = [];
  #waitingBytes = 0;
  #cancelDeadline: Cancel | undefined;
  #isPaused = false;

  constructor(socket: Socket, deps: IpcClientDeps) {
    const { clock, connections, ports } = deps;
    this.#deps = deps;
    this.#socket = socket;
    this.output = new ClientOutput(socket, clock, () => {
      this.end('it does not read');
    });
    const drained = (): void => {
      this.#read();
    };
    this.#streams = new ClientStreams({ ports, connections, clock, output: this.output, drained });
    this.#datagrams = new ClientDatagrams(ports);
    this.#commands = new Map([
      ...deps.commands,
      ...this.#streams.commands,
      ...this.#datagrams.commands,
    ]);
    this.output.onRoom = () => {
      this.#streams.pump();
      this.#read();
    };
    socket.on('data', (chunk: Buffer) => {
      this.#reader.push(chunk);
      this.#read();
    });
    // The 'close' that follows says all there is to do.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#closed();
    });
  }

  /** What the client gets unasked, unless it does not keep up. */
  push(frame: Uint8Array): void {
    if (!this.output.isFull) this.output.write(frame);
  }

  end(reason: string): void {
    if (this.#socket.destroyed) return;
    this.#deps.log.debug({ reason }, 'a pilot-ipc client was disconnected');
    this.#socket.destroy();
  }

  /** Nothing is read from a client that does not read, or gives its streams or us more than they can take. */
  get #mayRead(): boolean {
    const { output } = this;
    const isBusy = this.#requests.length >= MAX_WAITING || this.#waitingBytes > MAX_WAITING_BYTES;
    return !this.#socket.destroyed && !isBusy && !output.isFull && !this.#streams.isBehind;
  }

  #read(): void {
    try {
      while (this.#mayRead) {
        const frame = this.#reader.next();
        if (frame === undefined) {
          this.#awaitMore();
          return;
        }
        this.#take(frame);
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.end(error.message);
    }
    this.#cancelDeadline?.();
    this.#cancelDeadline = undefined;
    this.#isPaused = true;
    this.#socket.pause();
  }

  #awaitMore(): void {
    if (!this.#reader.isWithinFrame) {
      this.#cancelDeadline?.();
      this.#cancelDeadline = undefined;
    } else {
      this.#cancelDeadline ??= this.#deps.clock.after(FRAME_DEADLINE_MS, () => {
        this.end('half a frame, and no more');
      });
    }
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  #take(frame: IpcFrame): void {
    if (frame.kind === 'send') {
      this.#streams.send(frame.connection, frame.bytes);
      return;
    }
    const { command: number, payload } = frame;
    switch (number) {
      case COMMAND.send:
        return;
      case COMMAND.sendTo:
        this.#datagrams.send(payload);
        return;
      case COMMAND.cancel:
        this.#cancelDials();
        return;
      case COMMAND.close:
        void this.#answer({ number, payload, abort: new AbortController() });
        return;
      default:
        this.#enqueue({ number, payload, abort: new AbortController() });
    }
  }

  /** Whoever cancels waits for no answer; one that came later would be taken for another's. */
  #cancelDials(): void {
    for (const { number, abort } of this.#requests) {
      if (number === COMMAND.dial) abort.abort(new ClientGone('the client has cancelled it'));
    }
  }

  #enqueue(request: Request): void {
    this.#requests.push(request);
    this.#waitingBytes += request.payload.length;
    if (this.#requests.length === 1) void this.#answerAll();
  }

  async #answerAll(): Promise<void> {
    for (let next = this.#requests[0]; next !== undefined; next = this.#requests[0]) {
      await this.#answer(next);
      this.#requests.shift();
      this.#waitingBytes -= next.payload.length;
    }
    this.#read();
  }

  async #answer({ number, payload, abort }: Request): Promise<void> {
    const command = this.#commands.get(number);
    const isAborted = (): boolean => abort.signal.aborted;
    if (isAborted()) return;
    if (command === undefined) {
      const hex = number.toString(16).toUpperCase().padStart(2, '0');
      this.output.write(errorFrame(`unknown command: 0x${hex}`));
      return;
    }
    try {
      const running = command.run(payload, abort.signal);
      const reply = running instanceof Promise ? await running : running;
      this.output.write(encodeFrame(command.reply, reply.payload));
      reply.follow?.();
    } catch (err) {
      if (isAborted()) return;
      this.#logUnexpected(command, err);
      this.output.write(errorFrame(errorText(command.operation, err)));
    }
  }

  #logUnexpected({ operation }: IpcCommand, err: unknown): void {
    if (err instanceof IpcError || err instanceof PilotError || err instanceof WireError) return;
    this.#deps.log.error({ err, operation }, 'a pilot-ipc command failed');
  }

  #closed(): void {
    this.#cancelDeadline?.();
    for (const { abort } of this.#requests) abort.abort(new ClientGone('the client is gone'));
    this.#streams.close();
    this.#datagrams.close();
  }
}
