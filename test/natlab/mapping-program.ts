/**
 * A program in a namespace that asks the gateway for the UDP port of its first argument, as the daemon does, and prints
 * each state of the mapping, a JSON object a line. A line on stdin is a number of milliseconds by which time moves on:
 * renewals come after an hour. The end of stdin is its end; it gives the mapping back first.
 */
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';

import { systemClock } from '../../src/base/system-clock.ts';
import { gatewayMappers } from '../../src/daemon/links/gateway-mappers.ts';
import { PortMapping } from '../../src/daemon/links/port-mapping.ts';
import { ManualClock } from '../support/manual-clock.ts';

const clock = new ManualClock();
const mapping = new PortMapping({
  clock,
  mappers: gatewayMappers({ clock: systemClock, random: randomBytes }),
  port: Number(process.argv[2]),
  changed: (state) => {
    process.stdout.write(`${JSON.stringify(state)}\n`);
  },
});
mapping.start();
createInterface({ input: process.stdin })
  .on('line', (ms) => {
    clock.advance(Number(ms));
  })
  .on('close', () => {
    void mapping.stop();
  });
