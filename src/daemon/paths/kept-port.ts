/**
 * The UDP port of the last run (table `meta`, key `udp-port`: 2 bytes, big-endian). A node that comes back
 * to it finds the mappings of its NAT and the rules of its firewall as they were.
 */
import type { Storage } from '../store/storage.ts';

const PORT_KEY = new TextEncoder().encode('udp-port');

/** The port to ask for; 0: any, there was none before. */
export function readKeptPort(storage: Storage): number {
  const kept = storage.get('meta', PORT_KEY);
  return kept?.length === 2 ? Buffer.from(kept).readUInt16BE(0) : 0;
}

export function keepPort(storage: Storage, port: number): void {
  if (port === readKeptPort(storage)) return;
  const value = Buffer.alloc(2);
  value.writeUInt16BE(port);
  storage.owe([{ table: 'meta', key: PORT_KEY, value }]);
}
