/**
 * The Binding messages of connectivity checks (RFC 8445, 7) and consent (RFC 7675), both signed with the
 * password of the side that gets the request, with FINGERPRINT:
 *
 *     request    header 20, USERNAME "theirs:ours", PRIORITY 8, ICE-CONTROLLING or -CONTROLLED 12,
 *                USE-CANDIDATE 4 in nominations, MESSAGE-INTEGRITY 24, FINGERPRINT 8
 *     success    header 20, XOR-MAPPED-ADDRESS 12 or 24, MESSAGE-INTEGRITY 24, FINGERPRINT 8
 *     error      header 20, ERROR-CODE 8, MESSAGE-INTEGRITY 24, FINGERPRINT 8
 *
 * An answer is never larger than its request: with fragments of 8 characters a request has 96 bytes, a
 * success at most 76.
 */
import { ByteWriter } from '../base/byte-writer.ts';
import { utf8 } from '../base/bytes.ts';
import type { Endpoint } from '../base/endpoint.ts';
import type { RandomBytes } from '../base/random.ts';
import { encodeBindingError, encodeUnknownAttributes } from './stun-error.ts';
import { appendAttribute, USERNAME } from './stun-frame.ts';
import { appendFingerprint, signMessageIntegrity } from './stun-integrity.ts';
import {
  encodeBindingRequest,
  encodeBindingResponse,
  ICE_CONTROLLED,
  ICE_CONTROLLING,
  PRIORITY,
  USE_CANDIDATE,
} from './stun-message.ts';

/** RFC 8445, 5.3: fragments of 4 to 256, passwords of 22 to 256 of A-Z a-z 0-9 + /. */
export interface IceCredentials {
  readonly ufrag: string;
  readonly password: string;
}
export type IceRole = 'controlling' | 'controlled';

/** What a request says; the signature is made with the receiver's password. */
export interface CheckRequest {
  readonly transactionId: Uint8Array;
  readonly remote: IceCredentials;
  readonly localUfrag: string;
  readonly priority: number;
  readonly role: IceRole;
  /** 8 bytes. */
  readonly tieBreaker: Uint8Array;
  readonly nominate: boolean;
}

/** At least 24 and 128 bits are asked for (RFC 8445, 5.3); here 48 and 144, whole characters of base64. */
const UFRAG_BYTES = 6;
const PASSWORD_BYTES = 18;

export function createIceCredentials(random: RandomBytes): IceCredentials {
  const text = (length: number): string => Buffer.from(random(length)).toString('base64');
  return { ufrag: text(UFRAG_BYTES), password: text(PASSWORD_BYTES) };
}

/** What a peer may tell us as credentials. */
export function areIceCredentials({ ufrag, password }: IceCredentials): boolean {
  return /^[A-Za-z0-9+/]{4,256}$/.test(ufrag) && /^[A-Za-z0-9+/]{22,256}$/.test(password);
}

export function encodeCheckRequest(request: CheckRequest): Uint8Array {
  const { transactionId, remote, localUfrag, priority, role, tieBreaker, nominate } = request;
  let message = encodeBindingRequest(transactionId);
  message = appendAttribute(message, USERNAME, utf8(`${remote.ufrag}:${localUfrag}`));
  message = appendAttribute(message, PRIORITY, new ByteWriter(4).u32(priority).finish());
  const roleAttribute = role === 'controlling' ? ICE_CONTROLLING : ICE_CONTROLLED;
  message = appendAttribute(message, roleAttribute, tieBreaker);
  if (nominate) message = appendAttribute(message, USE_CANDIDATE, new Uint8Array());
  return seal(message, remote.password);
}

/** `mapped` is where the request came from. */
export function encodeCheckSuccess(
  transactionId: Uint8Array,
  mapped: Endpoint,
  password: string,
): Uint8Array {
  return seal(encodeBindingResponse(transactionId, mapped), password);
}

/** 400 Bad Request, 401 Unauthenticated, 487 Role Conflict. */
export function encodeCheckError(
  transactionId: Uint8Array,
  code: 400 | 401 | 487,
  password: string,
): Uint8Array {
  return seal(encodeBindingError(transactionId, code), password);
}

/** 420 Unknown Attribute. */
export function encodeCheckUnknownAttributes(
  transactionId: Uint8Array,
  types: readonly number[],
  password: string,
): Uint8Array {
  return seal(encodeUnknownAttributes(transactionId, types), password);
}

function seal(message: Uint8Array, password: string): Uint8Array {
  return appendFingerprint(signMessageIntegrity(message, password));
}
