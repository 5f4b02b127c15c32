import { equalBytes } from '../base/bytes.ts';
import type { Clock } from '../base/clock.ts';
import { describeError } from '../base/pilot-error.ts';
import { TokenBucket } from '../base/token-bucket.ts';
import { WireError } from '../base/wire-error.ts';
import { decodeNodeRecord } from '../identity/node-record.ts';
import type { Reply, ReplyCode, Request } from './control-message.ts';
import type { Directory } from './directory.ts';
import { BURST_SECONDS, maxBodyBytes, type RelayLimits } from './limits.ts';
import type { Mailbox } from './mailbox.ts';
import type { RelayCounters } from './relay-counters.ts';
import type { RelayLog } from './relay-log.ts';

const DAY_MS = 86_400_000;
/** How far a node's clock may be ahead: a record from the far future could not be replaced for as long. */
const MAX_CLOCK_SKEW_MS = 10 * 60_000;

export interface RequestDeps {
  readonly directory: Directory;
  readonly mailbox: Mailbox;
  readonly limits: RelayLimits;
  readonly clock: Clock;
  readonly counters: RelayCounters;
  readonly log: RelayLog;
}

export interface Requester {
  /** The node's first public key, proved at login. */
  readonly key: Uint8Array;
  /** The rate that its address shares with others. */
  mayPut(bytes: number): boolean;
}

/** Answers one node's requests. Whatever goes wrong becomes a code in the reply. */
export class RequestHandler {
  readonly #deps: RequestDeps;
  readonly #requester: Requester;
  readonly #requests: TokenBucket;
  readonly #publications: TokenBucket;
  readonly #puts: TokenBucket;

  constructor(deps: RequestDeps, requester: Requester) {
    this.#deps = deps;
    this.#requester = requester;
    const { limits, clock } = deps;
    const bucket = (perSecond: number): TokenBucket =>
      new TokenBucket({ perSecond, burst: perSecond * BURST_SECONDS }, clock.monotonic());
    this.#requests = bucket(limits.maxRequestsPerSecond);
    this.#publications = bucket(limits.maxPublicationsPerSecond);
    this.#puts = bucket(limits.maxPutsPerSecond);
  }

  async answer(request: Request): Promise<Reply> {
    const { counters, log } = this.#deps;
    try {
      const answer = await this.#answer(request);
      if (answer.code !== 'ok' && answer.code !== 'stored') counters.dropped(answer.code);
      return answer;
    } catch (error) {
      counters.dropped('store_failed');
      log.error({ request: request.t, reason: describeError(error) }, 'the store failed');
      return reply(request, 'unavailable');
    }
  }

  async #answer(request: Request): Promise<Reply> {
    if (!this.#mayAsk(request)) return reply(request, 'rate_limited');
    switch (request.t) {
      case 'ping':
        return reply(request, 'ok');
      case 'lookup': {
        const record = await this.#deps.directory.find(request.by);
        return { ...reply(request, 'ok'), record };
      }
      case 'publish':
        return reply(request, await this.#publish(request.record));
      case 'put':
        return reply(request, await this.#put(request));
    }
  }

  #mayAsk(request: Request): boolean {
    const nowMs = this.#deps.clock.monotonic();
    switch (request.t) {
      case 'ping':
      case 'lookup':
        return this.#requests.take(nowMs);
      case 'publish':
        return this.#publications.take(nowMs);
      case 'put':
        return this.#puts.take(nowMs) && this.#requester.mayPut(request.body.length);
    }
  }

  async #publish(bytes: Uint8Array): Promise<ReplyCode> {
    const { clock, directory } = this.#deps;
    const record = decodeRecord(bytes);
    const nowMs = clock.now();
    if (
      record === undefined ||
      !equalBytes(record.chain.firstKey, this.#requester.key) ||
      record.issuedAtMs > nowMs + MAX_CLOCK_SKEW_MS
    ) {
      return 'bad_record';
    }
    return directory.publish({ record, bytes }, nowMs);
  }

  async #put(request: Extract<Request, { t: 'put' }>): Promise<ReplyCode> {
    const { clock, counters, limits, mailbox } = this.#deps;
    const { to, id, body } = request;
    const atMs = clock.now();
    if (body.length > maxBodyBytes(limits)) return 'too_large';
    if (request.expiresAtMs <= atMs) return 'expired';
    const expiresAtMs = Math.min(request.expiresAtMs, atMs + limits.maxExpiryDays * DAY_MS);
    const from = this.#requester.key;
    const outcome = await mailbox.put({ to, from, id, atMs, expiresAtMs, body });
    if (outcome === 'stored') counters.envelopesStored += 1;
    return outcome;
  }
}

function reply(request: Request, code: ReplyCode): Reply {
  return { t: 'reply', n: request.n, code };
}

function decodeRecord(bytes: Uint8Array): ReturnType<typeof decodeNodeRecord> | undefined {
  try {
    return decodeNodeRecord(bytes);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
