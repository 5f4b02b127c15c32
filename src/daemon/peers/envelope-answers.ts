/**
 * Answers to what came in an envelope go back in an envelope, and the first one stays at its relay until
 * that has the second: the answers need no place on this host, and a crash loses none.
 *
 *     envelope ──> messages on disk ──> answers ──put──> at the relay ──> taken
 *                                                  └─ it did not take them ──> to the peer's others, taken
 *
 * One put at a time for a sender; what is answered meanwhile shares the next.
 */
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../log/log.ts';
import { type Answers, ANSWERS_LIFE_MS } from '../messages/answers.ts';
import { type AppMessage, encodeAppMessage } from '../messages/app-message.ts';
import { nodeIdOf } from '../names/peer-name.ts';
import type { Postman } from '../relays/postman.ts';
import type { RelayPort } from '../relays/relay-port.ts';
import type { TrustStore } from '../trust/trust-store.ts';

export interface EnvelopeAnswersDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly postman: Postman;
  readonly store: TrustStore;
  /** What the peer has to hear first, if anything. */
  readonly acceptanceFor: (peer: string) => AppMessage | undefined;
  /** They could not be left: they wait with what else this peer is to be told. */
  readonly notLeft: (peer: string, answers: Answers) => void;
}

interface Batch {
  readonly answers: Answers;
  readonly settled: Promise<void>;
}

/** Receipts for 8192 messages; an envelope has room for 256 items. */
const MAX_ITEMS = 128;

export class EnvelopeAnswers {
  readonly #deps: EnvelopeAnswersDeps;
  /** By sender and relay: the last batch, and the one that has not begun. */
  readonly #last = new Map<string, Promise<void>>();
  readonly #next = new Map<string, Batch>();

  constructor(deps: EnvelopeAnswersDeps) {
    this.#deps = deps;
  }

  /** Takes the answers over. Resolves when the relay has them, or could not take them. */
  async leave(relay: RelayPort, peer: string, answers: Answers): Promise<void> {
    if (answers.isEmpty) return;
    const key = `${peer} ${relay.url}`;
    const next = this.#next.get(key);
    if (next !== undefined) {
      next.answers.absorb(answers);
      return next.settled;
    }
    const settled = (this.#last.get(key) ?? Promise.resolve()).then(async () => {
      this.#next.delete(key);
      await this.#put(relay, peer, answers);
      if (this.#last.get(key) === settled) this.#last.delete(key);
    });
    this.#next.set(key, { answers, settled });
    this.#last.set(key, settled);
    return settled;
  }

  async #put(relay: RelayPort, peer: string, answers: Answers): Promise<void> {
    const { acceptanceFor, clock, log, notLeft, postman, store } = this.#deps;
    while (!answers.isEmpty) {
      const record = store.get(peer);
      if (record?.state !== 'trusted') break;
      const taken = answers.take(MAX_ITEMS);
      const acceptance = acceptanceFor(peer);
      const items = acceptance === undefined ? taken : [acceptance, ...taken];
      try {
        const expiresAtMs = clock.now() + ANSWERS_LIFE_MS;
        await postman.put(relay, record.chain, items.map(encodeAppMessage), expiresAtMs);
      } catch (error) {
        answers.putBack(taken);
        log.debug(
          { err: error, relay: relay.url, peer: nodeIdOf(peer) },
          'a relay did not take answers',
        );
        break;
      }
    }
    if (!answers.isEmpty) notLeft(peer, answers);
  }
}
