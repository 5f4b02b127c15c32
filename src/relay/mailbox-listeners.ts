import { byteKey } from './byte-key.ts';

/** Who wants to hear of new envelopes, by recipient: for mailboxes within one process. */
export class MailboxListeners {
  readonly #byRecipient = new Map<string, Set<() => void>>();

  subscribe(recipient: Uint8Array, onStored: () => void): () => void {
    const key = byteKey(recipient);
    const listeners = this.#byRecipient.get(key) ?? new Set();
    this.#byRecipient.set(key, listeners);
    listeners.add(onStored);
    return () => {
      listeners.delete(onStored);
      if (listeners.size === 0 && this.#byRecipient.get(key) === listeners) {
        this.#byRecipient.delete(key);
      }
    };
  }

  notify(recipient: Uint8Array): void {
    for (const listener of [...(this.#byRecipient.get(byteKey(recipient)) ?? [])]) listener();
  }
}
