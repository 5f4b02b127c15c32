import { BoundedMap } from '../base/bounded-map.ts';
import type { Clock } from '../base/clock.ts';
import { networkOf } from '../base/ip-address.ts';
import { TokenBucket } from '../base/token-bucket.ts';
import { BURST_SECONDS, type RelayLimits } from './limits.ts';

/** What one host is likely to own: an IPv6 host picks addresses in its /64 as it likes. */
const HOST_BITS = { v4: 32, v6: 64 };
/** What one party is likely to own. */
const PREFIX_BITS = { v4: 24, v6: 48 };
/** Prefixes whose rates are remembered; the one not heard of for longest is forgotten first. */
const MAX_PREFIXES = 10_000;

interface Open {
  connections: number;
  unauthenticated: number;
}

interface Rates {
  readonly logins: TokenBucket;
  readonly puts: TokenBucket;
  readonly putBytes: TokenBucket;
}

/** Counts connections by IP address and costly actions by prefix: an identity costs nothing, addresses do. */
export class Sources {
  readonly #limits: RelayLimits;
  readonly #clock: Clock;
  readonly #open = new Map<string, Open>();
  readonly #rates = new BoundedMap<string, Rates>(MAX_PREFIXES);
  #connections = 0;
  #unauthenticated = 0;

  constructor(limits: RelayLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  get connections(): number {
    return this.#connections;
  }

  get unauthenticated(): number {
    return this.#unauthenticated;
  }

  /** Counts a new connection, not logged in; undefined when there are too many already. */
  enter(address: string): SourceSlot | undefined {
    const host = networkOf(address, HOST_BITS);
    const open = this.#open.get(host) ?? { connections: 0, unauthenticated: 0 };
    const limits = this.#limits;
    if (
      this.#connections >= limits.maxConnections ||
      this.#unauthenticated >= limits.maxUnauthenticated ||
      open.connections >= limits.maxConnectionsPerIp ||
      open.unauthenticated >= limits.maxUnauthenticatedPerIp
    ) {
      return undefined;
    }
    this.#open.set(host, open);
    this.#connections += 1;
    this.#unauthenticated += 1;
    open.connections += 1;
    open.unauthenticated += 1;
    return this.#slot({ address, host }, open);
  }

  #slot({ address, host }: { address: string; host: string }, open: Open): SourceSlot {
    let state: 'unauthenticated' | 'authenticated' | 'left' = 'unauthenticated';
    const authenticate = (): void => {
      if (state !== 'unauthenticated') return;
      state = 'authenticated';
      this.#unauthenticated -= 1;
      open.unauthenticated -= 1;
    };
    const prefix = networkOf(address, PREFIX_BITS);
    return {
      address,
      authenticate,
      leave: () => {
        authenticate();
        if (state === 'left') return;
        state = 'left';
        this.#connections -= 1;
        open.connections -= 1;
        if (open.connections === 0) this.#open.delete(host);
      },
      mayLogIn: () => this.#ratesOf(prefix).logins.take(this.#clock.monotonic()),
      mayPut: (bytes) => this.#mayPut(this.#ratesOf(prefix), bytes),
    };
  }

  #mayPut({ puts, putBytes }: Rates, bytes: number): boolean {
    const nowMs = this.#clock.monotonic();
    return puts.take(nowMs) && putBytes.take(nowMs, bytes);
  }

  #ratesOf(prefix: string): Rates {
    const known = this.#rates.get(prefix);
    const limits = this.#limits;
    const bucket = (perSecond: number): TokenBucket =>
      new TokenBucket({ perSecond, burst: perSecond * BURST_SECONDS }, this.#clock.monotonic());
    const rates = known ?? {
      logins: bucket(limits.maxLoginsPerSecondPerPrefix),
      puts: bucket(limits.maxPutsPerSecondPerPrefix),
      putBytes: bucket(limits.maxPutBytesPerSecondPerPrefix),
    };
    this.#rates.set(prefix, rates);
    return rates;
  }
}

/** One connection's place in the counts. */
export interface SourceSlot {
  readonly address: string;
  /** It has logged in. */
  authenticate(): void;
  leave(): void;
  mayLogIn(): boolean;
  mayPut(bytes: number): boolean;
}
