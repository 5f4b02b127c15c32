import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { onTestFinished } from 'vitest';

/** A folder of mode 0700 that is gone after the test it was made in or for; short, as socket paths have to be. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'pilot-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}
