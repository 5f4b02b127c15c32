import type { Duplex } from 'node:stream';

import { WireError } from '../../base/wire-error.ts';
import { STREAM_PORT_HEADER, STREAM_PROTOCOL } from '../../client/stream-api.ts';
import {
  datagramFrame,
  readDatagramFrame,
  STREAM_FRAME,
  streamFrame,
  StreamFrameReader,
} from '../../client/stream-framing.ts';
import { nodeIdOf } from '../names/peer-name.ts';
import type { Datagram } from '../streams/datagrams.ts';
import type { NodePorts } from '../streams/port-calls.ts';
import { asPilotError, failureOf } from './api-errors.ts';
import { acceptUpgrade } from './api-upgrade.ts';

/** What may wait for a program that does not read: a second of a busy service. Then datagrams are dropped. */
const MAX_WAITING_BYTES = 2 ** 20;
const MAX_WAITING = 256;
/** Sends that wait for a session or a name; the program's next ones are read when there are fewer. */
const MAX_SENDING = 64;

/** One program's port for datagrams. */
export class ApiDatagrams {
  readonly #ports: NodePorts;
  readonly #socket: Duplex;
  #waiting = 0;
  #sending = 0;
  #dropped = 0;
  /** The port is free. */
  close: () => void = () => undefined;

  constructor(ports: NodePorts, socket: Duplex) {
    this.#ports = ports;
    this.#socket = socket;
  }

  /** PilotError when the port cannot be had; nothing was written then. */
  start(port: number | undefined, head: Buffer): void {
    const socket = this.#socket;
    const binding = this.#ports.bindDatagrams(port, (datagram) => {
      if (!this.#receive(datagram)) binding.dropped();
    });
    this.close = () => {
      binding.close();
    };
    const end = (): void => {
      this.close();
      socket.destroy();
    };
    const reader = new StreamFrameReader((kind, body) => {
      if (kind === STREAM_FRAME.datagram) this.#send(body, binding.port);
    });
    const read = (chunk: Buffer): void => {
      try {
        reader.push(chunk);
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        end();
      }
    };
    socket.on('data', read).once('end', end).once('close', end);
    acceptUpgrade(socket, STREAM_PROTOCOL, { [STREAM_PORT_HEADER]: binding.port });
    if (head.length > 0) read(head);
  }

  /** False: the program does not keep up. */
  #receive({ peer, sourcePort, bytes }: Datagram): boolean {
    const socket = this.#socket;
    if (this.#waiting >= MAX_WAITING || socket.writableLength > MAX_WAITING_BYTES) {
      this.#dropped += 1;
      return false;
    }
    this.#tellDropped();
    this.#waiting += 1;
    socket.write(datagramFrame(nodeIdOf(peer), sourcePort, bytes), () => {
      this.#waiting -= 1;
    });
    return true;
  }

  #tellDropped(): void {
    if (this.#dropped === 0) return;
    const count = Buffer.alloc(4);
    count.writeUInt32BE(this.#dropped);
    this.#dropped = 0;
    this.#socket.write(streamFrame(STREAM_FRAME.dropped, count));
  }

  #send(body: Buffer, sourcePort: number): void {
    const { target, port, bytes } = readDatagramFrame(body);
    this.#sending += 1;
    if (this.#sending >= MAX_SENDING) this.#socket.pause();
    this.#ports
      .sendDatagram(target, { port, sourcePort, bytes })
      .catch((error: unknown) => {
        this.#failed(error);
      })
      .finally(() => {
        this.#sending -= 1;
        if (this.#sending < MAX_SENDING) this.#socket.resume();
      });
  }

  #failed(error: unknown): void {
    if (!this.#socket.writable || this.#socket.writableNeedDrain) return;
    const failure = failureOf(asPilotError(error, 0));
    this.#socket.write(streamFrame(STREAM_FRAME.failed, JSON.stringify(failure)));
  }
}
