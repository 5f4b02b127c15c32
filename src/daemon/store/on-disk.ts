import { PilotError } from '../../base/pilot-error.ts';
import { StoreError } from './storage.ts';

/** What a caller asked to be written; `what` it is, for the error. PilotError `unavailable` when the disk refuses. */
export async function onDisk<T>(written: Promise<T>, what = 'the change'): Promise<T> {
  try {
    return await written;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw new PilotError('unavailable', `${what} could not be written to disk`, {
      hint: 'Free some disk space and try again.',
      cause: error,
    });
  }
}
