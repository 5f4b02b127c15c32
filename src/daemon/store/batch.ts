import type { Job } from './group-commit.ts';
import { bodyBytesOf, type JournalRecord, makeRecord } from './journal-record.ts';
import { Overlay } from './overlay.ts';
import { StoreError, type Write } from './storage.ts';

/** Copying so much, and its checksum, takes a millisecond. One job alone may have more. */
const MAX_BODY_BYTES = 1024 * 1024;

/** Jobs that are written together, all or none; in a record, unless they have nothing to write. */
export interface Batch {
  readonly jobs: readonly Job[];
  readonly record: JournalRecord;
  readonly overlay: Overlay;
}

/** What the jobs want written by now, in their order, in parts of a size to write at once. */
export function batchesOf(jobs: readonly Job[]): Batch[] {
  const parts: { jobs: Job[]; writes: Write[]; bytes: number }[] = [];
  for (const job of jobs) {
    const writes = evaluate(job);
    if (writes === undefined) continue;
    const bytes = bodyBytesOf(writes);
    let part = parts.at(-1);
    if (part === undefined || part.bytes + bytes > MAX_BODY_BYTES) {
      part = { jobs: [], writes: [], bytes: 0 };
      parts.push(part);
    }
    part.jobs.push(job);
    for (const write of writes) part.writes.push(write);
    part.bytes += bytes;
  }
  return parts.map((part) => {
    const record = makeRecord(part.writes);
    return { jobs: part.jobs, record, overlay: Overlay.of(record.entries) };
  });
}

function evaluate({ writes, caller }: Job): readonly Write[] | undefined {
  if (typeof writes !== 'function') return writes;
  try {
    return writes();
  } catch (cause) {
    caller?.reject(new StoreError('what is to be written could not be told', { cause }));
    return undefined;
  }
}
