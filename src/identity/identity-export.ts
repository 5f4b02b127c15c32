/**
 * An identity for carrying to another host, sealed with a passphrase. JSON:
 *
 *     format       "pilot-identity"
 *     version      1
 *     node_id      whose it is, readable without the passphrase and authenticated
 *     kdf          {name: "scrypt", n, r, p, salt}   salt: base64, 16 bytes
 *     cipher       {name: "aes-256-gcm", nonce}      nonce: base64, 12 bytes
 *     ciphertext   base64 of the sealed identity document, then the 16-byte tag
 *
 * Key: scrypt (RFC 7914) of the passphrase in NFKC, UTF-8. Associated data: utf8("pilot/1
 * identity-export") ‖ 00 ‖ utf8(node_id).
 */
import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';

import { concatBytes, utf8 } from '../base/bytes.ts';
import { PilotError } from '../base/pilot-error.ts';
import type { RandomBytes } from '../base/random.ts';
import { WireError } from '../base/wire-error.ts';
import type { Identity } from './identity.ts';
import {
  decodeIdentityDocument,
  encodeIdentityDocument,
  MAX_IDENTITY_DOCUMENT_BYTES,
} from './identity-document.ts';

/** NIST SP 800-63B, 5.1.1.2. */
export const MIN_PASSPHRASE_CHARACTERS = 8;
const FORMAT = 'pilot-identity';
const VERSION = 1;
/** OWASP's advice for scrypt: 128 MiB, 0.4 s here. */
const KDF: ScryptCost = { n: 2 ** 17, r: 8, p: 1 };
/** What a file may ask of us: at most 256 MiB (128 · n · r), four times over. */
const KDF_BOUNDS = { minN: 2 ** 14, maxN: 2 ** 18, r: 8, maxP: 4 };
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Base64 grows the document by a third; the rest is the envelope. */
const MAX_EXPORT_CHARACTERS = MAX_IDENTITY_DOCUMENT_BYTES * 2;

interface ScryptCost {
  readonly n: number;
  readonly r: number;
  readonly p: number;
}

interface Envelope {
  readonly nodeId: string;
  readonly cost: ScryptCost;
  readonly salt: Uint8Array;
  readonly nonce: Uint8Array;
  readonly sealed: Uint8Array;
}

/** PilotError `invalid_argument` for a passphrase that is too short. */
export async function exportIdentity(
  identity: Identity,
  passphrase: string,
  random: RandomBytes = randomBytes,
): Promise<string> {
  if (passphrase.length < MIN_PASSPHRASE_CHARACTERS) {
    throw new PilotError('invalid_argument', 'the passphrase is too short', {
      hint: `take at least ${MIN_PASSPHRASE_CHARACTERS} characters: it is all that guards the file`,
    });
  }
  const salt = random(SALT_BYTES);
  const nonce = random(NONCE_BYTES);
  const key = await deriveKey(passphrase, salt, KDF);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(associatedData(identity.nodeId));
  const plain = utf8(encodeIdentityDocument(identity));
  const sealed = concatBytes(cipher.update(plain), cipher.final(), cipher.getAuthTag());
  plain.fill(0);
  key.fill(0);
  const envelope = {
    format: FORMAT,
    version: VERSION,
    node_id: identity.nodeId,
    kdf: { name: 'scrypt', ...KDF, salt: base64(salt) },
    cipher: { name: 'aes-256-gcm', nonce: base64(nonce) },
    ciphertext: base64(sealed),
  };
  return `${JSON.stringify(envelope, null, 2)}\n`;
}

/**
 * PilotError: `invalid_argument` for a text that is no export, or one that wants too much memory;
 * `permission_denied` for a wrong passphrase.
 */
export async function importIdentity(text: string, passphrase: string): Promise<Identity> {
  const envelope = readEnvelope(text);
  const key = await deriveKey(passphrase, envelope.salt, envelope.cost);
  const plain = unseal(envelope, key);
  key.fill(0);
  try {
    const identity = decodeIdentityDocument(plain.toString('utf8'), 0);
    if (identity.nodeId !== envelope.nodeId) throw new WireError('it holds another identity');
    return identity;
  } catch (error) {
    if (error instanceof WireError) throw notAnExport(error.message, error);
    throw error;
  } finally {
    plain.fill(0);
  }
}

function unseal({ nodeId, nonce, sealed }: Envelope, key: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(associatedData(nodeId));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]);
  } catch (error) {
    throw new PilotError('permission_denied', 'the passphrase does not open this export', {
      hint: 'check the passphrase; if it is the right one, the file was damaged: export it again',
      cause: error,
    });
  }
}

function readEnvelope(text: string): Envelope {
  if (text.length > MAX_EXPORT_CHARACTERS) throw notAnExport('it is too long');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw notAnExport('it is not JSON, or was cut off', error);
  }
  const { format, version, node_id: nodeId, kdf, cipher, ciphertext } = members(value);
  if (format !== FORMAT) throw notAnExport(`its format is not "${FORMAT}"`);
  if (version !== VERSION) throw notAnExport(`this program knows version ${VERSION} only`);
  if (typeof nodeId !== 'string') throw notAnExport('node_id is missing');
  const { name, nonce } = members(cipher);
  if (name !== 'aes-256-gcm') throw notAnExport('its cipher is not "aes-256-gcm"');
  const sealed = fromBase64(ciphertext);
  if (sealed.length <= TAG_BYTES) throw notAnExport('the ciphertext is too short');
  return {
    nodeId,
    cost: readCost(members(kdf)),
    salt: ofLength(fromBase64(members(kdf)['salt']), SALT_BYTES),
    nonce: ofLength(fromBase64(nonce), NONCE_BYTES),
    sealed,
  };
}

function readCost({ name, n, r, p }: Record<string, unknown>): ScryptCost {
  if (name !== 'scrypt') throw notAnExport('its key derivation is not "scrypt"');
  if (typeof n !== 'number' || typeof r !== 'number' || typeof p !== 'number') {
    throw notAnExport('its scrypt parameters are missing');
  }
  const { minN, maxN } = KDF_BOUNDS;
  const isPowerOfTwo = Number.isInteger(Math.log2(n));
  const isCount = Number.isInteger(p) && p >= 1 && p <= KDF_BOUNDS.maxP;
  if (!isPowerOfTwo || n < minN || n > maxN || r !== KDF_BOUNDS.r || !isCount) {
    throw notAnExport('its scrypt parameters are out of bounds');
  }
  return { n, r, p };
}

/** In the thread pool: the event loop goes on. */
async function deriveKey(passphrase: string, salt: Uint8Array, cost: ScryptCost): Promise<Buffer> {
  const { n: N, r, p } = cost;
  const options = { N, r, p, maxmem: 2 * 128 * N * r };
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFKC'), salt, 32, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

function associatedData(nodeId: string): Uint8Array {
  return concatBytes(utf8('pilot/1 identity-export'), new Uint8Array(1), utf8(nodeId));
}

function members(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw notAnExport('a part of it is missing');
  return value as Record<string, unknown>;
}

function ofLength(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length !== length) throw notAnExport('salt or nonce has a wrong length');
  return bytes;
}

function fromBase64(value: unknown): Uint8Array {
  if (typeof value !== 'string') throw notAnExport('a part of it is missing');
  return new Uint8Array(Buffer.from(value, 'base64'));
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function notAnExport(fault: string, cause?: unknown): PilotError {
  return new PilotError('invalid_argument', `this is not an identity export: ${fault}`, {
    hint: 'make one on the other host with: pilotctl identity export',
    cause,
  });
}
