import type { Cell } from './matrix.ts';
import { SAME_NAT } from './matrix-world.ts';
import { SITE_KINDS } from './site.ts';

const FACES: readonly (readonly [title: string, show: (cell: Cell) => string])[] = [
  ['path', ({ path }) => (path === '' ? 'NONE' : path)],
  ['first message, ms', ({ firstMessageMs }) => whole(firstMessageMs)],
  ['direct after, ms', ({ directMs, path }) => (directMs === null ? path : whole(directMs))],
  ['round trip, ms', ({ rttMs }) => (rttMs === null ? '-' : rttMs.toFixed(1))],
];

/** One table for each thing measured: who sent first down, the other across; then what went wrong. */
export function formatMatrix(cells: readonly Cell[]): string {
  const kinds = SITE_KINDS.filter((kind) => cells.some(({ from }) => from === kind));
  const numbers = kinds.map((kind, n) => `${String(n + 1).padStart(2)} ${kind}`);
  const width = Math.max(...numbers.map(({ length }) => length));
  const tables = FACES.map(([title, show]) => {
    const head = row([title.padEnd(width), ...kinds.map((_, n) => String(n + 1))]);
    const rows = kinds.map((from, n) =>
      row([(numbers[n] ?? '').padEnd(width), ...kinds.map((to) => shown(cells, [from, to], show))]),
    );
    const together = row([
      'two behind one NAT'.padEnd(width),
      shown(cells, [SAME_NAT, SAME_NAT], show),
    ]);
    return [head, ...rows, together, ''].join('\n');
  });
  const failures = cells
    .filter(({ failure }) => failure !== '')
    .map(({ from, to, failure }) => `${from} to ${to}: ${failure}\n`);
  return `${tables.join('\n')}${failures.join('')}`;
}

function shown(
  cells: readonly Cell[],
  [from, to]: readonly [string, string],
  show: (cell: Cell) => string,
): string {
  const cell = cells.find((one) => one.from === from && one.to === to);
  return cell === undefined ? '' : show(cell);
}

function row([first = '', ...others]: readonly string[]): string {
  return [first, ...others.map((text) => text.padStart(7))].join(' ').trimEnd();
}

function whole(ms: number | null): string {
  return ms === null ? '-' : String(Math.round(ms));
}
