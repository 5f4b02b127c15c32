/** Messages of the data exchange on their way into the inbox, where they are like any other. */
import type { Clock } from '../../base/clock.ts';
import type { RandomBytes } from '../../base/random.ts';
import type { Inbox } from '../messages/inbox.ts';
import type { Messages } from '../messages/messages.ts';
import type { Outbox } from '../messages/outbox.ts';
import { newUuid } from '../messages/uuid-bytes.ts';
import type { ExchangeMessage } from './data-exchange-message.ts';

export type ExchangeAcceptance = 'stored' | 'duplicate' | 'inbox_full' | 'inbox_unavailable';

export interface ExchangeInboxDeps {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly inbox: Pick<Inbox, 'accept'>;
  readonly outbox: Pick<Outbox, 'find'>;
  readonly messages: Pick<Messages, 'isAwaited'>;
}

/** How long the same id from the same sender is the same message (pilotctl interface 2.9); the inbox adds a day. */
const DUPLICATE_MS = 600_000;

export class ExchangeInbox {
  readonly #deps: ExchangeInboxDeps;

  constructor(deps: ExchangeInboxDeps) {
    this.#deps = deps;
  }

  /** Resolves when it is on disk, or will not be. */
  async accept(sender: string, message: ExchangeMessage): Promise<ExchangeAcceptance> {
    const { clock, random, inbox, messages, outbox } = this.#deps;
    const { type, payload, replyTo } = message;
    const asked = replyTo === '' ? undefined : outbox.find(replyTo);
    const nowMs = clock.now();
    const item = {
      kind: 'message',
      id: message.id ?? newUuid(clock, random),
      // An answer inherits the id by which its question is known; somebody may wait for it.
      correlationId: asked?.peer === sender ? asked.correlationId : newUuid(clock, random),
      ...{ type, payload, replyTo },
      ...{ sentAtMs: nowMs, expiresAtMs: nowMs + DUPLICATE_MS, run: 0 },
    } as const;
    const accepted = await inbox.accept(sender, item, messages.isAwaited(sender, item));
    return accepted.kind === 'refused' ? accepted.code : accepted.kind;
  }
}
