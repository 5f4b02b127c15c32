import { equalBytes } from '../base/bytes.ts';
import type { RandomBytes } from '../base/random.ts';
import { KeyChain } from './key-chain.ts';
import { encodeNodeId } from './node-id.ts';
import { SecretKey } from './secret-key.ts';
import { type SignatureContext, signStatement } from './signing.ts';

/** Who this node is: its key chain, and the secret of the chain's current key. */
export class Identity {
  readonly chain: KeyChain;
  readonly secret: SecretKey;
  readonly createdAtMs: number;
  /** `pilot1…`, of the first key: for ever the same. */
  readonly nodeId: string;

  constructor(chain: KeyChain, secret: SecretKey, createdAtMs: number) {
    if (!equalBytes(chain.currentKey, secret.publicKey)) {
      throw new RangeError("the secret is not that of the key chain's current key");
    }
    this.chain = chain;
    this.secret = secret;
    this.createdAtMs = createdAtMs;
    this.nodeId = encodeNodeId(chain.firstKey);
  }

  static create(random: RandomBytes, nowMs: number): Identity {
    const secret = SecretKey.generate(random);
    return new Identity(KeyChain.start(secret.publicKey), secret, nowMs);
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

  /** This identity with a new key. The old secret is left to the caller: erase it once the new one is on disk. */
  rotate(random: RandomBytes, nowMs: number): Identity {
    const secret = SecretKey.generate(random);
    const chain = this.chain.rotate(this.secret, secret.publicKey, nowMs);
    return new Identity(chain, secret, this.createdAtMs);
  }

  sign(context: SignatureContext, statement: Uint8Array): Uint8Array {
    return signStatement(this.secret, context, statement);
  }
}
