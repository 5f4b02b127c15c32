import { describe, test } from 'vitest';

import { missingForLab } from './lab.ts';

/** `describe` where a lab can be built. Elsewhere it says so and skips; with CI=true that is a failure. */
export function describeWithLab(name: string, define: () => void): void {
  const missing = missingForLab();
  if (missing === undefined) {
    describe(name, define);
  } else if (process.env['CI'] === 'true') {
    test(`${name}: there is a NAT laboratory`, () => {
      throw new Error(missing);
    });
  } else {
    process.stderr.write(`SKIPPED: ${name}: ${missing}\n`);
    describe.skip(`${name} (${missing})`, define);
  }
}
