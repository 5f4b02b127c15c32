import { equalBytes } from '../../base/bytes.ts';
import type { Clock } from '../../base/clock.ts';
import { Pause } from '../../base/pause.ts';
import type { Identity } from '../../identity/identity.ts';
import type { Log } from '../log/log.ts';
import type { Storage } from '../store/storage.ts';
import type { Trust } from './trust.ts';

export interface KeyNewsDeps {
  readonly identity: Identity;
  readonly storage: Storage;
  readonly clock: Clock;
  readonly log: Log;
  readonly trust: Pick<Trust, 'restate'>;
}

/** The key that peers have been told, or will be by what is owed to them; none: the first one. */
const TOLD_KEY = new TextEncoder().encode('told-key');
const RETRY_MS = 60_000;

/**
 * Sees that peers hear of a new key of this node, whenever it got it: while it runs, at its start, or just
 * before a crash. Until they do, they seal to a key that nobody has any more.
 */
export class KeyNews {
  readonly #deps: KeyNewsDeps;
  readonly #retry: Pause;
  #isRunning = false;

  constructor(deps: KeyNewsDeps) {
    this.#deps = deps;
    this.#retry = new Pause(deps.clock, () => {
      this.tell();
    });
  }

  start(): void {
    this.#isRunning = true;
    this.tell();
  }

  stop(): void {
    this.#isRunning = false;
    this.#retry.end();
  }

  /** There may be news. */
  tell(): void {
    const { identity, log, storage } = this.#deps;
    const { currentKey } = identity;
    const told = storage.get('meta', TOLD_KEY) ?? identity.firstKey;
    if (equalBytes(told, currentKey)) return;
    this.#tell(currentKey).catch((error: unknown) => {
      if (!this.#isRunning) return;
      log.warn({ err: error }, 'could not note that peers have to hear of the new key');
      this.#retry.start(RETRY_MS);
    });
  }

  async #tell(key: Uint8Array): Promise<void> {
    await this.#deps.trust.restate();
    await this.#deps.storage.commit([{ table: 'meta', key: TOLD_KEY, value: key }]);
  }
}
