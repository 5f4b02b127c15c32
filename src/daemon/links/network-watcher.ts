/**
 * Tells when the addresses of this host have changed. A change comes in pieces (an address goes, a route, the
 * next address), so it is told when it has been quiet for a while, and only if something is different then.
 */
import { networkInterfaces } from 'node:os';

import type { Cancel, Clock } from '../../base/clock.ts';

export interface InterfaceAddress {
  readonly name: string;
  readonly host: string;
  readonly family: 4 | 6;
  /** Loopback. */
  readonly internal: boolean;
}

/** Where the addresses come from. `watch` may tell of no change at all. */
export interface InterfaceSource {
  watch(changed: (addresses: readonly InterfaceAddress[]) => void): {
    readonly current: readonly InterfaceAddress[];
    readonly stop: Cancel;
  };
}

/** DHCP after a link comes up takes longer; two of its steps are closer together. */
const QUIET_MS = 250;
/** A network that never comes to rest is told of all the same. */
const MAX_WAIT_MS = 1000;

/** Node is told of no changes. With the time after it that is a second and a half, of 3 s to be back at a relay. */
const LOOK_EVERY_MS = 1000;
/** 0.05 ms where there are a few, milliseconds on a host of a hundred containers: a thousandth of the processor. */
const LOOK_COST_SHARE = 1 / 1000;

/** The system's own. What cannot be listed later on is as before. */
export const systemInterfaces: InterfaceSource = {
  watch(changed) {
    let current = listInterfaces();
    let timer: NodeJS.Timeout;
    const look = (): void => {
      const startMs = performance.now();
      const before = current;
      try {
        current = listInterfaces();
      } catch {
        // Then it is as before.
      }
      const costMs = performance.now() - startMs;
      timer = setTimeout(look, Math.max(LOOK_EVERY_MS, costMs / LOOK_COST_SHARE)).unref();
      if (textOf(current) !== textOf(before)) changed(current);
    };
    timer = setTimeout(look, LOOK_EVERY_MS).unref();
    return {
      current,
      stop: () => {
        clearTimeout(timer);
      },
    };
  },
};

function listInterfaces(): InterfaceAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
    addresses.map(({ address: host, family, internal }) => {
      return { name, host, family: family === 'IPv4' ? 4 : 6, internal };
    }),
  );
}

export class NetworkWatcher {
  readonly #clock: Clock;
  readonly #changed: (addresses: readonly InterfaceAddress[]) => void;
  readonly #stop: Cancel;
  #told: readonly InterfaceAddress[];
  #current: readonly InterfaceAddress[];
  #cancelTelling: Cancel | undefined;
  #firstChangeMs = 0;

  constructor(
    source: InterfaceSource,
    clock: Clock,
    changed: (addresses: readonly InterfaceAddress[]) => void,
  ) {
    this.#clock = clock;
    this.#changed = changed;
    const { current, stop } = source.watch((addresses) => {
      this.#note(addresses);
    });
    this.#told = current;
    this.#current = current;
    this.#stop = stop;
  }

  get addresses(): readonly InterfaceAddress[] {
    return this.#current;
  }

  stop(): void {
    this.#cancelTelling?.();
    this.#stop();
  }

  #note(addresses: readonly InterfaceAddress[]): void {
    this.#current = addresses;
    const nowMs = this.#clock.monotonic();
    if (this.#cancelTelling === undefined) this.#firstChangeMs = nowMs;
    this.#cancelTelling?.();
    const leftMs = this.#firstChangeMs + MAX_WAIT_MS - nowMs;
    this.#cancelTelling = this.#clock.after(Math.min(QUIET_MS, leftMs), () => {
      this.#tell();
    });
  }

  #tell(): void {
    this.#cancelTelling = undefined;
    if (textOf(this.#current) === textOf(this.#told)) return;
    this.#told = this.#current;
    this.#changed(this.#current);
  }
}

/** The system lists them in any order. */
function textOf(addresses: readonly InterfaceAddress[]): string {
  return addresses
    .map(({ name, host }) => `${name} ${host}`)
    .sort()
    .join('\n');
}
