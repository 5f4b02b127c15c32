import { toHex } from '../base/bytes.ts';
import type { Clock } from '../base/clock.ts';
import { describeError } from '../base/pilot-error.ts';
import type { Taken } from './control-message.ts';
import type { RelayLimits } from './limits.ts';
import type { Mailbox, StoredEnvelope } from './mailbox.ts';
import type { RelayLog } from './relay-log.ts';

export interface EnvelopePumpDeps {
  readonly mailbox: Mailbox;
  readonly limits: Pick<RelayLimits, 'maxUntakenEnvelopes' | 'maxUntakenBytes'>;
  readonly clock: Clock;
  readonly log: RelayLog;
  /** The recipient's first public key. */
  readonly recipient: Uint8Array;
  readonly send: (envelope: StoredEnvelope) => void;
}

/** A failed store is asked again after this; the node is told nothing, its envelopes only come later. */
const RETRY_MS = 5000;

/**
 * Sends a node its mailbox, oldest first and each envelope once per login, with a bounded number under
 * way: `taken` makes room for the next.
 */
export class EnvelopePump {
  readonly #deps: EnvelopePumpDeps;
  readonly #unsubscribe: () => void;
  readonly #untaken = new Map<string, number>();
  #untakenBytes = 0;
  #position = 0;
  #isReading = false;
  #mayHaveMore = true;
  #isStopped = false;

  constructor(deps: EnvelopePumpDeps) {
    this.#deps = deps;
    this.#unsubscribe = deps.mailbox.subscribe(deps.recipient, () => {
      this.#mayHaveMore = true;
      this.#pump();
    });
    this.#pump();
  }

  /** The node has it safe. Nothing is taken that was not sent in this login: a guess must not cost an fsync. */
  async taken({ from, id }: Pick<Taken, 'from' | 'id'>): Promise<void> {
    const { mailbox, recipient, log } = this.#deps;
    const key = idOf({ from, id });
    const bytes = this.#untaken.get(key);
    if (bytes === undefined) return;
    this.#untakenBytes -= bytes;
    this.#untaken.delete(key);
    this.#pump();
    try {
      await mailbox.take(recipient, { from, id });
    } catch (error) {
      // It is sent again at the next login, and the node knows it by its id.
      log.error({ reason: describeError(error) }, 'an envelope could not be removed');
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#unsubscribe();
  }

  #pump(): void {
    if (this.#isReading || !this.#mayHaveMore || this.#room().envelopes <= 0) return;
    this.#isReading = true;
    this.#mayHaveMore = false;
    void this.#readAndSend().finally(() => {
      this.#isReading = false;
      if (!this.#isStopped) this.#pump();
    });
  }

  async #readAndSend(): Promise<void> {
    const { mailbox, recipient, clock, send, log } = this.#deps;
    const page = { ...this.#room(), after: this.#position, nowMs: clock.now() };
    try {
      for (const envelope of await mailbox.list(recipient, page)) {
        if (this.#isStopped) return;
        this.#mayHaveMore = true;
        this.#position = envelope.position;
        this.#untaken.set(idOf(envelope), envelope.body.length);
        this.#untakenBytes += envelope.body.length;
        send(envelope);
      }
    } catch (error) {
      log.error({ reason: describeError(error) }, 'a mailbox could not be read');
      clock.after(RETRY_MS, () => {
        this.#mayHaveMore = true;
        if (!this.#isStopped) this.#pump();
      });
    }
  }

  /** How much may go out now; no bytes left is no room for an envelope either. */
  #room(): { readonly envelopes: number; readonly bytes: number } {
    const { maxUntakenEnvelopes, maxUntakenBytes } = this.#deps.limits;
    const bytes = maxUntakenBytes - this.#untakenBytes;
    const envelopes = bytes > 0 ? maxUntakenEnvelopes - this.#untaken.size : 0;
    return { envelopes, bytes };
  }
}

function idOf({ from, id }: Pick<StoredEnvelope, 'from' | 'id'>): string {
  return toHex(from) + toHex(id);
}
