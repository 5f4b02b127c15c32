import { fitsEarly } from '../../session/initiator.ts';
import type { Session } from '../../session/session.ts';
import type { Answers } from '../messages/answers.ts';
import { type AppMessage, decodeAppMessage, encodeAppMessage } from '../messages/app-message.ts';
import type { OutboxEntry } from '../messages/outbox-entry.ts';
import { PathItemQueue } from '../paths/path-item-queue.ts';
import type { PathItem } from '../paths/path-message.ts';
import type { Outgoing } from './outgoing.ts';

export interface SessionPumpDeps {
  readonly session: Session;
  readonly answers: Answers;
  readonly outgoing: Outgoing;
  /** What the peer has to hear first, if anything. */
  readonly acceptance: () => AppMessage | undefined;
  /** False: the session is there for everything else. */
  readonly mayCarryMessages: () => boolean;
}

/** Receipts for 512 messages; more of them wait for the open session. */
const MAX_EARLY_ANSWERS = 8;
const MAX_EARLY_MESSAGES = 64;

/** Fills a peer's session: answers first, then messages in order, as many as its windows take. */
export class SessionPump {
  readonly #deps: SessionPumpDeps;
  /** What the peer is told beside messages, and waits for room. Means nothing in another session. */
  readonly #told = new PathItemQueue();
  /** What went into the handshake that is under way. */
  #early: { readonly answers: AppMessage[]; readonly entries: OutboxEntry[] } | undefined;

  constructor(deps: SessionPumpDeps) {
    this.#deps = deps;
  }

  /** Starts the handshake; the first messages travel in it, which saves them a round trip. */
  open(): void {
    const { answers, outgoing, session } = this.#deps;
    const acceptance = this.#deps.acceptance();
    const taken = answers.take(MAX_EARLY_ANSWERS);
    const items = [...(acceptance === undefined ? [] : [acceptance]), ...taken].map(
      encodeAppMessage,
    );
    const entries: OutboxEntry[] = [];
    outgoing.sessionRun.restart();
    if (!outgoing.isHeld && this.#deps.mayCarryMessages()) {
      outgoing.sessionRun.take(MAX_EARLY_MESSAGES, (entry) => {
        // What cannot fit need not be read from the disk.
        if (!fitsEarly([...items, new Uint8Array(entry.bytes)])) return false;
        const item = outgoing.encode(entry, outgoing.sessionRun);
        if (item === undefined || !fitsEarly([...items, item])) return false;
        items.push(item);
        entries.push(entry);
        return true;
      });
    }
    this.#early = { answers: taken, entries };
    for (const entry of entries) outgoing.sent(entry);
    session.open(items);
  }

  /** For this session alone; nothing when there is none. */
  tell(item: PathItem): void {
    if (this.#deps.session.state !== 'open') return;
    this.#told.push(item);
    this.#pumpTold();
  }

  /** The session is open. What went early is there, or goes out again. */
  opened(earlyDelivered: boolean): void {
    const early = this.#early;
    this.#early = undefined;
    if (earlyDelivered) return;
    if (early !== undefined) this.#deps.answers.putBack(early.answers);
    this.#deps.outgoing.sessionEnded('');
  }

  /**
   * The handshake failed, or the session is over: `unacknowledged` went into it. Messages go out again
   * from the outbox; answers are nowhere else, and the peer may have begun another session with the very
   * messages they answer, which it does not repeat.
   */
  ended(unacknowledged: readonly Uint8Array[] = []): void {
    this.#deps.answers.putBack(unacknowledged.map(decodeAppMessage).filter(isAnswer));
    if (this.#early !== undefined) this.#deps.answers.putBack(this.#early.answers);
    this.#early = undefined;
    this.#told.clear();
    // Where messages wait for another path, that is the reason.
    this.#deps.outgoing.sessionEnded(this.#deps.mayCarryMessages() ? 'the session ended' : '');
  }

  pump(): void {
    if (!this.#pumpTold() || !this.#pumpAnswers()) return;
    if (this.#deps.mayCarryMessages()) this.#pumpMessages();
  }

  #pumpTold(): boolean {
    for (;;) {
      const item = this.#told.first;
      if (item === undefined) return true;
      if (!this.#deps.session.send(encodeAppMessage(item))) return false;
      this.#told.shift();
    }
  }

  #pumpAnswers(): boolean {
    const { answers, session } = this.#deps;
    while (!answers.isEmpty) {
      const taken = answers.take(1);
      if (!taken.every((item) => session.send(encodeAppMessage(item)))) {
        answers.putBack(taken);
        return false;
      }
    }
    return true;
  }

  #pumpMessages(): void {
    const { outgoing, session } = this.#deps;
    const { sessionRun } = outgoing;
    for (let next = sessionRun.next; next !== undefined; next = sessionRun.next) {
      if (outgoing.isHeld || !outgoing.hasRoomFor(next)) return;
      const item = outgoing.encode(next, sessionRun);
      if (item === undefined) continue;
      if (!session.send(item)) return;
      outgoing.sent(next);
    }
  }
}

function isAnswer(item: AppMessage | undefined): item is AppMessage {
  return item?.kind === 'delivered' || item?.kind === 'refused';
}
