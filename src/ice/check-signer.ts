/**
 * What one side of an attempt is and knows: credentials, role, tie-breaker. It signs our requests and
 * answers and judges theirs; it sends nothing and keeps nothing of a message.
 */
import { toHex } from '../base/bytes.ts';
import { plainHost } from '../base/ip-address.ts';
import type { RandomBytes } from '../base/random.ts';
import { MAX_PRIORITY, peerReflexivePriority } from './candidate.ts';
import {
  createIceCredentials,
  encodeCheckError,
  encodeCheckRequest,
  encodeCheckSuccess,
  encodeCheckUnknownAttributes,
  type IceCredentials,
  type IceRole,
} from './check-message.ts';
import { verifyMessageIntegrity } from './stun-integrity.ts';
import { BINDING_METHOD, type StunMessage } from './stun-message.ts';
import type { StunDatagram } from './stun-router.ts';

const TIE_BREAKER_BYTES = 8;

/** What a request of the peer is worth. `refused` and `accepted` are authentic. */
export type Verdict =
  | { readonly kind: 'ignored' }
  | { readonly kind: 'refused'; readonly code: 400 | 401 | 420 | 487; readonly answer: Uint8Array }
  | {
      readonly kind: 'accepted';
      readonly answer: Uint8Array;
      readonly priority: number;
      readonly nominates: boolean;
      readonly switchesRole: boolean;
    };

export class CheckSigner {
  readonly credentials: IceCredentials;
  readonly #random: RandomBytes;
  #role: IceRole;
  #tieBreaker: Uint8Array;
  #remote: IceCredentials | undefined;

  constructor(random: RandomBytes, role: IceRole) {
    this.#random = random;
    this.#role = role;
    this.credentials = createIceCredentials(random);
    this.#tieBreaker = random(TIE_BREAKER_BYTES);
  }

  get role(): IceRole {
    return this.#role;
  }

  get remote(): IceCredentials | undefined {
    return this.#remote;
  }

  set remote(credentials: IceCredentials | undefined) {
    this.#remote = credentials;
  }

  /** A request that leaves through a socket whose best candidate has `priority`. */
  request(transactionId: Uint8Array, priority: number, nominate: boolean): Uint8Array {
    if (this.#remote === undefined) throw new Error("a check before the peer's credentials");
    return encodeCheckRequest({
      transactionId,
      remote: this.#remote,
      localUfrag: this.credentials.ufrag,
      priority: peerReflexivePriority(priority),
      role: this.#role,
      tieBreaker: this.#tieBreaker,
      nominate,
    });
  }

  isAuthenticAnswer({ bytes }: StunDatagram): boolean {
    return this.#remote !== undefined && verifyMessageIntegrity(bytes, this.#remote.password);
  }

  /**
   * RFC 8445, 7.3 and 7.3.1.1. Without authenticity there is no answer at all, where RFC 8489, 9.1.3 would
   * send 400 or 401: nobody is to learn that something listens here.
   */
  judge({ message, bytes, from }: StunDatagram): Verdict {
    const { password } = this.credentials;
    if (message.method !== BINDING_METHOD || !verifyMessageIntegrity(bytes, password)) {
      return { kind: 'ignored' };
    }
    const { transactionId, priority, useCandidate } = message;
    const mapped = { host: plainHost(from.host), port: from.port };
    const fault = this.#faultOf(message);
    if (fault !== undefined) return this.#refuse(message, fault);
    const conflict = this.#conflictOf(message);
    if (conflict === 'theirs') return this.#refuse(message, 487);
    return {
      kind: 'accepted',
      answer: encodeCheckSuccess(transactionId, mapped, password),
      priority: priority ?? 0,
      nominates: useCandidate && message.iceControlling !== undefined,
      switchesRole: conflict === 'ours',
    };
  }

  /** An answer 487 came to a request that said `role`; false when we have changed since. */
  yieldRole(role: IceRole): boolean {
    if (this.#role !== role) return false;
    this.switchRole();
    // RFC 8445, 7.2.5.1; two that yield at once decide it by new ones.
    this.#tieBreaker = this.#random(TIE_BREAKER_BYTES);
    return true;
  }

  switchRole(): void {
    this.#role = this.#role === 'controlling' ? 'controlled' : 'controlling';
  }

  #refuse(message: StunMessage, code: 400 | 401 | 420 | 487): Verdict {
    const { transactionId, unknownRequired } = message;
    const { password } = this.credentials;
    const answer =
      code === 420
        ? encodeCheckUnknownAttributes(transactionId, unknownRequired, password)
        : encodeCheckError(transactionId, code, password);
    return { kind: 'refused', code, answer };
  }

  #faultOf(message: StunMessage): 400 | 401 | 420 | undefined {
    if (message.unknownRequired.length > 0) return 420;
    const [, theirUfrag = ''] = message.username?.split(':', 2) ?? [];
    // Signed with our password of today, in the name of another generation of theirs.
    if (this.#remote !== undefined && theirUfrag !== this.#remote.ufrag) return 401;
    const { priority, iceControlled, iceControlling } = message;
    const roles = [iceControlled, iceControlling].filter((role) => role !== undefined);
    if (priority === undefined || priority < 1 || priority > MAX_PRIORITY) return 400;
    return roles.length === 1 ? undefined : 400;
  }

  /** Who has to change roles; the larger tie-breaker is to control. */
  #conflictOf({ iceControlled, iceControlling }: StunMessage): 'ours' | 'theirs' | undefined {
    const theirs = this.#role === 'controlling' ? iceControlling : iceControlled;
    if (theirs === undefined) return undefined;
    const oursIsLarger = toHex(this.#tieBreaker) >= toHex(theirs);
    return oursIsLarger === (this.#role === 'controlling') ? 'theirs' : 'ours';
  }
}

/** Whether two messages were sent as one request, again. */
export function transactionKey({ message }: StunDatagram): string {
  return toHex(message.transactionId);
}
