/**
 * How node and relay prove to each other who they are:
 *
 *     relay → node   challenge   relay key, relay nonce
 *     node → relay   login       key chain, node nonce, signature "relay-login" by its current key
 *                                over relay key ‖ relay nonce ‖ node nonce
 *     relay → node   welcome     signature "relay-proof" by the relay key
 *                                over node's first key ‖ node nonce ‖ relay nonce
 *
 * A login signed for one relay, or for one challenge, is worth nothing at another. An access token is
 * never sent: what is sent is HMAC-SHA256 keyed with it over utf8("pilot/1 relay-token") ‖ 00 ‖ what
 * the login signs, so that neither a listener on a plain connection nor a false relay gets it.
 */
import { createHmac } from 'node:crypto';

import { concatBytes, utf8 } from '../base/bytes.ts';
import type { RandomBytes } from '../base/random.ts';
import { WireError } from '../base/wire-error.ts';
import type { Identity } from '../identity/identity.ts';
import { KeyChain } from '../identity/key-chain.ts';
import type { SecretKey } from '../identity/secret-key.ts';
import { signStatement, verifyStatement } from '../identity/signing.ts';
import type { Challenge, ErrorCode, Login, Welcome } from './control-message.ts';
import { NONCE_BYTES, OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION } from './protocol.ts';

export function makeChallenge(relayKey: Uint8Array, random: RandomBytes): Challenge {
  return {
    t: 'challenge',
    version: PROTOCOL_VERSION,
    oldest: OLDEST_PROTOCOL_VERSION,
    key: relayKey,
    nonce: random(NONCE_BYTES),
  };
}

/** The newest version that both sides speak; undefined when there is none. */
export function commonVersion({ version, oldest }: Challenge): number | undefined {
  const common = Math.min(version, PROTOCOL_VERSION);
  return common >= Math.max(oldest, OLDEST_PROTOCOL_VERSION) ? common : undefined;
}

export interface LoginInput {
  readonly identity: Identity;
  readonly instance: Uint8Array;
  readonly nonce: Uint8Array;
  readonly token?: string | undefined;
}

/** The node's answer. Whether `challenge.key` is the relay it wants, and the version, it has checked before. */
export function answerChallenge(challenge: Challenge, input: LoginInput): Login {
  const statement = loginStatement(challenge, input.nonce);
  return {
    t: 'login',
    version: commonVersion(challenge) ?? PROTOCOL_VERSION,
    chain: input.identity.chain.encode(),
    nonce: input.nonce,
    signature: input.identity.sign('relay-login', statement),
    instance: input.instance,
    token: input.token === undefined ? undefined : tokenProof(input.token, statement),
  };
}

export type LoginVerdict =
  | { readonly chain: KeyChain }
  | { readonly refused: Extract<ErrorCode, 'version' | 'bad_login' | 'bad_signature'> };

/** The relay's check of a login against the challenge it sent on the same connection. */
export function checkLogin(challenge: Challenge, login: Login): LoginVerdict {
  if (login.version < challenge.oldest || login.version > challenge.version) {
    return { refused: 'version' };
  }
  const chain = decodeChain(login.chain);
  if (chain === undefined) return { refused: 'bad_login' };
  const statement = loginStatement(challenge, login.nonce);
  return verifyStatement(chain.currentKey, 'relay-login', statement, login.signature)
    ? { chain }
    : { refused: 'bad_signature' };
}

export function makeWelcome(
  { secret, challenge }: { readonly secret: SecretKey; readonly challenge: Challenge },
  { chain, login }: { readonly chain: KeyChain; readonly login: Login },
  told: Pick<Welcome, 'limits' | 'stunPort' | 'timeMs'>,
): Welcome {
  const statement = proofStatement(chain.firstKey, login.nonce, challenge.nonce);
  return {
    t: 'welcome',
    signature: signStatement(secret, 'relay-proof', statement),
    ...told,
  };
}

/** The node's check that the relay has the key it named. */
export function isProven(
  challenge: Challenge,
  { identity, nonce }: Pick<LoginInput, 'identity' | 'nonce'>,
  welcome: Welcome,
): boolean {
  const statement = proofStatement(identity.firstKey, nonce, challenge.nonce);
  return verifyStatement(challenge.key, 'relay-proof', statement, welcome.signature);
}

export function tokenProof(token: string, statement: Uint8Array): Uint8Array {
  const message = concatBytes(utf8('pilot/1 relay-token'), new Uint8Array(1), statement);
  return new Uint8Array(createHmac('sha256', token).update(message).digest());
}

export function loginStatement(challenge: Challenge, nodeNonce: Uint8Array): Uint8Array {
  return concatBytes(challenge.key, challenge.nonce, nodeNonce);
}

function proofStatement(
  nodeKey: Uint8Array,
  nodeNonce: Uint8Array,
  relayNonce: Uint8Array,
): Uint8Array {
  return concatBytes(nodeKey, nodeNonce, relayNonce);
}

function decodeChain(bytes: Uint8Array): KeyChain | undefined {
  try {
    return KeyChain.decode(bytes);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
