import { fromHex } from '../../base/bytes.ts';
import type { Deadlines } from '../../base/deadlines.ts';
import type { TaggedNode } from '../../client/api.ts';
import { decodeNodeRecord } from '../../identity/node-record.ts';
import type { Log } from '../log/log.ts';
import { namesOf } from '../names/node-names.ts';
import { nodeIdOf } from '../names/peer-name.ts';
import type { Trust } from '../trust/trust.ts';
import type { TrustRecord } from '../trust/trust-record.ts';

/** Together they ask a relay for far less than the 500 lookups a second that it allows. */
const LOOKUPS_AT_ONCE = 8;
/** Who is not looked up is found by the tags that are known. */
const MAX_LOOKUPS = 500;
const FRESHEN_MS = 3000;

export interface TagSearchDeps {
  readonly trusted: () => readonly TrustRecord[];
  /** What each relay has of a node. */
  readonly lookup: (firstKey: Uint8Array) => Promise<readonly Uint8Array[]>;
  readonly trust: Pick<Trust, 'learn'>;
  readonly isOnline: (peer: string) => boolean;
  readonly deadlines: Deadlines;
  readonly log: Log;
}

/** Who of the trusted nodes has a tag. */
export class TagSearch {
  readonly #deps: TagSearchDeps;

  constructor(deps: TagSearchDeps) {
    this.#deps = deps;
  }

  /** By the newest records that relays give in 3 s, and where they give none by what is known. */
  async find(tag: string, signal?: AbortSignal): Promise<readonly TaggedNode[]> {
    const { deadlines, isOnline, trusted } = this.#deps;
    await deadlines.race(this.#freshen(), FRESHEN_MS, signal);
    return trusted()
      .filter(({ tags }) => tags.includes(tag))
      .map((record) => ({
        ...namesOf(record),
        tags: record.tags,
        online: isOnline(record.peer),
      }));
  }

  async #freshen(): Promise<void> {
    const waiting = this.#deps.trusted().slice(0, MAX_LOOKUPS);
    const worker = async (): Promise<void> => {
      for (let record = waiting.shift(); record !== undefined; record = waiting.shift()) {
        await this.#learnAbout(record);
      }
    };
    await Promise.all(Array.from({ length: LOOKUPS_AT_ONCE }, worker));
  }

  async #learnAbout({ peer }: TrustRecord): Promise<void> {
    const { log, lookup, trust } = this.#deps;
    for (const bytes of await lookup(fromHex(peer))) {
      try {
        await trust.learn(decodeNodeRecord(bytes));
      } catch (err) {
        // Malformed, or refused by the disk: what is known counts.
        log.debug({ err, peer: nodeIdOf(peer) }, 'nothing was learnt from the record of a relay');
      }
    }
  }
}
