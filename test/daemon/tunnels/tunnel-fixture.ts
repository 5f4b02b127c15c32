import type { TunnelFailure } from '../../../src/client/api.ts';
import { silentLog } from '../../../src/daemon/log/log.ts';
import type { NodePorts } from '../../../src/daemon/streams/port-calls.ts';
import type { TunnelDeps } from '../../../src/daemon/tunnels/tunnel-deps.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { lonelyPorts } from '../joined-ports.ts';

export interface TunnelFixture extends TunnelDeps {
  readonly clock: ManualClock;
  /** What was told of connections that came to nothing. */
  readonly failures: TunnelFailure[];
}

/** What a tunnel needs, by hand: its time, and ports of which a test replaces what it looks at. */
export function tunnelFixture(ports: Partial<NodePorts> = {}): TunnelFixture {
  const failures: TunnelFailure[] = [];
  return {
    ...{ clock: new ManualClock(), log: silentLog, failures },
    ports: Object.assign(lonelyPorts(), ports),
    failed: (failure) => failures.push(failure),
  };
}
