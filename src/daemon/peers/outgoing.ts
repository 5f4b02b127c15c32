/**
 * The messages to one peer on their way out: the two runs they go in, how many may be under way, and
 * what the peer's answers mean for them.
 *
 *     delivered                      done
 *     refused for good               a dead letter: trust_required, expired, malformed, too_large
 *     refused for now, or `held`     both runs begin anew, after a pause; the one refused has used up
 *                                    one of its attempts, after the last of which it is a dead letter
 */
import { backoffDelay } from '../../base/backoff.ts';
import { Pause } from '../../base/pause.ts';
import { type AppMessage, encodeAppMessage } from '../messages/app-message.ts';
import { MessageRun } from '../messages/message-run.ts';
import type { OutboxEntry } from '../messages/outbox-entry.ts';
import { nodeIdOf } from '../names/peer-name.ts';
import type { PeerDeps } from './peer-deps.ts';

type OutgoingDeps = Pick<
  PeerDeps,
  'clock' | 'random' | 'log' | 'outbox' | 'retry' | 'trace' | 'roundTrip'
> & {
  /** Something may go out now. */
  readonly wake: () => void;
};

/** Under way in the session without a receipt: enough for a fast disk and a long line. */
const MAX_IN_FLIGHT = 1024;
const MAX_IN_FLIGHT_BYTES = 8 * 2 ** 20;
/** Another stream was refused and told so; that answer is on its way or was lost. */
const HELD_PAUSE_MS = 1000;
/**
 * Three keep-alives of a session find out whether the peer is there; it is, and says nothing of messages
 * it has. Whatever became of its receipts, it answers again to what comes again.
 */
const RECEIPT_PATIENCE_MS = 30_000;
const REFUSED_FOR_GOOD: ReadonlySet<string> = new Set([
  'trust_required',
  'expired',
  'malformed',
  'too_large',
]);

export class Outgoing {
  readonly sessionRun: MessageRun;
  readonly mailboxRun: MessageRun;
  readonly #deps: OutgoingDeps;
  readonly #peer: string;
  readonly #hold: Pause;
  /** Runs while messages are under way in the session. */
  readonly #patience: Pause;
  readonly #inFlight = new Map<OutboxEntry, number>();
  #inFlightBytes = 0;

