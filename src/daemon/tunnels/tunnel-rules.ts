import { WireError } from '../../base/wire-error.ts';
import type { Log } from '../log/log.ts';
import { onDisk } from '../store/on-disk.ts';
import type { Storage } from '../store/storage.ts';
import { decodeTunnelRule, encodeTunnelRule, keyOfRule, type TunnelRule } from './tunnel-rule.ts';

/** The rules on disk. */
export class TunnelRules {
  readonly #storage: Storage;
  readonly #log: Log;

  constructor(storage: Storage, log: Log) {
    this.#storage = storage;
    this.#log = log;
  }

  /** Those of a later release are left where they are. */
  *all(): Iterable<TunnelRule> {
    for (const [key, value] of this.#storage.entries('tunnels')) {
      try {
        yield decodeTunnelRule(value);
      } catch (err) {
        if (!(err instanceof WireError)) throw err;
        const rule = Buffer.from(key).toString();
        this.#log.warn({ err, rule }, 'a tunnel is not known to this release');
      }
    }
  }

  /** Resolves when it is on disk; PilotError `unavailable` when the disk refuses. */
  async put(rule: TunnelRule): Promise<void> {
    const value = encodeTunnelRule(rule);
    await onDisk(this.#storage.commit([{ table: 'tunnels', key: keyOfRule(rule), value }]));
  }

  async remove(rule: TunnelRule): Promise<void> {
    await onDisk(this.#storage.commit([{ table: 'tunnels', key: keyOfRule(rule) }]));
  }
}
