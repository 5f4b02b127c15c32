/**
 * What the two sides say to each other about punching. It travels like the candidates of the attempt: inside
 * the session, in order and reliably, as an item with the attempt's id. The side that offered asks.
 *
 *     asks ──── ask: round, our NAT now ────────────────> the other has a free budget, and a plan
 *          <─── go: round, its NAT now; or refuse ───────
 *          <─── opened: round ─────────────────────────>  from the side that opens; then the other one probes
 *
 * Both know then both NATs, and plan the same. Of two that predict (`predict-both`) nobody says `opened`.
 */
import { isNatSummary, type NatSummary } from './nat-summary.ts';

/** Four rounds of prediction; two and a birthday. */
export const MAX_ROUNDS = 4;

export type PunchMessage = {
  /** From 1 to `MAX_ROUNDS`. */
  readonly round: number;
} & (
  | { readonly step: 'ask'; readonly nat: NatSummary }
  | { readonly step: 'go'; readonly nat: NatSummary }
  | { readonly step: 'opened' }
  /** Another attempt of the node's is punching, or was a moment ago; or the plan is none. */
  | { readonly step: 'refuse'; readonly reason: 'busy' | 'hopeless' }
);

/** Whether what a peer told can be a message. */
export function isPunchMessage(message: PunchMessage): boolean {
  const { round } = message;
  if (!Number.isInteger(round) || round < 1 || round > MAX_ROUNDS) return false;
  switch (message.step) {
    case 'ask':
    case 'go':
      return isNatSummary(message.nat);
    case 'opened':
      return true;
    case 'refuse':
      return ['busy', 'hopeless'].includes(message.reason);
    default:
      return false;
  }
}
