import { BoundedMap } from '../../base/bounded-map.ts';
import type { IncomingMessage } from '../../client/client.ts';

/** Of at most 1 MiB each. */
const MAX_REPLIES = 16;

/**
 * Replies that somebody waited for. The inbox keeps none of them, so what of a long one was not shown yet is
 * read from here.
 */
export class KeptReplies {
  readonly #replies = new BoundedMap<string, IncomingMessage>(MAX_REPLIES);

  keep(reply: IncomingMessage): void {
    this.#replies.set(reply.id, reply);
  }

  find(id: string): IncomingMessage | undefined {
    return this.#replies.get(id.toLowerCase());
  }
}
