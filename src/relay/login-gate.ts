import type { KeyChain } from '../identity/key-chain.ts';
import { decodeNodeRecord } from '../identity/node-record.ts';
import type { Access } from './access.ts';
import type { Challenge, ErrorCode, Login } from './control-message.ts';
import type { Directory } from './directory.ts';
import { checkLogin, loginStatement } from './login.ts';

export type GateVerdict = { readonly chain: KeyChain } | { readonly refused: ErrorCode };

export interface LoginGateDeps {
  readonly access: Access;
  readonly directory: Directory;
}

/**
 * Whether a login is let in: its proof, then access, then that the relay knows no newer key of the node.
 * Rejects when the store fails.
 */
export async function passGate(
  { access, directory }: LoginGateDeps,
  challenge: Challenge,
  login: Login,
): Promise<GateVerdict> {
  const verdict = checkLogin(challenge, login);
  if ('refused' in verdict) return verdict;
  const { chain } = verdict;
  const statement = loginStatement(challenge, login.nonce);
  const answer = access.check({ key: chain.firstKey, statement, proof: login.token });
  if (answer !== 'ok') return { refused: answer };
  const known = await directory.find({ key: chain.firstKey });
  // A key that was rotated away may be the stolen one.
  if (known !== undefined && !chain.extends(decodeNodeRecord(known).chain)) {
    return { refused: 'stale_key' };
  }
  return { chain };
}
