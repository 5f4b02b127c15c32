import type { ChangeRow } from './change.ts';

/** A line for each change; then what went wrong. */
export function formatChanges(rows: readonly ChangeRow[]): string {
  const width = Math.max(...rows.map(({ change }) => change.length));
  const head = ['change'.padEnd(width), 'traffic after, ms', 'direct after, ms', 'sites'].join(
    '  ',
  );
  const lines = rows.map(({ change, trafficMs, directMs, from, to }) =>
    [change.padEnd(width), whole(trafficMs), whole(directMs), `${from}, ${to}`].join('  '),
  );
  const failures = rows
    .filter(({ failure }) => failure !== '')
    .map(({ change, from, to, failure }) => `${from}, ${to}: ${change}: ${failure}`);
  return [head, ...lines, ...failures, ''].join('\n');
}

function whole(ms: number | null): string {
  return (ms === null ? '-' : String(Math.round(ms))).padStart('direct after, ms'.length);
}
