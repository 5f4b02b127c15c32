/** Which ports of a host are probed. */
import { type RandomBytes, randomFraction } from '../base/random.ts';
import type { PortStep } from './nat-behaviour.ts';

/** NATs leave the ones below alone (RFC 4787, REQ-3). */
const LOWEST_PORT = 1024;
const HIGHEST_PORT = 65_535;

/** Each once; `count` is small against all that there are. */
export function randomPorts(random: RandomBytes, count: number): readonly number[] {
  const ports = new Set<number>();
  const all = HIGHEST_PORT - LOWEST_PORT + 1;
  while (ports.size < count) {
    ports.add(LOWEST_PORT + Math.floor(randomFraction(random) * all));
  }
  return [...ports];
}

/** The `count` that come next, as far as there are ports. */
export function nextPorts({ step, lastPort }: PortStep, count: number): readonly number[] {
  const next = Array.from({ length: count }, (_, i) => lastPort + (i + 1) * step);
  return next.filter((port) => port >= 1 && port <= HIGHEST_PORT);
}
