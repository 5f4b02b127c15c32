import { timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { describeError, PilotError } from '../base/pilot-error.ts';
import { decodeNodeId } from '../identity/node-id.ts';
import { byteKey } from './byte-key.ts';
import { tokenProof } from './login.ts';

export interface AccessRequest {
  /** The node's first public key, proved. */
  readonly key: Uint8Array;
  /** What the login signed, and so what the token's proof covers. */
  readonly statement: Uint8Array;
  readonly proof: Uint8Array | undefined;
}

export type AccessVerdict = 'ok' | 'auth_required' | 'not_allowed';

/** Who may use the relay. */
export interface Access {
  check(request: AccessRequest): AccessVerdict;
  /** Reads files anew. Throws `PilotError` and keeps what it had when that fails. */
  reload(): void;
}

export const openAccess: Access = {
  check: () => 'ok',
  reload: () => undefined,
};

/** Any one of several tokens, so that one can be replaced while nodes still use the other. */
export class TokenAccess implements Access {
  readonly #load: () => readonly string[];
  #tokens: readonly string[];

  constructor(load: () => readonly string[]) {
    this.#load = load;
    this.#tokens = load();
  }

  check({ statement, proof }: AccessRequest): AccessVerdict {
    if (proof === undefined) return 'auth_required';
    let found = false;
    // Every token is compared, whole: time tells nothing about which came close.
    for (const token of this.#tokens) {
      if (timingSafeEqual(tokenProof(token, statement), proof)) found = true;
    }
    return found ? 'ok' : 'auth_required';
  }

  reload(): void {
    this.#tokens = this.#load();
  }
}

/** The Node IDs in a file, one a line; empty lines and what follows `#` do not count. */
export class AllowListAccess implements Access {
  readonly #path: string;
  #keys: ReadonlySet<string>;

  constructor(path: string) {
    this.#path = path;
    this.#keys = readAllowList(path);
  }

  check({ key }: AccessRequest): AccessVerdict {
    return this.#keys.has(byteKey(key)) ? 'ok' : 'not_allowed';
  }

  reload(): void {
    this.#keys = readAllowList(this.#path);
  }
}

/** Tokens in a file, one a line; comments as in an allow list. */
export function readTokens(path: string): readonly string[] {
  const tokens = readLines(path).map(({ text }) => text);
  if (tokens.length === 0) {
    throw new PilotError('invalid_argument', `the token file ${path} holds no token`, {
      hint: `Write one token a line, for example: openssl rand -hex 24 > ${path}`,
    });
  }
  return tokens;
}

function readAllowList(path: string): ReadonlySet<string> {
  const keys = readLines(path).map(({ text, line }) => {
    try {
      return byteKey(decodeNodeId(text));
    } catch (error) {
      throw new PilotError('invalid_argument', `${path}:${line}: ${describeError(error)}`, {
        hint: 'One Node ID a line, as `pilotctl identity show` prints it; # begins a comment.',
        cause: error,
      });
    }
  });
  return new Set(keys);
}

function readLines(path: string): readonly { readonly text: string; readonly line: number }[] {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    throw new PilotError('invalid_argument', `cannot read ${path}: ${describeError(error)}`, {
      hint: 'Check the path and that the relay may read it.',
      cause: error,
    });
  }
  return content
    .split('\n')
    .map((raw, i) => ({ text: raw.replace(/#.*$/, '').trim(), line: i + 1 }))
    .filter(({ text }) => text !== '');
}
