import { toHex } from '../../../src/base/bytes.ts';
import type { JournalFile } from '../../../src/daemon/store/journal-file.ts';
import type { TableName, Write } from '../../../src/daemon/store/storage.ts';
import type { Tables } from '../../../src/daemon/store/tables.ts';

/** A whole number in [0, below). */
export type Draw = (below: number) => number;

const SECTOR_BYTES = 512;

/** What a disk may do, and does when it is told so. */
export class Faults {
  journal = false;
  tables = false;
  /** Writes stay under way until this is false and `release` was called. */
  #held: (() => void)[] | undefined;

  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const go of held) go();
  }

  async pass(): Promise<void> {
    await new Promise<void>((resolve) => {
      if (this.#held === undefined) setImmediate(resolve);
      else this.#held.push(resolve);
    });
  }
}

/** A file whose writes are on the disk when they resolve; before that, any part of them may be. */
export class SimulatedFile implements JournalFile {
  readonly name: string;
  readonly #faults: Faults;
  readonly #draw: Draw;
  #bytes: Uint8Array;
  #pending: { readonly bytes: Uint8Array; readonly at: number } | undefined;
  #isDead = false;

  constructor(name: string, { faults, draw }: { faults: Faults; draw: Draw }) {
    this.name = name;
    this.#faults = faults;
    this.#draw = draw;
    this.#bytes = new Uint8Array();
  }

  /** Changes a byte that is on the disk. */
  rot(at: number): void {
    this.#bytes[at] = (this.#bytes[at] ?? 0) ^ 0x10;
  }

  read(): Uint8Array {
    return this.#bytes.slice();
  }

  async write(bytes: Uint8Array, at: number): Promise<void> {
    if (this.#pending !== undefined) throw new Error('two writes at a time');
    this.#pending = { bytes: bytes.slice(), at };
    await this.#faults.pass();
    // The process that waited is gone.
    if (this.#isDead) await new Promise(() => undefined);
    if (this.#faults.journal) {
      this.#writeSomeOf(this.#pending);
      this.#pending = undefined;
      throw new Error('ENOSPC');
    }
    this.#put(this.#pending.bytes, at);
    this.#pending = undefined;
  }

  close(): void {
    this.#isDead = true;
  }

  /** The power goes: what comes back as a file. */
  crash(): SimulatedFile {
    this.#isDead = true;
    const next = new SimulatedFile(this.name, { faults: this.#faults, draw: this.#draw });
    next.#bytes = this.#bytes.slice();
    if (this.#pending !== undefined) next.#writeSomeOf(this.#pending);
    return next;
  }

  #writeSomeOf({ bytes, at }: { bytes: Uint8Array; at: number }): void {
    const kind = this.#draw(4);
    if (kind === 0) return;
    if (kind === 1) {
      this.#put(bytes.subarray(0, this.#draw(bytes.length + 1)), at);
      return;
    }
    for (let sector = 0; sector < bytes.length; sector += SECTOR_BYTES) {
      if (kind === 2 && this.#draw(2) === 0) continue;
      this.#put(bytes.subarray(sector, sector + SECTOR_BYTES), at + sector);
    }
  }

  #put(bytes: Uint8Array, at: number): void {
    if (at + bytes.length > this.#bytes.length) {
      const larger = new Uint8Array(at + bytes.length);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, at);
  }
}

/** Tables that write all or nothing, also when the power goes meanwhile. */
export class SimulatedTables implements Tables {
  readonly salt: Uint8Array;
  readonly #faults: Faults;
  readonly #draw: Draw;
  #applied = 0;
  #rows = new Map<TableName, Map<string, readonly [Uint8Array, Uint8Array]>>();
  #pending: { readonly writes: readonly Write[]; readonly applied: number } | undefined;
  #isDead = false;
  writes = 0;

  constructor(salt: Uint8Array, { faults, draw }: { faults: Faults; draw: Draw }) {
    this.salt = salt;
    this.#faults = faults;
    this.#draw = draw;
  }

  get applied(): number {
    return this.#applied;
  }

  get(table: TableName, key: Uint8Array): Uint8Array | undefined {
    return this.#rows.get(table)?.get(toHex(key))?.[1];
  }

  *rows(table: TableName, start?: Uint8Array): Iterable<readonly [Uint8Array, Uint8Array]> {
    const from = start === undefined ? '' : toHex(start);
    const rows = [...(this.#rows.get(table) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [key, row] of rows) if (key >= from) yield row;
  }

  async write(writes: readonly Write[], applied = this.#applied): Promise<void> {
    if (this.#pending !== undefined) throw new Error('two writes at a time');
    this.#pending = { writes: [...writes], applied };
    await this.#faults.pass();
    if (this.#isDead) await new Promise(() => undefined);
    const pending = this.#pending;
    this.#pending = undefined;
    if (this.#faults.tables) throw new Error('the disk is full');
    this.#apply(pending);
  }

  async close(): Promise<void> {
    this.#isDead = true;
    await this.#faults.pass();
  }

  crash(): SimulatedTables {
    this.#isDead = true;
    const next = new SimulatedTables(this.salt, { faults: this.#faults, draw: this.#draw });
    next.#rows = new Map([...this.#rows].map(([name, rows]) => [name, new Map(rows)]));
    next.#applied = this.#applied;
    if (this.#pending !== undefined && this.#draw(2) === 0) next.#apply(this.#pending);
    return next;
  }

  #apply({ writes, applied }: { writes: readonly Write[]; applied: number }): void {
    this.writes += writes.length;
    for (const { table, key, value } of writes) {
      const rows = this.#rows.get(table) ?? new Map<string, readonly [Uint8Array, Uint8Array]>();
      this.#rows.set(table, rows);
      if (value === undefined) rows.delete(toHex(key));
      else rows.set(toHex(key), [key.slice(), value.slice()]);
    }
    this.#applied = applied;
  }
}
