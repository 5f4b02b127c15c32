/** A sealed envelope on its way to a node that may be offline. What is inside, the relay cannot know. */
export interface EnvelopePut {
  readonly to: Uint8Array;
  readonly from: Uint8Array;
  readonly id: Uint8Array;
  readonly atMs: number;
  readonly expiresAtMs: number;
  readonly body: Uint8Array;
}

export interface StoredEnvelope {
  /** Grows with every envelope of a recipient. */
  readonly position: number;
  readonly from: Uint8Array;
  readonly id: Uint8Array;
  readonly atMs: number;
  readonly body: Uint8Array;
}

export interface Page {
  /** Only envelopes behind this position; 0 is before the first. */
  readonly after: number;
  /** At most so many envelopes and, but for the first, bytes of bodies. */
  readonly envelopes: number;
  readonly bytes: number;
  /** What has expired by then is left out. */
  readonly nowMs: number;
}

export interface MailboxSize {
  readonly envelopes: number;
  readonly bytes: number;
}

export type MailboxLimits = Readonly<
  Record<
    | 'maxMailboxEnvelopes'
    | 'maxMailboxBytes'
    | 'maxPairEnvelopes'
    | 'maxPairBytes'
    | 'maxSenderEnvelopes'
    | 'maxSenderBytes'
    | 'maxStoreBytes',
    number
  >
>;

/**
 * Envelopes per recipient, first in, first out. Every method but `subscribe` rejects when the store
 * fails (a full disk); the mailbox stays usable. Other processes may use the same store.
 */
export interface Mailbox {
  /**
   * Once this resolves with `stored`, the envelope outlives a crash. The same (to, from, id) again is
   * `stored` and changes nothing.
   */
  put(envelope: EnvelopePut): Promise<'stored' | 'mailbox_full'>;
  list(recipient: Uint8Array, page: Page): Promise<readonly StoredEnvelope[]>;
  /** Removes what is safe with its recipient; nothing when it is not there. */
  take(recipient: Uint8Array, envelope: Pick<StoredEnvelope, 'from' | 'id'>): Promise<void>;
  /** Removes up to `limit` expired envelopes and tells how many there were. */
  sweep(nowMs: number, limit: number): Promise<number>;
  size(): Promise<MailboxSize>;
  /** Calls `onStored` after something new was stored for the recipient, until the result is called. */
  subscribe(recipient: Uint8Array, onStored: () => void): () => void;
  close(): Promise<void>;
}
