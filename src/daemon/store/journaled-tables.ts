/**
 * Tables with a journal in front. A record is durable when it is in the journal; it goes into the tables
 * later, when nobody waits.
 *
 *                  ┌──> journal, one file      current overlay
 *     write ───────┤          │ turn: file full, or idle
 *                  │          v
 *                  │    journal, other file    frozen overlay ──> checkpoint ──> tables
 *                  └──> tables, where no file has room for it, after everything before it
 *
 * A file is written again only when what it holds is in the tables: a write that finds its file full waits for
 * the checkpoint of the other one. Where the tables cannot be written (a full disk), the journal takes
 * records until both files are full; then writes fail, and each tries the checkpoint again.
 */
import type { Cancel, Clock } from '../../base/clock.ts';
import { checkpoint } from './checkpoint.ts';
import { type Generation, Journal } from './journal.ts';
import type { JournalFile } from './journal-file.ts';
import type { JournalRecord } from './journal-record.ts';
import { Overlay } from './overlay.ts';
import type { Tables } from './tables.ts';

export interface JournaledTablesDeps {
  readonly tables: Tables;
  readonly files: readonly [JournalFile, JournalFile];
  /** Of each file. The overlays' memory follows it, and how long a checkpoint takes. */
  readonly maxFileBytes: number;
  readonly clock: Clock;
}

/** Without records for so long, there is time for a checkpoint. What is removed by then never gets to the tables. */
const IDLE_MS = 2000;
/** After a checkpoint that failed. */
const RETRY_MS = 5000;

export class JournaledTables {
  readonly #tables: Tables;
  readonly #journal: Journal;
  readonly #clock: Clock;
  #current: Overlay;
  #frozen: Generation | undefined;
  #overlays: readonly Overlay[] = [];
  #checkpoint: Promise<void> | undefined;
  /** Writes and turns, one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #writtenMs = 0;
  #cancel: Cancel | undefined;
  #isClosed = false;

  /** PilotError: the journal is damaged. */
  constructor({ tables, files, maxFileBytes, clock }: JournaledTablesDeps) {
    const { salt, applied } = tables;
    const { journal, generations } = Journal.open({ files, maxBytes: maxFileBytes, salt, applied });
    this.#tables = tables;
    this.#journal = journal;
    this.#clock = clock;
    this.#current = generations.at(-1)?.overlay ?? new Overlay();
    this.#freeze(generations.length > 1 ? generations[0] : undefined);
    if (generations.length > 0) this.#checkpointIn(IDLE_MS);
  }

  /** What the tables do not have yet, newest first. */
  get overlays(): readonly Overlay[] {
    return this.#overlays;
  }

  /** Resolves when it is on disk. Rejected, nothing has changed; later ones may succeed. */
  async write(record: JournalRecord, overlay: Overlay): Promise<void> {
    await this.#alone(async () => {
      if (!this.#journal.fitsAnyFile(record)) {
        await this.#applyAll();
        await this.#tables.write([...overlay.writes()]);
        return;
      }
      if (!this.#journal.fits(record)) {
        await this.#turn();
        this.#startCheckpoint();
      }
      await this.#journal.write(record);
      this.#current.absorb(overlay);
      this.#writtenMs = this.#clock.monotonic();
      if (this.#cancel === undefined) this.#checkpointIn(IDLE_MS);
    });
  }

  /** What cannot be brought into the tables stays in the journal. */
  async close(): Promise<void> {
    await this.#alone(async () => this.#applyAll()).catch(() => undefined);
    this.#isClosed = true;
    this.#cancel?.();
    await this.#tables.close();
    await this.#journal.close();
  }

  async #alone<T>(run: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(run);
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  #checkpointIn(ms: number): void {
    this.#cancel?.();
    if (this.#isClosed) return;
    this.#cancel = this.#clock.after(ms, () => {
      this.#cancel = undefined;
      const idleMs = this.#clock.monotonic() - this.#writtenMs;
      if (ms === IDLE_MS && idleMs < IDLE_MS) this.#checkpointIn(IDLE_MS);
      else this.#onIdle();
    });
  }

  #onIdle(): void {
    this.#alone(async () => {
      if (this.#frozen === undefined && !this.#current.isEmpty) await this.#turn();
    }).then(
      () => {
        this.#startCheckpoint();
      },
      () => {
        this.#checkpointIn(RETRY_MS);
      },
    );
  }

  #startCheckpoint(): void {
    this.#applyFrozen().then(
      () => {
        // What was written meanwhile has its own time.
        if (!this.#current.isEmpty && this.#cancel === undefined) this.#checkpointIn(IDLE_MS);
      },
      () => {
        this.#checkpointIn(RETRY_MS);
      },
    );
  }

  async #applyAll(): Promise<void> {
    await this.#applyFrozen();
    if (!this.#current.isEmpty) await this.#turn();
    await this.#applyFrozen();
  }

  async #turn(): Promise<void> {
    await this.#applyFrozen();
    await this.#journal.turn();
    const overlay = this.#current;
    this.#current = new Overlay();
    this.#freeze({ overlay, sequence: this.#journal.sequence });
  }

  async #applyFrozen(): Promise<void> {
    if (this.#frozen === undefined) return;
    this.#checkpoint ??= this.#runCheckpoint(this.#frozen);
    await this.#checkpoint;
  }

  async #runCheckpoint(generation: Generation): Promise<void> {
    try {
      await checkpoint(this.#tables, generation);
      this.#freeze(undefined);
    } finally {
      this.#checkpoint = undefined;
    }
  }

  #freeze(generation: Generation | undefined): void {
    this.#frozen = generation;
    this.#overlays =
      generation === undefined ? [this.#current] : [this.#current, generation.overlay];
  }
}
