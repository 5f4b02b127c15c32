import { spawnSync } from 'node:child_process';

import type { TestContext } from 'vitest';

/** Skips a test that needs a program of another project; in CI, where .ci/run installs it, fails instead. */
export function needsProgram(context: TestContext, program: string, debianPackage: string): void {
  const found = spawnSync('which', [program], { stdio: 'ignore' }).status === 0;
  if (found) return;
  const why = `${program} is missing: apt-get install ${debianPackage}`;
  if (process.env['CI'] !== undefined) throw new Error(why);
  process.stderr.write(`skipped: ${why}\n`);
  context.skip(why);
}
