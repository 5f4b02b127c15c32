/** Addresses in frames: network u16, node u32 (pilotctl interface 2.1). Every node of ours is in network 0. */
import type { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import type { Address } from '../../identity/address.ts';
import { IpcError } from './ipc-error.ts';

export function readAddress(reader: ByteReader): Address {
  return { network: reader.u16(), node: reader.u32() };
}

export function writeAddress(node: number): Uint8Array {
  return new ByteWriter(6).u16(0).u32(node).finish();
}

/** As calls of the node name it. */
export function targetOf({ network, node }: Address): string {
  if (network !== 0) throw new IpcError(`resolve node ${node}: there is no network ${network}`);
  return String(node);
}
