/**
 * Which port does a sequential NAT give out next? Asks up to three STUN servers from one fresh socket, each
 * of which makes a mapping. The step is known by then, so an answer that gets lost, or a foreign flow in
 * between, costs no more than a place or two.
 */
import type { Cancel } from '../base/clock.ts';
import type { Endpoint } from '../base/endpoint.ts';
import { familyOf } from './candidate.ts';
import { hostKey } from './endpoint-key.ts';
import type { PortStep } from './nat-behaviour.ts';
import type { NatTestDeps } from './nat-tests.ts';
import { ServerQuery } from './server-query.ts';

const MAX_SERVERS = 3;
/** After the first answer the others may take this long: mappings get old. */
const SETTLE_MS = 100;
const DEADLINE_MS = 1500;
/** Answers further than this from the middle one, in steps, are no neighbours: a server lies. */
const MAX_DISTANCE = 64;

export interface SampleOptions {
  /** A socket that has sent nothing yet. */
  readonly base: string;
  readonly servers: readonly Endpoint[];
  /** Answers that name another host are not believed. */
  readonly outerHost: string;
  readonly step: number;
  readonly allowLoopback: boolean;
}

/** Undefined when no server answers. */
export function samplePort(
  deps: NatTestDeps,
  options: SampleOptions,
  done: (sample: PortStep | undefined) => void,
): Cancel {
  const { base, servers, allowLoopback } = options;
  const asked = servers.filter(({ host }) => familyOf(host) === 'v4').slice(0, MAX_SERVERS);
  const rules = { base, family: 'v4', allowLoopback } as const;
  let cancelTimer: Cancel = () => undefined;
  let isSettling = false;
  const queries: ServerQuery[] = [];
  const cancel = (): void => {
    cancelTimer();
    for (const query of queries) query.cancel();
  };
  const finish = (): void => {
    cancel();
    done(newestOf(options, queries));
  };
  const progress = (): void => {
    if (queries.every(({ isWaiting }) => !isWaiting)) {
      finish();
    } else if (!isSettling) {
      isSettling = true;
      cancelTimer();
      cancelTimer = deps.clock.after(SETTLE_MS, finish);
    }
  };
  cancelTimer = deps.clock.after(asked.length === 0 ? 0 : DEADLINE_MS, finish);
  for (const server of asked) queries.push(new ServerQuery(deps, rules, server, progress));
  return cancel;
}

/**
 * Up or down is taken from these answers: all of these mappings were made now, in the order of the questions,
 * while some of those that the step was found with may be from before.
 */
function newestOf(
  { outerHost, step }: SampleOptions,
  queries: readonly ServerQuery[],
): PortStep | undefined {
  const ports = queries
    .flatMap(({ mapped }) => mapped ?? [])
    .filter((mapped) => hostKey(mapped) === hostKey({ host: outerHost }))
    .map(({ port }) => port);
  const middle = [...ports].sort((a, b) => a - b)[Math.floor((ports.length - 1) / 2)];
  if (middle === undefined) return undefined;
  const size = Math.abs(step);
  const near = ports.filter((port) => Math.abs(port - middle) <= MAX_DISTANCE * size);
  const [first = middle] = near;
  const direction = Math.sign((near.at(-1) ?? first) - first) || Math.sign(step);
  const lastPort = direction > 0 ? Math.max(...near) : Math.min(...near);
  return { step: direction * size, lastPort };
}
