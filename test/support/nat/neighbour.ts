/** Another host behind the same router, which starts flows of its own at random. */
import { type Cancel, every } from '../../../src/base/clock.ts';
import { type RandomBytes, randomFraction } from '../../../src/base/random.ts';
import type { ManualClock } from '../manual-clock.ts';
import type { SimHost } from './sim-host.ts';

const TICK_MS = 1;

/** Each flow takes one more port of a router whose mappings depend on the destination. */
export function startNeighbour(
  host: SimHost,
  clock: ManualClock,
  random: RandomBytes,
  flowsPerSecond: number,
): Cancel {
  const socket = host.bind(4000, () => undefined);
  let port = 10_000;
  return every(clock, TICK_MS, () => {
    if (randomFraction(random) * 1000 >= flowsPerSecond * TICK_MS) return;
    socket.send(new Uint8Array(1), { host: '203.0.113.254', port: port++ });
  });
}
