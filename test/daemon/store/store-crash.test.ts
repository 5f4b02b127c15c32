import { createHash } from 'node:crypto';

import fc from 'fast-check';
import { expect, test, vi } from 'vitest';

import { toHex } from '../../../src/base/bytes.ts';
import { BLOCK_BYTES } from '../../../src/daemon/store/journal-record.ts';
import {
  sequenceKey,
  sequenceOf,
  type TableName,
  type Write,
} from '../../../src/daemon/store/storage.ts';
import { Store } from '../../../src/daemon/store/store.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { type Draw, Faults, SimulatedFile, SimulatedTables } from './simulated-disk.ts';

vi.setConfig({ testTimeout: 30_000 });

const MAX_FILE_BYTES = 4 * BLOCK_BYTES;
const TABLES: readonly TableName[] = ['inbox', 'seen'];
const OWED_KEY = sequenceKey(1);

type Rows = ReadonlyMap<string, string>;
type Outcome = 'unknown' | 'kept' | 'refused';
interface Asked {
  readonly writes: readonly Write[];
  outcome: Outcome;
}

function drawFrom(seed: number): Draw {
  const random = seededRandom(seed);
  return (below) => {
    const [a = 0, b = 0, c = 0] = random(3);
    return (a * 65_536 + b * 256 + c) % below;
  };
}

/** What is on a simulated disk, the store over it, and what was asked of it. */
class Host {
  readonly faults = new Faults();
  readonly clock = new ManualClock();
  readonly #draw: Draw;
  readonly #random: (length: number) => Uint8Array;
  #files: readonly [SimulatedFile, SimulatedFile];
  #tables: SimulatedTables;
  /** In the order in which the store asked what is to be written. */
  #asked: Asked[] = [];
  /** What is there for sure, before `asked`. */
  #base: Rows = new Map();
  #owed = 0;
  store: Store;

