import { PilotError } from '../../../src/base/pilot-error.ts';
import type { TunnelCalls } from '../../../src/daemon/tunnels/tunnels.ts';

async function none(): Promise<never> {
  return Promise.reject(new PilotError('unavailable', 'this node has no tunnels'));
}

/** Of a node that has none and makes none. */
export const noTunnels: TunnelCalls = {
  exposed: () => [],
  expose: none,
  unexpose: none,
  forwards: () => [],
  forward: none,
  unforward: none,
  gateway: () => ({ running: false, pid: 1, subnet: '', ports: [], mappings: [], total: 0 }),
  startGateway: none,
  stopGateway: none,
  mapGateway: none,
  unmapGateway: none,
  proxy: () => ({ running: false, listen: '', connections: 0, error: '', warning: '' }),
  startProxy: none,
  stopProxy: none,
};
