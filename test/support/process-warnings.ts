import { onTestFinished } from 'vitest';

/** What this process warns of until the test is over; a warning comes a turn after its cause. */
export function processWarnings(): readonly string[] {
  const warnings: string[] = [];
  const warned = (warning: Error): void => {
    warnings.push(warning.message);
  };
  process.on('warning', warned);
  onTestFinished(() => {
    process.off('warning', warned);
  });
  return warnings;
}
