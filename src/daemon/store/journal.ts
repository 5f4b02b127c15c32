/**
 * Where commits go first: two files, written from their beginning to their end, in turns.
 *
 *     file 0   │ 41 │ 42 │ 43 │ 44 │ zeros          being applied to the tables
 *     file 1   │ 45 │ 46 │ 3? …                     being written; older records behind the last one
 *
 *     write    one at a time: the record after the last one; durable when it resolves
 *     turn     the other file is the one to write; its records have to be applied by then
 *
 * The tables tell what is applied (a sequence number, on disk before a file is used again). After a crash
 * the records behind that count. Only the very last one can be torn, since one is written at a time: it was
 * promised to nobody. A hole before a valid one is damage.
 *
 * A write that failed may have left a valid record all the same. It is made invalid before the file is
 * written again, and at once if the disk lets us; else when the journal is closed, or it may come to life
 * after a crash.
 */
import { PilotError } from '../../base/pilot-error.ts';
import { WireError } from '../../base/wire-error.ts';
import type { JournalFile } from './journal-file.ts';
import {
  BLOCK_BYTES,
  decodeWrites,
  findRecords,
  type FoundRecord,
  type JournalRecord,
  sealRecord,
} from './journal-record.ts';
import { entryOf, Overlay } from './overlay.ts';

export interface JournalOptions {
  readonly files: readonly [JournalFile, JournalFile];
  /** Of each file. */
  readonly maxBytes: number;
  readonly salt: Uint8Array;
  /** The last record that is in the tables. */
  readonly applied: number;
}

/** What a file holds that is not in the tables yet. */
export interface Generation {
  readonly overlay: Overlay;
  /** Of its last record. */
  readonly sequence: number;
}

interface Located extends FoundRecord {
  readonly file: 0 | 1;
}

export class Journal {
  readonly #options: JournalOptions;
  #file: 0 | 1 = 0;
  #position = 0;
  #sequence: number;
  /** At the position may stand a record whose commit failed. */
  #isDirty = false;

  private constructor(options: JournalOptions, last: Located | undefined) {
    this.#options = options;
    this.#file = last?.file ?? 0;
    this.#position = last?.end ?? 0;
    this.#sequence = last?.sequence ?? options.applied;
  }

  /**
   * `generations`: what is to be applied, oldest first; the last one is in the file to be written. PilotError:
   * damaged.
   */
  static open(options: JournalOptions): { journal: Journal; generations: Generation[] } {
    const records = unapplied(options);
    const name = options.files.map((file) => file.name).join(' and ');
    const turns = records.filter((one, i) => i > 0 && one.file !== records[i - 1]?.file);
    const isWhole = records.every(({ sequence }, i) => sequence === options.applied + 1 + i);
    if (!isWhole || turns.length > 1) throw damaged(name, 'records are missing');
    const generations: Generation[] = [];
    for (const file of new Set(records.map((record) => record.file))) {
      generations.push(
        generationOf(
          records.filter((record) => record.file === file),
          name,
        ),
      );
    }
    return { journal: new Journal(options, records.at(-1)), generations };
  }

  /** Of the last record that was written. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Whether there is room for it in the file that is being written. */
  fits({ bytes }: JournalRecord): boolean {
    return this.#position + bytes.length <= this.#options.maxBytes;
  }

  fitsAnyFile({ bytes }: JournalRecord): boolean {
    return bytes.length <= this.#options.maxBytes;
  }

  /** Rejected, nothing has changed. */
  async write(record: JournalRecord): Promise<void> {
    await this.#clean();
    sealRecord(record, this.#options.salt, this.#sequence + 1);
    this.#isDirty = true;
    try {
      await this.#current.write(record.bytes, this.#position);
    } catch (error) {
      await this.#clean().catch(() => undefined);
      throw error;
    }
    this.#isDirty = false;
    this.#sequence += 1;
    this.#position += record.bytes.length;
  }

  /** All that the other file holds must be applied. */
  async turn(): Promise<void> {
    await this.#clean();
    this.#file = this.#file === 0 ? 1 : 0;
    this.#position = 0;
  }

  /** Nothing may be under way. A record whose commit failed stays one, if the disk lets us by now. */
  async close(): Promise<void> {
    await this.#clean().catch(() => undefined);
    for (const file of this.#options.files) file.close();
  }

  get #current(): JournalFile {
    return this.#options.files[this.#file];
  }

  async #clean(): Promise<void> {
    if (!this.#isDirty) return;
    await this.#current.write(new Uint8Array(BLOCK_BYTES), this.#position);
    this.#isDirty = false;
  }
}

function unapplied({ files, salt, applied }: JournalOptions): Located[] {
  const found: Located[] = [];
  for (const number of [0, 1] as const) {
    for (const record of findRecords(files[number].read(), salt)) {
      if (record.sequence > applied) found.push({ ...record, file: number });
    }
  }
  return found.sort((a, b) => a.sequence - b.sequence);
}

function generationOf(records: readonly Located[], name: string): Generation {
  try {
    return {
      overlay: Overlay.of(records.flatMap(({ body }) => decodeWrites(body).map(entryOf))),
      sequence: records.at(-1)?.sequence ?? 0,
    };
  } catch (error) {
    if (error instanceof WireError) throw damaged(name, error.message);
    throw error;
  }
}

function damaged(name: string, fault: string): PilotError {
  return new PilotError('internal', `the database's journal (${name}) is damaged: ${fault}`, {
    hint:
      'Put a copy of the whole folder in its place, or move both journal files away to begin ' +
      'without them: what came last is lost then.',
  });
}
