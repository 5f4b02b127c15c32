/**
 * What two sides do when checks alone do not connect them, since a NAT gives each flow another outer port.
 * Both work out the same from the same two summaries; each plan has its mirror image.
 *
 *     theirs ->     cone            sequential         random            unknown
 *     ours cone     none: checks    predict-probe      birthday-probe    birthday-probe
 *     sequential    predict-open    predict-both       none              predict-open
 *     random        birthday-open   none               none              birthday-open
 *     unknown       birthday-open   predict-probe      birthday-probe    none
 *
 *     cone          one outer port for everybody, behind a filter; or no NAT, behind a firewall
 *     sequential    ports at a steady step, which can be predicted
 *     random        any port; also those that depend on the remote host alone
 *     unknown       taken for what makes checks fail: hard against a cone, a cone against hard ones
 *
 * **Birthday**: the hard side sends from S sockets to the cone's one endpoint, and so has S open ports; the
 * other probes K of the P = 64,512 ports above 1023. All miss with (1 - S/P)^K = exp(-SK/P): with 256
 * sockets 50 % after 175 probes, 2 % after 986, 0.04 % after 2,000.
 *
 * **Prediction**: the hard side says which port its newest mapping has, and opens a few more. Against a cone
 * that aims at the next ones. Of two sequential sides each opens n sockets toward the one port that the
 * other will use for its 0.7 n-th: they meet when less than 0.7 n foreign flows came in between. n is 10,
 * then twice as many each round, each with ports sampled anew.
 *
 * **Random against random, or against sequential**: an opened port lets in a single remote port, and a probe
 * comes from a new one each time. So each of K packets of the one side can meet one probe of the other at
 * most, with chance 1/P: 3 % for 2,000. Not tried.
 */
import type { Endpoint } from '../base/endpoint.ts';
import type { PortStep } from './nat-behaviour.ts';
import { haveSameOuterHost, type NatSummary } from './nat-summary.ts';
import { MAX_PUNCHES } from './punch-probes.ts';

export type HardNatPlan =
  | { readonly kind: 'none'; readonly why: WhyNoPunching; readonly text: string }
  | (PlannedRound &
      (
        | {
            readonly kind: 'birthday-open' | 'predict-open';
            /** From this many new sockets. */
            readonly sockets: number;
            readonly to: Endpoint;
          }
        | { readonly kind: 'birthday-probe'; readonly host: string; readonly probes: number }
        | {
            readonly kind: 'predict-probe';
            readonly host: string;
            readonly probes: number;
            readonly after: PortStep;
          }
        | { readonly kind: 'predict-both'; readonly sockets: number; readonly to: Endpoint }
      ));

interface PlannedRound {
  readonly text: string;
  /** Where the checks may still do without, it waits for them. */
  readonly delayMs: number;
  /** How many datagrams the busier side sends at most. */
  readonly largestVolley: number;
  readonly isLastRound: boolean;
}

export type WhyNoPunching =
  | 'no_address'
  | 'same_nat'
  | 'not_needed'
  | 'both_random'
  | 'random_and_sequential'
  | 'unknown_nats';

const NO_PUNCHING: Readonly<Record<WhyNoPunching, string>> = {
  no_address:
    'no STUN server has shown an outer IPv4 address of each side: UDP is blocked, or IPv4',
  same_nat: 'both sides are behind one router: only an address inside of it can connect them',
  not_needed: 'no NAT in between changes ports by destination: checks alone have to find the path',
  both_random: 'both NATs give every flow a random port: nobody can guess two of them at once',
  random_and_sequential:
    'one NAT gives every flow a random port, and the other one a new port: too many to guess',
  unknown_nats: 'not enough STUN servers answered to tell what the NATs do: configure a second one',
};

export const MAX_SOCKETS = 256;

/** Easy cells are connected within 1 s. */
const CHECKS_FIRST_MS = 2000;
const FIRST_SOCKETS = 10;
/** Where the other aims: after foreign flows have come in between, not far behind our last. */
const AIM = 0.7;
/** 10, 20, 40, 80 sockets. */
const PREDICTED_ROUNDS = 4;
/** Against a cone prediction is tried twice, then the birthday paradox, which needs no order of ports. */
const PREDICTED_ROUNDS_AT_CONE = 2;
const PROBES_BY_ROUND: readonly number[] = [32, 128];