  constructor(peer: string, deps: OutgoingDeps) {
    this.#peer = peer;
    this.#deps = deps;
    this.#hold = new Pause(deps.clock, deps.wake);
    this.#patience = new Pause(deps.clock, () => {
      this.#onNoReceipt();
    });
    this.sessionRun = new MessageRun(deps.outbox, peer, deps.random);
    this.mailboxRun = new MessageRun(deps.outbox, peer, deps.random);
  }

  /** No messages for now: one was refused a moment ago. */
  get isHeld(): boolean {
    return this.#hold.isRunning;
  }

  /** There are messages, and they may go out. */
  get hasMessages(): boolean {
    return !this.isHeld && this.#deps.outbox.queueOf(this.#peer) !== undefined;
  }

  /** Some went into the session and have no receipt. */
  get hasUnderWay(): boolean {
    return this.#inFlight.size > 0;
  }

  isOnDisk(entry: OutboxEntry): boolean {
    return this.#deps.outbox.isOnDisk(entry);
  }

  /** The message as it goes out; undefined when its payload is lost: it is a dead letter then. */
  encode(entry: OutboxEntry, run: MessageRun): Uint8Array | undefined {
    const payload = this.#deps.outbox.payloadOf(entry);
    if (payload === undefined) {
      this.#kill(entry, 'payload_lost');
      return undefined;
    }
    return encodeAppMessage({
      kind: 'message',
      id: entry.id,
      correlationId: entry.correlationId,
      replyTo: entry.replyTo,
      type: entry.type,
      payload,
      sentAtMs: entry.createdAtMs,
      expiresAtMs: entry.expiresAtMs,
      run: run.number,
    });
  }

  hasRoomFor(entry: OutboxEntry): boolean {
    if (this.#fits(entry)) return true;
    // Some may have expired or been dropped without an answer; those behind one that waits are found later.
    for (const other of this.#inFlight.keys()) {
      if (isOnItsWay(other)) break;
      this.#landed(other);
    }
    return this.#fits(entry);
  }

  /** It went into the session. */
  sent(entry: OutboxEntry): void {
    this.sessionRun.advance(entry);
    this.#inFlight.set(entry, this.#deps.clock.monotonic());
    this.#inFlightBytes += entry.bytes;
    if (!this.#patience.isRunning) this.#patience.start(RECEIPT_PATIENCE_MS);
    this.#deps.outbox.markSent(entry);
    this.#deps.log.debug(this.#deps.trace(entry), 'message sent');
  }

  stored(entries: readonly OutboxEntry[], relay: string): void {
    this.#deps.outbox.markStored(entries, relay);
    for (const entry of entries) {
      this.#deps.log.debug({ ...this.#deps.trace(entry), relay }, 'message stored at a relay');
    }
  }

  /** The session is over, or begins anew: what it carried goes out again. */
  sessionEnded(reason: string): void {
    this.sessionRun.restart();
    const entries = [...this.#inFlight.keys()];
    this.#inFlight.clear();
    this.#inFlightBytes = 0;
    this.#patience.end();
    for (const entry of entries) this.#deps.outbox.markQueued(entry, reason);
  }

  delivered(ids: readonly string[]): void {
    for (const id of ids) {
      const entry = this.#deps.outbox.markDelivered(id, this.#peer);
      if (entry === undefined) continue;
      const sentMs = this.#inFlight.get(entry);
      this.#landed(entry);
      if (sentMs !== undefined) this.#deps.roundTrip(this.#deps.clock.monotonic() - sentMs);
      this.#deps.log.info(this.#deps.trace(entry), 'message delivered');
    }
    this.#patience.end();
    if (this.#inFlight.size > 0) this.#patience.start(RECEIPT_PATIENCE_MS);
    this.#deps.wake();
  }

  /** The peer refused a message. What an earlier run was told is not news. */
  refused({ id, code, run }: Extract<AppMessage, { kind: 'refused' }>): void {
    const entry = this.#deps.outbox.find(id);
    if (entry?.peer !== this.#peer || !isOnItsWay(entry)) return;
    if (REFUSED_FOR_GOOD.has(code)) {
      this.#landed(entry);
      this.#kill(entry, code);
      this.#deps.wake();
    } else if (run === this.sessionRun.number || run === this.mailboxRun.number) {
      this.#beginAgain(entry, code);
    }
  }

  /** The peer refused a session, or a relay an envelope: that hits the first message. */
  refusedFirst(code: string): void {
    const first = this.#deps.outbox.queueOf(this.#peer)?.first;
    if (first !== undefined) this.#beginAgain(first, code);
  }

  stop(): void {
    this.#hold.end();
    this.#patience.end();
  }

  #onNoReceipt(): void {
    if (this.#inFlight.size === 0) return;
    const { log } = this.#deps;
    log.warn(
      { peer: nodeIdOf(this.#peer), messages: this.#inFlight.size },
      'no receipts: sent again',
    );
    this.sessionEnded('no receipt yet');
    this.#deps.wake();
  }

  #beginAgain(entry: OutboxEntry, code: string): void {
    const { log, outbox, random, retry, trace } = this.#deps;
    log.info({ ...trace(entry), code }, 'message refused for now');
    if (code === 'held') {
      this.#hold.start(HELD_PAUSE_MS);
    } else if (entry.attempts + 1 >= retry.maxAttempts) {
      this.#landed(entry);
      this.#kill(entry, code);
    } else {
      this.#hold.start(backoffDelay(retry, entry.attempts, random));
      outbox.countAttempt(entry, code);
    }
    this.mailboxRun.restart();
    this.sessionEnded('waits to be sent again');
    this.#deps.wake();
  }

  #fits({ bytes }: OutboxEntry): boolean {
    if (this.#inFlight.size === 0) return true;
    return (
      this.#inFlight.size < MAX_IN_FLIGHT && this.#inFlightBytes + bytes <= MAX_IN_FLIGHT_BYTES
    );
  }

  #landed(entry: OutboxEntry): void {
    if (this.#inFlight.delete(entry)) this.#inFlightBytes -= entry.bytes;
  }

  #kill(entry: OutboxEntry, reason: string): void {
    this.#deps.log.warn({ ...this.#deps.trace(entry), reason }, 'message is a dead letter');
    this.#deps.outbox.kill(entry, reason);
  }
}

function isOnItsWay({ state }: OutboxEntry): boolean {
  return state === 'queued' || state === 'sent' || state === 'stored';
}
