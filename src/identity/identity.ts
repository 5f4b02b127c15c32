import { equalBytes } from '../base/bytes.ts';
import type { RandomBytes } from '../base/random.ts';
import { KeyChain } from './key-chain.ts';
import { encodeNodeId } from './node-id.ts';
import { SecretKey } from './secret-key.ts';
import { type SignatureContext, signStatement } from './signing.ts';

/**
 * Who this node is: its key chain, and the secret of the chain's current key. In a process that rotates
 * its key there is one object for all who need it: read chain and secret when they are used, in one turn.
 */
export class Identity {
  readonly createdAtMs: number;
  /** `pilot1…`, of the first key: for ever the same. */
  readonly nodeId: string;
  #chain: KeyChain;
  #secret: SecretKey;

  constructor(chain: KeyChain, secret: SecretKey, createdAtMs: number) {
    if (!equalBytes(chain.currentKey, secret.publicKey)) {
      throw new RangeError("the secret is not that of the key chain's current key");
    }
    this.#chain = chain;
    this.#secret = secret;
    this.createdAtMs = createdAtMs;
    this.nodeId = encodeNodeId(chain.firstKey);
  }

  static create(random: RandomBytes, nowMs: number): Identity {
    const secret = SecretKey.generate(random);
    return new Identity(KeyChain.start(secret.publicKey), secret, nowMs);
  }

  get chain(): KeyChain {
    return this.#chain;
  }

  get secret(): SecretKey {
    return this.#secret;
  }

  get firstKey(): Uint8Array {
    return this.chain.firstKey;
  }

  get currentKey(): Uint8Array {
    return this.chain.currentKey;
  }

  /** When the current key was made. */
  get keyIssuedAtMs(): number {
    return this.chain.issuedAtMs ?? this.createdAtMs;
  }

  /** This identity with a new key, as another object: `become` it once the new key is on disk. */
  rotate(random: RandomBytes, nowMs: number): Identity {
    const secret = SecretKey.generate(random);
    const chain = this.chain.rotate(this.secret, secret.publicKey, nowMs);
    return new Identity(chain, secret, this.createdAtMs);
  }

  /** From now on this is `renewed`, the same node with a later key; the secret it had is erased. */
  become({ chain, secret }: Identity): void {
    if (chain.length <= this.chain.length || !chain.extends(this.chain)) {
      throw new RangeError('not a later state of this identity');
    }
    this.#secret.erase();
    this.#chain = chain;
    this.#secret = secret;
  }

  sign(context: SignatureContext, statement: Uint8Array): Uint8Array {
    return signStatement(this.secret, context, statement);
  }
}
