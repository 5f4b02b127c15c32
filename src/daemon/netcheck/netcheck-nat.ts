/** What a netcheck asks of the network, each over sockets of its own. */
import type { Clock } from '../../base/clock.ts';
import type { Deadlines } from '../../base/deadlines.ts';
import type { Endpoint } from '../../base/endpoint.ts';
import type { RandomBytes } from '../../base/random.ts';
import type { GathererSettings } from '../../ice/base-gatherer.ts';
import { familyOf } from '../../ice/candidate.ts';
import { Gatherer } from '../../ice/gatherer.ts';
import type { HostAddress } from '../../ice/host-addresses.ts';
import type { NatReport } from '../../ice/nat-behaviour.ts';
import type { StunRouter } from '../../ice/stun-router.ts';
import type { MapperFactory } from '../links/port-mapper.ts';
import { PortMapping, type PortMappingState } from '../links/port-mapping.ts';
import type { Underlay } from '../paths/underlay.ts';

/** Sockets whose datagrams go to the router. */
export interface NetcheckSockets extends Pick<Underlay, 'bases' | 'send'> {
  readonly router: StunRouter;
  close(): void | Promise<void>;
}

interface CheckDeps {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly deadlines: Deadlines;
  readonly sockets: NetcheckSockets;
}

export interface CheckLimits {
  readonly ms: number;
  readonly signal: AbortSignal;
}

/** Servers are asked at 0, 500 and 1,500 ms. */
const GATHERER: Partial<GathererSettings> = { deadlineMs: 3_000, testsNat: true };

/** What is known when everything is, or the time is over. Rejects with the signal's reason only. */
export async function checkNat(
  { clock, random, deadlines, sockets }: CheckDeps,
  input: { readonly servers: readonly Endpoint[]; readonly addresses: readonly HostAddress[] },
  { ms, signal }: CheckLimits,
): Promise<NatReport> {
  const { bases, router } = sockets;
  let finish = (): void => undefined;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const gatherer = new Gatherer(
    {
      ...{ clock, random, router },
      send: (bytes, base, to) => {
        sockets.send(bytes, base, to);
      },
    },
    {
      bases: bases.filter(({ family }) =>
        input.servers.some(({ host }) => familyOf(host) === family),
      ),
      addresses: input.addresses.map(({ host }) => ({ name: '', address: host })),
      servers: input.servers,
    },
    { candidate: () => undefined, gathered: () => undefined, finished: finish },
    GATHERER,
  );
  try {
    gatherer.start();
    await deadlines.race(finished, ms, signal);
    return gatherer.report;
  } finally {
    gatherer.stop();
  }
}

/**
 * Whether the gateway forwards a port, which is given back before the result is there. It is another one than that of
 * the tests above: through a forwarded port every NAT lets everybody in.
 */
export async function checkGateway(
  { clock, deadlines, sockets }: Omit<CheckDeps, 'random'>,
  mappers: readonly MapperFactory[],
  { ms, signal }: CheckLimits,
): Promise<PortMappingState> {
  const port = sockets.bases.find(({ family }) => family === 'v4')?.port;
  if (port === undefined) return { status: 'none', failures: [] };
  let settle: (state: PortMappingState) => void = () => undefined;
  const settled = new Promise<PortMappingState>((resolve) => {
    settle = resolve;
  });
  const mapping = new PortMapping({
    ...{ clock, mappers, port },
    changed: (state) => {
      if (state.status === 'mapped' || state.status === 'none') settle(state);
    },
  });
  try {
    mapping.start();
    return (await deadlines.race(settled, ms, signal)) ?? { status: 'none', failures: [] };
  } finally {
    await mapping.stop();
  }
}
