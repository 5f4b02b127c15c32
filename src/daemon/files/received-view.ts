/** Received files as callers ask for them. */
import path from 'node:path';

import type { Clock } from '../../base/clock.ts';
import type {
  ReceivedCleared,
  ReceivedClearQuery,
  ReceivedList,
  ReceivedQuery,
} from '../../client/api.ts';
import { parseTime } from '../messages/time-text.ts';
import type { FoundFile } from './files-below.ts';
import type { ReceivedFolder } from './received-folder.ts';

/** Of a list whose caller names none. */
const DEFAULT_LIMIT = 100;

export class ReceivedView {
  readonly #folder: ReceivedFolder;
  readonly #clock: Clock;

  constructor(folder: ReceivedFolder, clock: Clock) {
    this.#folder = folder;
    this.#clock = clock;
  }

  async list(query: ReceivedQuery): Promise<ReceivedList> {
    const sinceMs = this.#timeOf(query.since) ?? -Infinity;
    const beforeMs = this.#timeOf(query.before) ?? Infinity;
    const found: FoundFile[] = [];
    for await (const file of this.#folder.files()) {
      if (file.modifiedMs >= sinceMs && file.modifiedMs < beforeMs) found.push(file);
    }
    const newestFirst = found.sort(
      (a, b) => b.modifiedMs - a.modifiedMs || (a.path < b.path ? -1 : 1),
    );
    const files = newestFirst.slice(0, query.limit ?? DEFAULT_LIMIT).map((file) => ({
      name: file.path,
      bytes: file.bytes,
      modified: new Date(file.modifiedMs).toISOString(),
      path: path.join(this.#folder.root, file.path),
    }));
    return { files, total: found.length, shown: files.length, dir: this.#folder.root };
  }

  async clear({ before }: ReceivedClearQuery): Promise<ReceivedCleared> {
    const { cleared, remaining, partial } = await this.#folder.clear(
      this.#timeOf(before) ?? Infinity,
    );
    return { cleared, remaining, cleared_partial: partial };
  }

  #timeOf(text: string | undefined): number | undefined {
    return text === undefined ? undefined : parseTime(text, this.#clock.now());
  }
}
