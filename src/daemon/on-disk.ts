import { PilotError } from '../base/pilot-error.ts';
import { StoreError } from './storage.ts';

/** What a caller asked to be written. PilotError `unavailable` when the disk refuses. */
export async function onDisk<T>(written: Promise<T>): Promise<T> {
  try {
    return await written;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw new PilotError('unavailable', 'the change could not be written to disk', {
      hint: 'Free some disk space and try again.',
      cause: error,
    });
  }
}
