import type { Generation } from './journal.ts';
import type { Write } from './storage.ts';
import type { Tables } from './tables.ts';

/** With these a slice holds the process up for 0.7 ms (measured: 3 us for each value of 300 bytes, 0.6 us for each key removed). */
const SLICE_WRITES = 256;
const SLICE_BYTES = 256 * 1024;

/**
 * Brings into the tables what a journal file holds. Cut short, some of it is there: nothing has changed for
 * whoever has the journal, since writing it once more comes to the same.
 */
export async function checkpoint(tables: Tables, generation: Generation): Promise<void> {
  let slice: Write[] = [];
  let bytes = 0;
  for (const write of generation.overlay.writes()) {
    if (slice.length === SLICE_WRITES || bytes > SLICE_BYTES) {
      await tables.write(slice);
      slice = [];
      bytes = 0;
    }
    slice.push(write);
    bytes += write.value?.length ?? 0;
  }
  await tables.write(slice, generation.sequence);
}
