import type { Clock } from '../../base/clock.ts';
import type { TunnelFailure } from '../../client/api.ts';
import type { Log } from '../log/log.ts';
import type { NodePorts } from '../streams/port-calls.ts';

/** What every tunnel needs of the node. */
export interface TunnelDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly ports: NodePorts;
  /** A connection came to nothing: the log and the events say why. */
  readonly failed: (failure: TunnelFailure) => void;
}
