/**
 * Fills a peer's mailbox at one relay while the peer is away: one envelope at a time, so that a message
 * never overtakes an earlier one, each with up to 64 messages or 256 KiB.
 *
 *     idle ──pump──> putting ──stored──> idle, and on with the next
 *                       └─ no room, too large, relay gone ──> idle; the owner decides when again
 */
import type { Answers } from '../messages/answers.ts';
import { type AppMessage, encodeAppMessage } from '../messages/app-message.ts';
import type { OutboxEntry } from '../messages/outbox-entry.ts';
import type { Outgoing } from './outgoing.ts';
import type { Mailbox } from './peer-deps.ts';

export interface MailboxPumpDeps {
  readonly outgoing: Outgoing;
  /** The relay to use now; undefined: none, or the peer is reached otherwise. */
  readonly mailbox: () => Mailbox | undefined;
  readonly answers: Answers;
  /** What the peer has to hear first, if anything. */
  readonly acceptance: () => AppMessage | undefined;
  readonly answersExpireAtMs: () => number;
  readonly stored: () => void;
  /** The relay did not take an envelope. */
  readonly failed: (code: string) => void;
}

export const MAX_BATCH_MESSAGES = 64;
/** A larger message goes alone. */
export const MAX_BATCH_BYTES = 256 * 1024;

/** Of 64 receipts each. */
const MAX_ANSWER_ITEMS = 32;

export class MailboxPump {
  readonly #deps: MailboxPumpDeps;
  #isBusy = false;
  #isStopped = false;
  #place = '';
  /** Smaller after the relay found an envelope too large. */
  #maxMessages = MAX_BATCH_MESSAGES;
  /** Too large for this relay even alone: it waits until the peer is there, and the others with it. */
  #tooLarge: OutboxEntry | undefined;

  constructor(deps: MailboxPumpDeps) {
    this.#deps = deps;
  }

  pump(): void {
    if (this.#isBusy || this.#isStopped) return;
    const mailbox = this.#deps.mailbox();
    if (mailbox === undefined) return;
    if (mailbox.place !== this.#place) {
      this.#place = mailbox.place;
      this.#maxMessages = MAX_BATCH_MESSAGES;
      this.#tooLarge = undefined;
      this.#deps.outgoing.mailboxRun.restart();
    }
    const entries = this.#nextBatch();
    const answers = this.#deps.answers.take(MAX_ANSWER_ITEMS);
    if (entries.length + answers.length === 0) return;
    this.#isBusy = true;
    void this.#put(mailbox, entries, answers);
  }

  /** For good. What is under way is the last. */
  stop(): void {
    this.#isStopped = true;
  }

  #nextBatch(): OutboxEntry[] {
    const { outgoing } = this.#deps;
    const { isHeld, mailboxRun } = outgoing;
    if (isHeld || (this.#tooLarge !== undefined && this.#tooLarge === mailboxRun.next)) return [];
    let bytes = 0;
    return mailboxRun.take(this.#maxMessages, (entry) => {
      // Nobody waits here: what its caller may yet be told to have failed stays at home.
      if (!outgoing.isOnDisk(entry)) return false;
      bytes += entry.bytes;
      return bytes === entry.bytes || bytes <= MAX_BATCH_BYTES;
    });
  }

  async #put(
    mailbox: Mailbox,
    entries: readonly OutboxEntry[],
    answers: readonly AppMessage[],
  ): Promise<void> {
    const { outgoing } = this.#deps;
    const { mailboxRun } = outgoing;
    const run = mailboxRun.number;
    let failure: string | undefined;
    try {
      const messages = entries.map((entry) => outgoing.encode(entry, mailboxRun));
      const acceptance = this.#deps.acceptance();
      const first = acceptance === undefined ? answers : [acceptance, ...answers];
      const items = [...first.map(encodeAppMessage), ...messages.filter((m) => m !== undefined)];
      const expiriesMs = entries.map((entry) => entry.expiresAtMs);
      if (answers.length > 0) expiriesMs.push(this.#deps.answersExpireAtMs());
      await mailbox.put(items, Math.max(...expiriesMs));
      const last = entries.at(-1);
      if (last !== undefined && mailboxRun.number === run) mailboxRun.advance(last);
      outgoing.stored(entries, mailbox.url);
      this.#deps.stored();
    } catch (error) {
      this.#deps.answers.putBack(answers);
      failure = codeOf(error);
    }
    this.#isBusy = false;
    if (this.#isStopped) return;
    if (failure === undefined) this.pump();
    else this.#onFailure(failure, entries, mailboxRun.number === run);
  }

  #onFailure(code: string, entries: readonly OutboxEntry[], isCurrentRun: boolean): void {
    const [first, second] = entries;
    if (code === 'too_large' && first !== undefined) {
      if (second === undefined) this.#tooLarge = first;
      else this.#maxMessages = Math.ceil(entries.length / 2);
      this.pump();
      return;
    }
    // The pause first: a message that may be sent again at once must not meet the same full mailbox.
    this.#deps.failed(code);
    if (code === 'mailbox_full' && first !== undefined && isCurrentRun) {
      this.#deps.outgoing.refusedFirst(code);
    }
  }
}

function codeOf(error: unknown): string {
  const { code } = Object(error) as { code?: unknown };
  return typeof code === 'string' ? code : 'internal';
}
