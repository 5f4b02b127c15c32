/**
 * An identity as JSON, secret included: what the key file holds and what an export encrypts.
 *
 *     public_key         base64 of the current public key, 32 bytes
 *     private_key        base64 of its seed ‖ public key, 64 bytes
 *     created            RFC 3339
 *     first_public_key   base64, 32 bytes
 *     chain              base64 of the key chain (key-chain.ts)
 *
 * The last three are ours. A key file of another program (pilotctl interface 1.4) lacks them: then the key
 * is its own first.
 */
import { concatBytes, equalBytes } from '../base/bytes.ts';
import { WireError } from '../base/wire-error.ts';
import { Identity } from './identity.ts';
import { KeyChain } from './key-chain.ts';
import { SecretKey, SEED_BYTES } from './secret-key.ts';

/** A full key chain takes 9 KiB of base64. */
export const MAX_IDENTITY_DOCUMENT_BYTES = 65_536;

export function encodeIdentityDocument(identity: Identity): string {
  const seed = identity.secret.exposeSeed();
  const document = {
    public_key: base64(identity.currentKey),
    private_key: base64(concatBytes(seed, identity.currentKey)),
    created: new Date(identity.createdAtMs).toISOString(),
    first_public_key: base64(identity.firstKey),
    chain: base64(identity.chain.encode()),
  };
  seed.fill(0);
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** WireError, which never quotes the text. `createdAtMs` counts where the document does not say. */
export function decodeIdentityDocument(text: string, createdAtMs: number): Identity {
  const document = parseObject(text);
  const publicKey = bytesOf(document, 'public_key') ?? missing('public_key');
  const privateKey = bytesOf(document, 'private_key') ?? missing('private_key');
  const seed = privateKey.subarray(0, SEED_BYTES);
  if (seed.length !== SEED_BYTES) throw new WireError('private_key is too short');
  const secret = SecretKey.fromSeed(seed);
  const whole = concatBytes(seed, secret.publicKey);
  if (!equalBytes(publicKey, secret.publicKey) || !equalBytes(privateKey, whole)) {
    throw new WireError('private_key and public_key do not belong together');
  }
  privateKey.fill(0);
  whole.fill(0);
  const encodedChain = bytesOf(document, 'chain');
  const chain =
    encodedChain === undefined ? KeyChain.start(publicKey) : KeyChain.decode(encodedChain);
  if (!equalBytes(bytesOf(document, 'first_public_key') ?? chain.firstKey, chain.firstKey)) {
    throw new WireError('first_public_key is not where the chain begins');
  }
  if (!equalBytes(chain.currentKey, publicKey)) {
    throw new WireError('public_key is not where the chain ends');
  }
  return new Identity(chain, secret, createdOf(document) ?? createdAtMs);
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's message quotes the text, and that is a secret: neither message nor cause is kept.
    throw new WireError('not JSON');
  }
  if (typeof value !== 'object' || value === null) throw new WireError('not a JSON object');
  return value as Record<string, unknown>;
}

function bytesOf(document: Record<string, unknown>, member: string): Uint8Array | undefined {
  const value = document[member];
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(value)) {
    throw new WireError(`${member} is not base64`);
  }
  return new Uint8Array(Buffer.from(value, 'base64'));
}

function missing(member: string): never {
  throw new WireError(`${member} is missing`);
}

function createdOf({ created }: Record<string, unknown>): number | undefined {
  if (created === undefined) return undefined;
  const ms = typeof created === 'string' ? Date.parse(created) : Number.NaN;
  if (!(ms >= 0)) throw new WireError('created is not an RFC 3339 time');
  return ms;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
