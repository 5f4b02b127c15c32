import type { NodeRecord } from '../identity/node-record.ts';
import type { LookupKey } from './control-message.ts';

/** A verified record and the bytes it came as. */
export interface Publication {
  readonly record: NodeRecord;
  readonly bytes: Uint8Array;
}

export type PublishOutcome =
  | 'ok'
  | 'address_taken'
  | 'hostname_taken'
  /** A newer one is known, or its key chain does not extend the known one. */
  | 'stale_record'
  /** No room for one more node. */
  | 'unavailable';

export interface DirectorySettings {
  readonly maxRecords: number;
  /** A node not seen for so long loses its names to whoever asks for them. */
  readonly nameIdleMs: number;
}

/**
 * Signed records by Node ID, node number and hostname. The first key to publish a number or a hostname
 * keeps it while it is seen now and then. Methods reject when the store fails. Other processes may
 * use the same store.
 */
export interface Directory {
  publish(publication: Publication, nowMs: number): Promise<PublishOutcome>;
  find(by: LookupKey): Promise<Uint8Array | undefined>;
  /** The node is alive: its names stay its own. */
  touch(key: Uint8Array, nowMs: number): Promise<void>;
  close(): Promise<void>;
}

/** How exact `touch` is: so much of a node's idle time is not worth a write. */
export const TOUCH_INTERVAL_MS = 24 * 3_600_000;

/** A record takes the place of another of the same node when it is newer and its keys continue the known ones. */
export function replaces(record: NodeRecord, known: NodeRecord): boolean {
  return record.issuedAtMs > known.issuedAtMs && record.chain.extends(known.chain);
}
