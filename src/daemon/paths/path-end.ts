/** Why attempts end, as codes that both sides know. */

/** What was found is no better than the path in use: both stay with that. */
export const NOT_BETTER = 'not_better';
/** What a node answers to an offer when it looks for no direct paths. */
export const NOT_WANTED = 'not_wanted';
/** What a node answers to more offers than it looks at. */
export const BUSY = 'busy';

/** What a peer calls a reason ends on screens. */
const CODE = /^[a-z0-9_]+$/;
const TEXTS: Readonly<Partial<Record<string, string>>> = {
  [NOT_BETTER]: 'the peer found nothing better than the path in use',
  [BUSY]: 'the peer was asked too often: it answers again in a moment',
  [NOT_WANTED]: 'the peer looks for no direct paths',
};

/** A reason that the peer has told. */
export function describePeerEnd(reason: string): { readonly code: string; readonly text: string } {
  const code = CODE.test(reason) ? reason : 'unspecified';
  const known = Object.hasOwn(TEXTS, code) ? TEXTS[code] : undefined;
  return { code: `peer_${code}`, text: known ?? `the peer ended it: ${code}` };
}