type NatKind = 'nowhere' | 'cone' | 'sequential' | 'random' | 'unknown';

/** What we do in this round, from 1. */
export function planHardNat(ours: NatSummary, theirs: NatSummary, round = 1): HardNatPlan {
  const [us, them] = [kindOf(ours), kindOf(theirs)];
  if (ours.outer === undefined || theirs.outer === undefined) return none('no_address');
  if (haveSameOuterHost(ours, theirs)) return none('same_nat');
  if (us === 'sequential' && them === 'sequential') return planBoth(theirs, round);
  const why = whyNot(us, them);
  if (why !== undefined) return none(why);
  if (isHard(us, them)) return planOpen(us, theirs.outer, round);
  return planProbes(theirs.outer.host, them === 'sequential' ? theirs.portStep : undefined, round);
}

function kindOf({ mapping, behindNat, outer, portStep }: NatSummary): NatKind {
  if (outer === undefined) return 'nowhere';
  if (mapping === 'endpoint-independent' || behindNat === false) return 'cone';
  if (mapping === 'unknown') return 'unknown';
  return portStep === undefined ? 'random' : 'sequential';
}

/** Two sequential ones have been dealt with. */
function whyNot(us: NatKind, them: NatKind): WhyNoPunching | undefined {
  if (us === 'unknown' && them === 'unknown') return 'unknown_nats';
  if (us === 'cone' && them === 'cone') return 'not_needed';
  const kinds = [us, them];
  if (kinds.includes('cone') || kinds.includes('unknown')) return undefined;
  return us === them ? 'both_random' : 'random_and_sequential';
}

/** Of the pairs that are left one side is hard; an unknown one when the other is a cone. */
function isHard(us: NatKind, them: NatKind): boolean {
  return us === 'sequential' || us === 'random' || (us === 'unknown' && them === 'cone');
}

function planOpen(us: NatKind, to: Endpoint, round: number): HardNatPlan {
  const isPredicted = us === 'sequential' && round <= PREDICTED_ROUNDS_AT_CONE;
  if (isPredicted) {
    const sockets = socketsOf(round);
    const text = 'our NAT counts its ports: the peer aims at the next ones';
    return { kind: 'predict-open', to, sockets, ...atCone(text, probesOf(round), false) };
  }
  const text = 'our NAT gives each flow another port: many sockets, one of which the peer may hit';
  return { kind: 'birthday-open', to, sockets: MAX_SOCKETS, ...atCone(text, MAX_PUNCHES, true) };
}

function planProbes(host: string, after: PortStep | undefined, round: number): HardNatPlan {
  if (after !== undefined && round <= PREDICTED_ROUNDS_AT_CONE) {
    const probes = probesOf(round);
    const text = "the peer's NAT counts its ports: we aim at the next ones";
    return { kind: 'predict-probe', host, after, probes, ...atCone(text, probes, false) };
  }
  const text = "the peer's NAT gives each flow another port: we look for one of its many sockets";
  return { kind: 'birthday-probe', host, probes: MAX_PUNCHES, ...atCone(text, MAX_PUNCHES, true) };
}

function planBoth({ outer, portStep }: NatSummary, round: number): HardNatPlan {
  if (outer === undefined || portStep === undefined) return none('no_address');
  const sockets = socketsOf(round);
  const port = portStep.lastPort + Math.round(AIM * sockets) * portStep.step;
  return {
    kind: 'predict-both',
    sockets,
    to: { host: outer.host, port },
    text: "both NATs count their ports: each side aims at the other's next ones",
    // Checks have no chance.
    delayMs: 0,
    largestVolley: sockets,
    isLastRound: round >= PREDICTED_ROUNDS,
  };
}

function atCone(text: string, largestVolley: number, isLastRound: boolean): PlannedRound {
  return { text, largestVolley, isLastRound, delayMs: CHECKS_FIRST_MS };
}

function none(why: WhyNoPunching): HardNatPlan {
  return { kind: 'none', why, text: NO_PUNCHING[why] };
}

function socketsOf(round: number): number {
  return FIRST_SOCKETS * 2 ** Math.min(round - 1, PREDICTED_ROUNDS - 1);
}

function probesOf(round: number): number {
  return PROBES_BY_ROUND[round - 1] ?? 0;
}
