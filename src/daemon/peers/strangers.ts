import { BoundedMap } from '../../base/bounded-map.ts';
import { toHex } from '../../base/bytes.ts';
import type { Clock } from '../../base/clock.ts';
import { TokenBucket } from '../../base/token-bucket.ts';
import type { KeyChain } from '../../identity/key-chain.ts';
import { encodeAppMessage, type MessageItem } from '../messages/app-message.ts';
import type { Postman } from '../relays/postman.ts';
import type { RelayPort } from '../relays/relay-port.ts';

/** Opening an envelope takes about a millisecond: strangers get at most a fiftieth of a core. */
const OPENED = { perSecond: 20, burst: 200 };
/** Each answer is an envelope: a node that floods gets a few, all of them together some more. */
const ANSWERED = { perSecond: 1, burst: 20 };
const ANSWERED_EACH = { perSecond: 1 / 600, burst: 2 };
const MAX_SENDERS = 1024;
/** Enough to tell what is wrong. */
const MAX_REFUSALS = 16;
const ANSWER_LIFE_MS = 86_400_000;

/** What nodes without our trust may cost: a little reading, and a short answer to some of them. */
export class Strangers {
  readonly #clock: Clock;
  readonly #postman: Postman;
  readonly #opened: TokenBucket;
  readonly #answered: TokenBucket;
  readonly #senders = new BoundedMap<string, TokenBucket>(MAX_SENDERS);

  constructor(clock: Clock, postman: Postman) {
    this.#clock = clock;
    this.#postman = postman;
    this.#opened = new TokenBucket(OPENED, clock.monotonic());
    this.#answered = new TokenBucket(ANSWERED, clock.monotonic());
  }

  mayBeOpened(): boolean {
    return this.#opened.take(this.#clock.monotonic());
  }

  /** Tells a sender that its messages need trust, unless it was told lately. */
  async refuse(
    relay: RelayPort,
    sender: KeyChain,
    messages: readonly MessageItem[],
  ): Promise<void> {
    const nowMs = this.#clock.monotonic();
    const key = toHex(sender.firstKey);
    const bucket = this.#senders.get(key) ?? new TokenBucket(ANSWERED_EACH, nowMs);
    this.#senders.set(key, bucket);
    if (!bucket.take(nowMs) || !this.#answered.take(nowMs)) return;
    const refusals = messages
      .slice(0, MAX_REFUSALS)
      .map(({ id, run }) => encodeAppMessage({ kind: 'refused', id, code: 'trust_required', run }));
    await this.#postman.put(relay, sender, refusals, this.#clock.now() + ANSWER_LIFE_MS);
  }
}
