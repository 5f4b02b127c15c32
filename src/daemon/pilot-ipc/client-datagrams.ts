/** Datagrams of one client: SendTo, SendToConfirm (pilotctl interface 2.2). What comes goes to every client. */
import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import type { Datagram, DatagramBinding } from '../streams/datagrams.ts';
import type { NodePorts } from '../streams/port-calls.ts';
import type { IpcCommand, IpcReply } from './ipc-command.ts';
import { IpcError } from './ipc-error.ts';
import { COMMAND, encodeFrame } from './ipc-frame.ts';
import { readAddress, targetOf, writeAddress } from './wire-address.ts';

/** Those that wait for a name to be looked up or a session to open; more are dropped. */
const MAX_IN_FLIGHT = 64;
/** Address 6, port 2. */
const HEAD_BYTES = 8;

export class ClientDatagrams {
  readonly commands: readonly (readonly [number, IpcCommand])[] = [
    [
      COMMAND.sendToConfirm,
      { operation: 'sendto', reply: 0x3a, run: async (payload) => this.#confirmed(payload) },
    ],
  ];
  readonly #ports: NodePorts;
  #inFlight = 0;
  /** Whence ours come: answers to them are nobody else's. */
  #source: DatagramBinding | undefined;

  constructor(ports: NodePorts) {
    this.#ports = ports;
  }

  /** Never answered, whatever becomes of it. */
  send(payload: Uint8Array): void {
    if (this.#inFlight >= MAX_IN_FLIGHT) return;
    this.#send(payload).catch(() => undefined);
  }

  close(): void {
    this.#source?.close();
    this.#source = undefined;
  }

  async #confirmed(payload: Uint8Array): Promise<IpcReply> {
    try {
      await this.#send(payload);
      return { payload: new Uint8Array() };
    } catch (error) {
      // These clients look for this very beginning.
      if (error instanceof IpcError) throw new IpcError(`sendto: ${error.message}`);
      throw error;
    }
  }

  async #send(payload: Uint8Array): Promise<void> {
    if (payload.length < HEAD_BYTES) throw new IpcError('missing address/port');
    const reader = new ByteReader(payload);
    const target = targetOf(readAddress(reader));
    const port = reader.u16();
    this.#source ??= this.#ports.bindDatagrams(undefined, () => undefined);
    const sourcePort = this.#source.port;
    this.#inFlight += 1;
    try {
      await this.#ports.sendDatagram(target, { port, sourcePort, bytes: reader.rest() });
    } finally {
      this.#inFlight -= 1;
    }
  }
}

/** What every client is told of a datagram that came; `node`: who sent it. */
export function recvFromFrame(node: number, { port, sourcePort, bytes }: Datagram): Uint8Array {
  const ports = new ByteWriter(4).u16(sourcePort).u16(port).finish();
  return encodeFrame(COMMAND.recvFrom, writeAddress(node), ports, bytes);
}
