import { distance } from 'fastest-levenshtein';

/** The known name that a misspelt one probably meant, for "did you mean". */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  let best: { name: string; edits: number } | undefined;
  for (const candidate of known) {
    const edits = distance(name.toLowerCase(), candidate.toLowerCase());
    if (best === undefined || edits < best.edits) best = { name: candidate, edits };
  }
  if (best === undefined) return undefined;
  // More than a third of the letters wrong is another word, not a slip.
  return best.edits <= Math.max(1, Math.floor(name.length / 3)) ? best.name : undefined;
}
