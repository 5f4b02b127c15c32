/** What the two sites of a cell can have at best today. */
import { type PlaceKind, SAME_NAT } from './matrix-world.ts';
import type { SiteKind } from './site.ts';

/** Their NAT has one outer port for every destination, and lets in who was written to. */
const EASY: ReadonlySet<PlaceKind> = new Set<SiteKind>([
  ...(['open', 'full-cone', 'address-restricted', 'home', 'home-ports-changed'] as const),
  'carrier-grade',
]);
/** Another outer port for each destination. */
const HARD: ReadonlySet<PlaceKind> = new Set<SiteKind>([
  ...(['per-address', 'symmetric-sequential', 'symmetric-random'] as const),
]);
/** Behind one of these a node finds a hard one only by guessing ports; one that counts its ports its like, too. */
const STRICT: ReadonlySet<PlaceKind> = new Set<SiteKind>([
  ...(['home', 'home-ports-changed', 'carrier-grade'] as const),
]);
const SEQUENTIAL: PlaceKind = 'symmetric-sequential';
/** They let in every port of an address that was written to: a port that nobody guessed, too. */
const LENIENT: ReadonlySet<PlaceKind> = new Set<SiteKind>([
  ...(['open', 'full-cone', 'address-restricted'] as const),
]);

export function expectedPath(from: PlaceKind, to: PlaceKind): 'direct' | 'relay' {
  if (from === SAME_NAT && to === SAME_NAT) return 'direct';
  return isDirect(from, to) || isDirect(to, from) ? 'direct' : 'relay';
}

/** Ports have to be guessed, which a node does for one peer at a time. */
export function needsPunching(from: PlaceKind, to: PlaceKind): boolean {
  return isPunched(from, to) || isPunched(to, from);
}

function isPunched(a: PlaceKind, b: PlaceKind): boolean {
  return (HARD.has(a) && STRICT.has(b)) || (a === SEQUENTIAL && b === SEQUENTIAL);
}

function isDirect(a: PlaceKind, b: PlaceKind): boolean {
  if (EASY.has(a) && EASY.has(b)) return true;
  if (HARD.has(a) && LENIENT.has(b)) return true;
  if (isPunched(a, b)) return true;
  return a === 'ipv6-only' && (b === 'ipv6-only' || b === 'open');
}
