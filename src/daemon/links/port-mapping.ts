/**
 * Asks the gateway to let datagrams for our UDP port in, as long as the daemon runs:
 *
 *                 all refuse, or nobody answers
 *     searching ─────────────────────────────────> none ── after a while, or a network change ──> searching
 *         │ granted
 *         v              renewal fails, network change
 *       mapped ──────────────────────────────────> searching
 *         └── renewed at half its lifetime (RFC 6886, 3.3; RFC 6887, 11.2.1)
 *
 * Best effort: nothing is thrown, everything has a time limit, and a mapping is given back at the end.
 */
import type { Cancel, Clock } from '../../base/clock.ts';
import type { Endpoint } from '../../base/endpoint.ts';
import { describeError } from '../../base/pilot-error.ts';
import { isOuterAddress } from './outer-address.ts';
import type {
  MapperFactory,
  MappingGrant,
  MappingProtocol,
  MappingWish,
  PortMapper,
} from './port-mapper.ts';

/** Recommended by RFC 6886, 3.3. */
const LIFETIME_MS = 7_200_000;
/** A gateway that grants less is asked again no sooner than that. */
const MIN_RENEWAL_MS = 60_000;
/** Gateways are restarted and reconfigured, but seldom. */
const RETRY_MS = 15 * 60_000;
/** At stop; a mapping that is not given back ends with its lifetime. */
const RELEASE_TIMEOUT_MS = 1_000;
/** Of what a gateway says, which is whoever answered in this network. */
const MAX_REASON = 200;

export interface MappingFailure {
  readonly protocol: MappingProtocol;
  readonly reason: string;
}

export type PortMappingState =
  | { readonly status: 'stopped' | 'searching' }
  | { readonly status: 'none'; readonly failures: readonly MappingFailure[] }
  | { readonly status: 'mapped'; readonly protocol: MappingProtocol; readonly external: Endpoint };

export interface PortMappingOptions {
  readonly clock: Clock;
  /** Tried one after another. */
  readonly mappers: readonly MapperFactory[];
  /** Our UDP port. */
  readonly port: number;
  /** Called with each new state, also the last. Must not throw. */
  readonly changed: (state: PortMappingState) => void;
}

interface Lease {
  readonly mapper: PortMapper;
  readonly factory: MapperFactory;
  readonly wish: MappingWish;
}

export class PortMapping {
  readonly #options: PortMappingOptions;
  #state: PortMappingState = { status: 'stopped' };
  #lease: Lease | undefined;
  /** Aborted when this search or renewal is of no interest any more. */
  #run = new AbortController();
  #cancelTimer: Cancel = () => undefined;

  constructor(options: PortMappingOptions) {
    this.#options = options;
  }

  get state(): PortMappingState {
    return this.#state;
  }

  /** Begins; or, when it runs, begins anew: after a change of the network. */
  start(): void {
    this.#cancelTimer();
    this.#run.abort();
    this.#run = new AbortController();
    this.#lease = undefined;
    this.#change({ status: 'searching' });
    void this.#search(this.#run.signal);
  }

  /** Gives the mapping back, for a second at most. May be called twice; never rejects. */
  async stop(): Promise<void> {
    this.#cancelTimer();
    this.#run.abort();
    const lease = this.#lease;
    this.#lease = undefined;
    if (this.#state.status !== 'stopped') this.#change({ status: 'stopped' });
    if (lease !== undefined) await this.#release(lease);
  }

  async #search(run: AbortSignal): Promise<void> {
    const failures: MappingFailure[] = [];
    for (const factory of this.#options.mappers) {
      const reason = await this.#try(factory, run);
      if (run.aborted || reason === undefined) return;
      failures.push({ protocol: factory.protocol, reason });
    }
    this.#change({ status: 'none', failures });
    this.#after(RETRY_MS, () => {
      this.start();
    });
  }

  /** Why it did not work; undefined when it did. */
  async #try(factory: MapperFactory, run: AbortSignal): Promise<string | undefined> {
    const { port } = this.#options;
    const wish = { internalPort: port, externalPort: port, lifetimeMs: LIFETIME_MS };
    try {
      const mapper = await factory.make();
      const grant = await this.#within(factory.timeoutMs, run, async (signal) => {
        const granted = await mapper.map(wish, signal);
        // Nobody waits for it any more.
        if (signal.aborted) await this.#release(leaseFor({ mapper, factory, wish }, granted));
        return granted;
      });
      const lease = leaseFor({ mapper, factory, wish }, grant);
      const isCurrent = !run.aborted;
      if (isCurrent && isOuterAddress(grant.external)) this.#take(lease, grant);
      else await this.#release(lease);
      if (!isCurrent || this.#lease === lease) return undefined;
      return `${grant.external.host} is no address of the internet: another NAT is behind it`;
    } catch (error) {
      return describeError(error).slice(0, MAX_REASON);
    }
  }

  #take(lease: Lease, { external, lifetimeMs }: MappingGrant): void {
    this.#lease = lease;
    const { protocol } = lease.factory;
    const known = this.#state;
    const isKnown =
      known.status === 'mapped' &&
      known.external.host === external.host &&
      known.external.port === external.port;
    if (!isKnown) this.#change({ status: 'mapped', protocol, external });
    // No more than was asked for: gateways forget when they restart, and timers take 24 days.
    const renewalMs = Math.min(lifetimeMs, LIFETIME_MS) / 2;
    this.#after(Math.max(renewalMs, MIN_RENEWAL_MS), () => {
      void this.#renew(lease, this.#run.signal);
    });
  }

  async #renew(lease: Lease, run: AbortSignal): Promise<void> {
    const { mapper, factory, wish } = lease;
    try {
      const grant = await this.#within(factory.timeoutMs, run, async (signal) =>
        mapper.map(wish, signal),
      );
      if (run.aborted) return;
      if (!isOuterAddress(grant.external)) throw new Error('no outer address any more');
      this.#take(leaseFor(lease, grant), grant);
    } catch {
      if (!run.aborted) this.start();
    }
  }

  async #release({ mapper, wish }: Lease): Promise<void> {
    try {
      const never = new AbortController().signal;
      await this.#within(RELEASE_TIMEOUT_MS, never, async (signal) => mapper.release(wish, signal));
    } catch {
      // It ends with its lifetime.
    }
  }

  /** Also over when `work` does not heed its signal. */
  async #within<T>(
    ms: number,
    run: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    run.throwIfAborted();
    const limit = new AbortController();
    const abort = (): void => {
      limit.abort();
    };
    const cancelTimer = this.#options.clock.after(ms, abort);
    run.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([
        work(limit.signal),
        new Promise<never>((_, reject) => {
          limit.signal.addEventListener('abort', () => {
            reject(new Error(`no answer within ${ms} ms`));
          });
        }),
      ]);
    } finally {
      cancelTimer();
      run.removeEventListener('abort', abort);
    }
  }

  #change(state: PortMappingState): void {
    this.#state = state;
    this.#options.changed(state);
  }

  #after(ms: number, run: () => void): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.after(ms, run);
  }
}

function leaseFor(asked: Lease, { external }: MappingGrant): Lease {
  return { ...asked, wish: { ...asked.wish, externalPort: external.port } };
}
