import { readFileSync } from 'node:fs';

import { expect, test, vi } from 'vitest';

import { fromHex, toHex } from '../../src/base/bytes.ts';
import { deriveNodeNumber, formatAddress } from '../../src/identity/address.ts';
import { Identity } from '../../src/identity/identity.ts';
import { exportIdentity, importIdentity } from '../../src/identity/identity-export.ts';
import { KeyChain } from '../../src/identity/key-chain.ts';
import { decodeNodeId, encodeNodeId } from '../../src/identity/node-id.ts';
import { decodeNodeRecord, encodeNodeRecord } from '../../src/identity/node-record.ts';
import { SecretKey } from '../../src/identity/secret-key.ts';
import { signStatement, verifyStatement } from '../../src/identity/signing.ts';
import { x25519FromEd25519 } from '../../src/identity/x25519.ts';

/** `name: value` lines; indented lines go on with the value. */
class Vectors {
  readonly #values: ReadonlyMap<string, string>;

  constructor(block: string) {
    const entries = block.matchAll(/^(\w[^:\n]*):((?:.|\n )*)$/gm);
    this.#values = new Map(
      [...entries].map(([, name = '', value = '']) => [name, value.replaceAll(/\s/g, '')]),
    );
  }

  text(name: string): string {
    const value = this.#values.get(name);
    if (value === undefined) throw new Error(`the document has no vector "${name}"`);
    return value;
  }

  bytes(name: string): Uint8Array {
    return fromHex(this.text(name));
  }
}

// The export takes two derivations of 128 MiB: on a busy machine, seconds.
vi.setConfig({ testTimeout: 60_000 });

const text = readFileSync(new URL('../../docs/protocol-identity.md', import.meta.url), 'utf8');
const [keys, signature, nodeId, address, chain, record] = [
  ...text.matchAll(/^```vectors\n(.*?)^```/gms),
].map(([, block = '']) => new Vectors(block)) as [
  Vectors,
  Vectors,
  Vectors,
  Vectors,
  Vectors,
  Vectors,
];
const [, exported = ''] = /^```json\n(.*?)^```/ms.exec(text) ?? [];

const first = SecretKey.fromSeed(keys.bytes('seed'));

test('keys', () => {
  expect(toHex(first.publicKey)).toBe(keys.text('public key'));
  expect(toHex(first.x25519Secret())).toBe(keys.text('x25519 secret'));
  expect(toHex(x25519FromEd25519(first.publicKey))).toBe(keys.text('x25519 public key'));
});

test('signatures', () => {
  const statement = signature.bytes('statement');
  expect(signature.text('context')).toBe('batch');
  expect(toHex(signStatement(first, 'batch', statement))).toBe(signature.text('signature'));
  const signer = signature.bytes('signer');
  expect(verifyStatement(signer, 'batch', statement, signature.bytes('signature'))).toBe(true);
});

test('Node ID', () => {
  const firstKey = nodeId.bytes('first public key');
  expect(encodeNodeId(firstKey)).toBe(nodeId.text('node id'));
  expect(decodeNodeId(nodeId.text('node id'))).toEqual(firstKey);
});

test.each([0, 1])('address of counter %i', (counter) => {
  const node = deriveNodeNumber(address.bytes('first public key'), counter) ?? 0;
  expect(formatAddress({ network: 0, node })).toBe(address.text(`counter ${counter}`));
});

const issuedAtMs = Number(chain.text('issued at'));
const second = SecretKey.fromSeed(record.bytes('second seed'));
const rotated = KeyChain.start(first.publicKey).rotate(first, second.publicKey, issuedAtMs);

test('key chain', () => {
  expect(chain.text('first seed')).toBe(keys.text('seed'));
  expect(toHex(second.publicKey)).toBe(chain.text('second public key'));
  expect(toHex(rotated.encode())).toBe(chain.text('chain'));
  expect(toHex(KeyChain.decode(chain.bytes('chain')).currentKey)).toBe(toHex(second.publicKey));
});

const identity = new Identity(rotated, second, issuedAtMs - 86_400_000);

test('node record', () => {
  const fields = {
    addressCounter: Number(record.text('address counter')),
    hostname: record.text('hostname'),
    relays: [record.text('relay')],
    issuedAtMs: Number(record.text('issued at')),
  };
  expect(record.text('chain')).toBe(chain.text('chain'));
  expect(toHex(encodeNodeRecord(identity, fields))).toBe(record.text('record'));
  expect(decodeNodeRecord(record.bytes('record'))).toMatchObject(fields);
  const tagged = { ...fields, tags: record.text('tags').split(',') };
  expect(toHex(encodeNodeRecord(identity, tagged))).toBe(record.text('tagged record'));
  expect(decodeNodeRecord(record.bytes('tagged record'))).toMatchObject(tagged);
});

test('export: the same bytes from the same salt and nonce, and back', async () => {
  let next = 0;
  const counting = (length: number): Uint8Array => Uint8Array.from({ length }, () => next++);
  expect(await exportIdentity(identity, 'correct horse battery', counting)).toBe(exported);
  const imported = await importIdentity(exported, 'correct horse battery');
  expect(imported.nodeId).toBe(nodeId.text('node id'));
  expect(imported.secret.exposeSeed()).toEqual(second.exposeSeed());
});
