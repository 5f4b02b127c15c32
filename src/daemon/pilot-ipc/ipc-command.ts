import { ByteWriter } from '../../base/byte-writer.ts';
import { utf8 } from '../../base/bytes.ts';
import { COMMAND, encodeFrame } from './ipc-frame.ts';

/** A command that is answered, by a reply or by an Error. */
export interface IpcCommand {
  /** How Error texts begin. */
  readonly operation: string;
  readonly reply: number;
  /** What it throws becomes an Error. `signal`: the client is gone or has cancelled it, and is told nothing. */
  run(payload: Uint8Array, signal: AbortSignal): IpcReply | Promise<IpcReply>;
}

/** `follow` is called once the reply is on its way, before anything that comes later. */
export interface IpcReply {
  readonly payload: Uint8Array;
  readonly follow?: () => void;
}

export type IpcCommands = ReadonlyMap<number, IpcCommand>;

export function jsonReply(value: object): IpcReply {
  return { payload: utf8(JSON.stringify(value)) };
}

export function numberReply(bytes: 2 | 4, value: number, follow?: () => void): IpcReply {
  const writer = new ByteWriter(bytes);
  const payload = (bytes === 2 ? writer.u16(value) : writer.u32(value)).finish();
  return { payload, ...(follow && { follow }) };
}

/** The code is always 1 (pilotctl interface 2.2). */
export function errorFrame(text: string): Uint8Array {
  return encodeFrame(COMMAND.error, new ByteWriter(2).u16(1).finish(), utf8(text));
}
