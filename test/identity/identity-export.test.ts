import { expect, test, vi } from 'vitest';

import { toHex } from '../../src/base/bytes.ts';
import { PilotError } from '../../src/base/pilot-error.ts';
import { Identity } from '../../src/identity/identity.ts';
import { exportIdentity, importIdentity } from '../../src/identity/identity-export.ts';
import { seededRandom } from '../support/seeded-random.ts';

interface Envelope {
  format: string;
  version: number;
  node_id: string;
  kdf: Record<string, unknown>;
  cipher: Record<string, unknown>;
  ciphertext: string;
}

// Each derivation takes 128 MiB and, on a busy machine, seconds.
vi.setConfig({ testTimeout: 60_000 });

const random = seededRandom(14);
const identity = Identity.create(random, 1_000).rotate(random, 2_000);
const PASSPHRASE = 'Sésame ouvre-toi';
const exported = await exportIdentity(identity, PASSPHRASE, random);
const envelope = JSON.parse(exported) as Envelope;

async function failure(text: string, passphrase = PASSPHRASE): Promise<PilotError> {
  const error: unknown = await importIdentity(text, passphrase).catch((thrown: unknown) => thrown);
  if (error instanceof PilotError) return error;
  throw new Error('it was not refused as it should be', { cause: error });
}

test('export, import with the passphrase in another Unicode form: the same identity', async () => {
  const imported = await importIdentity(exported, PASSPHRASE.normalize('NFD'));
  expect(imported.nodeId).toBe(identity.nodeId);
  expect(toHex(imported.chain.encode())).toBe(toHex(identity.chain.encode()));
  expect(imported.secret.exposeSeed()).toEqual(identity.secret.exposeSeed());
  expect(imported.createdAtMs).toBe(1_000);
});

test('the file shows whose it is and nothing of the secret', () => {
  expect(envelope).toMatchObject({
    format: 'pilot-identity',
    version: 1,
    node_id: identity.nodeId,
    kdf: { name: 'scrypt', n: 131_072, r: 8, p: 1 },
    cipher: { name: 'aes-256-gcm' },
  });
  const sealed = Buffer.from(envelope.ciphertext, 'base64');
  expect(sealed.includes('private_key')).toBe(false);
  expect(sealed.includes(Buffer.from(identity.secret.exposeSeed()))).toBe(false);
});

test('salt and nonce are new each time', async () => {
  const again = JSON.parse(await exportIdentity(identity, PASSPHRASE)) as Envelope;
  expect(again.kdf['salt']).not.toBe(envelope.kdf['salt']);
  expect(again.cipher['nonce']).not.toBe(envelope.cipher['nonce']);
});

test('a wrong passphrase', async () => {
  const error = await failure(exported, 'Sesame ouvre-toi');
  expect(error.code).toBe('permission_denied');
  expect(error.hint).toContain('passphrase');
});

test.each<[string, Envelope]>([
  ['another node id', { ...envelope, node_id: `${identity.nodeId.slice(0, -1)}x` }],
  ['a changed ciphertext', { ...envelope, ciphertext: `AAAA${envelope.ciphertext.slice(4)}` }],
])('tampered with: %s', async (_, changed) => {
  expect((await failure(JSON.stringify(changed))).code).toBe('permission_denied');
});

test('a passphrase that is too short is refused before any work', async () => {
  await expect(exportIdentity(identity, '1234567', random)).rejects.toMatchObject({
    code: 'invalid_argument',
  });
});

const { kdf, cipher } = envelope;
test.each<[string, unknown]>([
  ['null', null],
  ['a list', []],
  ['a key file', { public_key: 'x', private_key: 'y' }],
  ['another format', { ...envelope, format: 'age' }],
  ['a later version', { ...envelope, version: 2 }],
  ['no node id', { ...envelope, node_id: undefined }],
  ['no kdf', { ...envelope, kdf: undefined }],
  ['another kdf', { ...envelope, kdf: { ...kdf, name: 'pbkdf2' } }],
  ['n of 4 GiB', { ...envelope, kdf: { ...kdf, n: 2 ** 22 } }],
  ['n too cheap', { ...envelope, kdf: { ...kdf, n: 2 ** 10 } }],
  ['n no power of two', { ...envelope, kdf: { ...kdf, n: 100_000 } }],
  ['n negative', { ...envelope, kdf: { ...kdf, n: -1 } }],
  ['n as text', { ...envelope, kdf: { ...kdf, n: '131072' } }],
  ['r of 1,024', { ...envelope, kdf: { ...kdf, r: 1024 } }],
  ['p of 1,000,000', { ...envelope, kdf: { ...kdf, p: 1_000_000 } }],
  ['p of 0', { ...envelope, kdf: { ...kdf, p: 0 } }],
  ['no salt', { ...envelope, kdf: { ...kdf, salt: undefined } }],
  ['a short salt', { ...envelope, kdf: { ...kdf, salt: 'AAAA' } }],
  ['no cipher', { ...envelope, cipher: undefined }],
  ['another cipher', { ...envelope, cipher: { ...cipher, name: 'rot13' } }],
  ['a short nonce', { ...envelope, cipher: { ...cipher, nonce: '' } }],
  ['no ciphertext', { ...envelope, ciphertext: undefined }],
  ['a ciphertext shorter than its tag', { ...envelope, ciphertext: 'AAAA' }],
  ['an endless text', { ...envelope, ciphertext: 'A'.repeat(200_000) }],
])('not an export: %s', async (_, text) => {
  const error = await failure(JSON.stringify(text));
  expect(error.code).toBe('invalid_argument');
  expect(error.hint).toContain('pilotctl identity export');
});

test('a file that was cut off', async () => {
  for (let length = 0; length < exported.trimEnd().length; length += 7) {
    expect((await failure(exported.slice(0, length))).code).toBe('invalid_argument');
  }
});
