/**
 * Node ID: a node's first public key in bech32m (BIP 350), 65 characters:
 *
 *     pilot 1 v kkkk…k cccccc
 *             │ │      └ checksum, 6 characters
 *             │ └ 32 bytes in 52 words of 5 bits, the last 4 bits zero
 *             └ version word, 0 ("q")
 */
import { bech32m } from '@scure/base';

import { PilotError } from '../base/pilot-error.ts';
import { WireError } from '../base/wire-error.ts';
import { decodePublicKey } from './public-key.ts';

export const NODE_ID_LENGTH = 65;
const PREFIX = 'pilot';
const VERSION = 0;

export function encodeNodeId(firstKey: Uint8Array): string {
  return bech32m.encode(PREFIX, [VERSION, ...bech32m.toWords(firstKey)]);
}

/** True when the text is meant to be a Node ID, well-formed or not: to choose among kinds of names. */
export function looksLikeNodeId(text: string): boolean {
  return text.toLowerCase().startsWith(`${PREFIX}1`);
}

/** The first public key that a Node ID stands for. PilotError `invalid_argument` says what is wrong. */
export function decodeNodeId(text: string): Uint8Array {
  const fault = faultInForm(text);
  if (fault !== undefined) throw invalid(text, fault);
  const decoded = bech32m.decodeUnsafe(text);
  if (decoded === undefined) throw invalid(text, 'its checksum is wrong: a character was mistyped');
  const [version, ...words] = decoded.words;
  if (version !== VERSION) {
    throw invalid(text, `its version is ${version ?? 'missing'}, this program knows ${VERSION}`);
  }
  const firstKey = bech32m.fromWordsUnsafe(words);
  if (firstKey === undefined) throw invalid(text, 'its last bits are not zero');
  try {
    decodePublicKey(firstKey);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw invalid(text, 'it does not hold a public key', error);
  }
  return firstKey;
}

function faultInForm(text: string): string | undefined {
  const lower = text.toLowerCase();
  if (!looksLikeNodeId(text)) return `it does not begin with "${PREFIX}1"`;
  if (text !== lower && text !== text.toUpperCase()) return 'it mixes upper and lower case';
  const stray = /[^qpzry9x8gf2tvdw0s3jn54khce6mua7l]/u.exec(lower.slice(PREFIX.length + 1));
  if (stray !== null) return `${JSON.stringify(stray[0])} is not one of its characters`;
  if (text.length !== NODE_ID_LENGTH) {
    return `it has ${text.length} characters instead of ${NODE_ID_LENGTH}`;
  }
  return undefined;
}

function invalid(text: string, fault: string, cause?: unknown): PilotError {
  const shown = text.length <= NODE_ID_LENGTH ? text : `${text.slice(0, NODE_ID_LENGTH)}…`;
  return new PilotError('invalid_argument', `${JSON.stringify(shown)} is not a Node ID: ${fault}`, {
    hint:
      `a Node ID is "${PREFIX}1" and 59 letters and digits; the other host prints its own with: ` +
      'pilotctl identity show',
    cause,
  });
}
