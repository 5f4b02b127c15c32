import { WireError } from '../../base/wire-error.ts';
import type { KeyChain } from '../../identity/key-chain.ts';
import type { Answers } from '../messages/answers.ts';
import { type AppMessage, decodeAppMessage, type MessageItem } from '../messages/app-message.ts';
import type { Incoming } from '../messages/incoming.ts';
import type { PathItem } from '../paths/path-message.ts';
import type { Outgoing } from './outgoing.ts';
import type { PeerDeps } from './peer-deps.ts';

export interface ReceptionDeps extends Pick<
  PeerDeps,
  'isTrusted' | 'hear' | 'confirmed' | 'dropped'
> {
  readonly incoming: Incoming;
  readonly outgoing: Outgoing;
  /** What the peer says of a direct path. */
  readonly path: (item: PathItem) => void;
}

/** Gives what a peer tells us, by whatever way it came, to whom it concerns. */
export class Reception {
  readonly #deps: ReceptionDeps;
  readonly #peer: string;

  constructor(peer: string, deps: ReceptionDeps) {
    this.#peer = peer;
    this.#deps = deps;
  }

  /** Resolves when what follows from it is on disk, and `answers` has what to say of messages. */
  async receive(chain: KeyChain, bodies: readonly Uint8Array[], answers: Answers): Promise<void> {
    const messages: MessageItem[] = [];
    const heard: Promise<void>[] = [];
    for (const body of bodies) {
      const item = this.#decode(body);
      if (item?.kind !== 'message') heard.push(this.#hear(chain, item));
      else if (this.#deps.isTrusted(this.#peer)) messages.push(item);
      else this.#refuseUntrusted(item, answers);
    }
    if (messages.length > 0) heard.push(this.#deps.incoming.push(messages, answers));
    await Promise.all(heard);
  }

  #decode(body: Uint8Array): AppMessage | undefined {
    try {
      const item = decodeAppMessage(body);
      if (item === undefined) this.#deps.dropped('unknown_item');
      return item;
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#deps.dropped('malformed_item');
      return undefined;
    }
  }

  async #hear(chain: KeyChain, item: Exclude<AppMessage, MessageItem> | undefined): Promise<void> {
    switch (item?.kind) {
      case 'request':
      case 'accept':
      case 'reject':
      case 'revoke':
        return this.#deps.hear(chain, item);
      case 'delivered':
        this.#deps.confirmed(this.#peer);
        this.#deps.outgoing.delivered(item.ids);
        return;
      case 'refused':
        this.#deps.outgoing.refused(item);
        return;
      case 'path':
        this.#deps.path(item);
        return;
      case undefined:
    }
  }

  #refuseUntrusted(item: MessageItem, answers: Answers): void {
    this.#deps.dropped('untrusted');
    answers.refused(item.id, 'trust_required', item.run);
  }
}