  constructor(seed: number) {
    this.#draw = drawFrom(seed);
    this.#random = seededRandom(seed ^ 0x5bd1e995);
    const disk = { faults: this.faults, draw: this.#draw };
    this.#files = [new SimulatedFile('journal-0', disk), new SimulatedFile('journal-1', disk)];
    this.#tables = new SimulatedTables(this.#random(8), disk);
    this.store = this.#open();
  }

  commit(when: 'now' | 'soon'): void {
    const writes = this.#someWrites();
    const asked: Asked = { writes, outcome: 'unknown' };
    // A store that died with its host may still ask.
    const all = this.#asked;
    const asAsked = (): readonly Write[] => {
      all.push(asked);
      return writes;
    };
    this.store.commit(asAsked, when).then(
      () => {
        asked.outcome = 'kept';
      },
      () => {
        asked.outcome = 'refused';
      },
    );
  }

  owe(): void {
    this.#owed += 1;
    this.store.owe([{ table: 'meta', key: OWED_KEY, value: sequenceKey(this.#owed) }]);
  }

  /** Lets go on what is under way, as far as the disk lets it. */
  async settle(turns = 12): Promise<void> {
    for (let i = 0; i < turns; i++) await new Promise(setImmediate);
  }

  /** Whoever has an answer by now has taken it; no turn of the event loop passes. */
  async told(): Promise<void> {
    await new Promise<void>((resolve) => {
      process.nextTick(resolve);
    });
  }

  /** What the store shows is what it was asked to write, without what it refused. */
  expectSeen(): void {
    const isSeen = ({ outcome }: Asked) => outcome !== 'refused';
    expect(this.#found()).toEqual(applied(this.#base, this.#asked.filter(isSeen)));
  }

  crash(): void {
    const [first, second] = this.#files;
    this.#files = [first.crash(), second.crash()];
    this.#tables = this.#tables.crash();
    this.faults.release();
    this.faults.journal = false;
    this.faults.tables = false;
    this.store = this.#open();
    const found = this.#found();
    expect(this.#possible()).toContainEqual(found);
    const owed = this.store.get('meta', OWED_KEY);
    this.#owed = owed === undefined ? 0 : sequenceOf(owed);
    this.#base = found;
    this.#asked = [];
  }

  async restart(): Promise<void> {
    this.faults.release();
    this.faults.journal = false;
    this.faults.tables = false;
    await this.#closeSettled();
    this.expectSeen();
    this.#files = [this.#files[0].crash(), this.#files[1].crash()];
    this.#tables = this.#tables.crash();
    const before = this.#found();
    this.store = this.#open();
    expect(this.#found()).toEqual(before);
    if (this.#owed > 0) {
      expect(this.store.get('meta', OWED_KEY)).toEqual(new Uint8Array(sequenceKey(this.#owed)));
    }
    this.#base = before;
    this.#asked = [];
  }

  async #closeSettled(): Promise<void> {
    await this.store.close();
    // The callers' turn.
    await this.settle(2);
  }

  #open(): Store {
    return new Store({
      tables: this.#tables,
      files: this.#files,
      maxFileBytes: MAX_FILE_BYTES,
      clock: this.clock,
    });
  }

  #found(): Rows {
    const rows = new Map<string, string>();
    for (const table of TABLES) {
      for (const [key, value] of this.store.entries(table)) {
        rows.set(rowName(table, key), summary(value));
      }
    }
    return rows;
  }

  /**
   * What was kept, and of what came after the last of that a part without gaps: a record under way, or one
   * whose commit failed on a disk that refused to have it made invalid.
   */
  #possible(): Rows[] {
    const last = this.#asked.findLastIndex(({ outcome }) => outcome === 'kept');
    const sure = this.#asked.slice(0, last + 1).filter(({ outcome }) => outcome === 'kept');
    const base = applied(this.#base, sure);
    const tail = this.#asked.slice(last + 1);
    const states = [base];
    for (let from = 0; from < tail.length; from++) {
      for (let to = from + 1; to <= tail.length; to++) {
        states.push(applied(base, tail.slice(from, to)));
      }
    }
    return states;
  }

  #someWrites(): Write[] {
    return Array.from({ length: 1 + this.#draw(4) }, () => {
      const table = TABLES[this.#draw(TABLES.length)] ?? 'inbox';
      const key = sequenceKey(this.#draw(12));
      if (this.#draw(3) === 0) return { table, key };
      // Now and then one that fits into no file.
      const bytes = this.#draw(40) === 0 ? MAX_FILE_BYTES : this.#draw(3000);
      return { table, key, value: this.#random(bytes) };
    });
  }
}

function applied(base: Rows, asked: readonly Asked[]): Rows {
  const rows = new Map(base);
  for (const { table, key, value } of asked.flatMap(({ writes }) => writes)) {
    if (value === undefined) rows.delete(rowName(table, key));
    else rows.set(rowName(table, key), summary(value));
  }
  return rows;
}

function summary(value: Uint8Array): string {
  return createHash('sha256').update(value).digest('hex').slice(0, 8);
}

function rowName(table: TableName, key: Uint8Array): string {
  return `${table} ${toHex(key)}`;
}

const STEPS = {
  now: (host) => {
    host.commit('now');
  },
  soon: (host) => {
    host.commit('soon');
  },
  owe: (host) => {
    host.owe();
  },
  turn: async (host) => host.settle(1),
  settle: async (host) => host.settle(),
  'a moment': (host) => {
    host.clock.advance(10);
  },
  'a while': (host) => {
    host.clock.advance(1000);
  },
  'long enough': (host) => {
    host.clock.advance(10_000);
  },
  hold: (host) => {
    host.faults.hold();
  },
  release: (host) => {
    host.faults.release();
  },
  'journal fault': (host) => {
    host.faults.journal = true;
  },
  'table fault': (host) => {
    host.faults.tables = true;
  },
  'no fault': (host) => {
    host.faults.journal = false;
    host.faults.tables = false;
  },
  crash: (host) => {
    host.crash();
  },
  restart: async (host) => host.restart(),
} satisfies Record<string, (host: Host) => void | Promise<void>>;

type Step = keyof typeof STEPS;

const WEIGHTS: Partial<Record<Step, number>> = { now: 12, turn: 6, settle: 6, soon: 4, owe: 4 };
const step = fc.oneof(
  ...(Object.keys(STEPS) as Step[]).map((name) => {
    return { weight: WEIGHTS[name] ?? 1, arbitrary: fc.constant(name) };
  }),
);

test('whatever the disk does and whenever the power goes, what was promised is there', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(),
      fc.array(step, { maxLength: 120, size: 'max' }),
      async (seed, steps) => {
        const host = new Host(seed);
        for (const what of steps) {
          await STEPS[what](host);
          await host.told();
          host.expectSeen();
        }
        host.crash();
        host.commit('now');
        await host.restart();
      },
    ),
    {
      numRuns: 60,
      examples: [
        // The disk refuses a record and its invalidation, works again, and the daemon is stopped in order.
        [2013224940, ['now', 'now', 'restart', 'journal fault', 'now', 'now', 'settle', 'restart']],
      ],
    },
  );
});
