import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { ByteWriter } from '../../src/base/byte-writer.ts';
import { concatBytes, toHex, utf8 } from '../../src/base/bytes.ts';
import { WireError } from '../../src/base/wire-error.ts';
import { deriveNodeNumber } from '../../src/identity/address.ts';
import { Identity } from '../../src/identity/identity.ts';
import {
  decodeNodeRecord,
  encodeNodeRecord,
  MAX_NODE_RECORD_BYTES,
  type NodeRecordFields,
} from '../../src/identity/node-record.ts';
import { seededRandom } from '../support/seeded-random.ts';

const random = seededRandom(12);
const identity = Identity.create(random, 1_000).rotate(random, 2_000);
const fields: NodeRecordFields = {
  addressCounter: 0,
  hostname: 'alice',
  relays: ['wss://relay.example/#pilot1', 'ws://[::1]:7443'],
  tags: ['gpu', 'a', 'x'.repeat(32)],
  issuedAtMs: 1_767_225_600_000,
};
const record = encodeNodeRecord(identity, fields);

test('decode gives what was encoded', () => {
  const { chain, ...rest } = decodeNodeRecord(record);
  expect(toHex(chain.encode())).toBe(toHex(identity.chain.encode()));
  expect(rest).toEqual({ ...fields, node: deriveNodeNumber(identity.firstKey, 0) });
});

test('no hostname, no relay and no tag are fine', () => {
  const bare = { ...fields, hostname: '', relays: [], tags: [] };
  expect(decodeNodeRecord(encodeNodeRecord(identity, bare))).toMatchObject(bare);
});

test('tags may be left out, as earlier releases do, and no tags leave no byte', () => {
  expect(decodeNodeRecord(signedRecord(signedPart({ tags: [] }))).tags).toEqual([]);
  const earlier = signedPart({ tags: undefined });
  expect(decodeNodeRecord(signedRecord(earlier)).tags).toEqual([]);
  const none = encodeNodeRecord(identity, { ...fields, tags: [] });
  expect(toHex(none)).toContain(toHex(earlier));
});

test('fields of a later release, inside the signed part, are skipped', () => {
  const later = signedRecord(concatBytes(signedPart(), utf8('something new')));
  expect(decodeNodeRecord(later).hostname).toBe('alice');
});

describe('refused', () => {
  test.each<[string, Uint8Array]>([
    ['bytes after the signature', concatBytes(record, Uint8Array.of(0))],
    ['another version', concatBytes(Uint8Array.of(2), record.slice(1))],
    ['too long', signedRecord(concatBytes(signedPart(), new Uint8Array(MAX_NODE_RECORD_BYTES)))],
    ['a node number that is not derived', signedRecord(signedPart({ node: 77 }))],
    ['the number of another counter', signedRecord(signedPart({ counter: 1 }))],
    ['a hostname of capitals', signedRecord(signedPart({ hostname: 'Alice' }))],
    ['a hostname that ends a line', signedRecord(signedPart({ hostname: 'alice\n' }))],
    ['a hostname of 64', signedRecord(signedPart({ hostname: 'a'.repeat(64) }))],
    ['five relays', signedRecord(signedPart({ relays: Array(5).fill('ws://a') as string[] }))],
    ['a relay URL of 257', signedRecord(signedPart({ relays: [`ws://${'a'.repeat(252)}`] }))],
    ['an empty relay URL', signedRecord(signedPart({ relays: [''] }))],
    ['a relay of another scheme', signedRecord(signedPart({ relays: ['file:///etc/passwd'] }))],
    ['a relay URL with escapes', signedRecord(signedPart({ relays: ['ws://a\u001b[2J'] }))],
    ['a relay URL with letters like ASCII', signedRecord(signedPart({ relays: ['ws://é'] }))],
    ['four tags', signedRecord(signedPart({ tags: ['a', 'b', 'c', 'd'] }))],
    ['the same tag twice', signedRecord(signedPart({ tags: ['a', 'a'] }))],
    ['an empty tag', signedRecord(signedPart({ tags: [''] }))],
    ['a tag of 33', signedRecord(signedPart({ tags: ['a'.repeat(33)] }))],
    ['a tag that ends a line', signedRecord(signedPart({ tags: ['gpu\n'] }))],
    ['a tag of capitals', signedRecord(signedPart({ tags: ['GPU'] }))],
    ['a signature of a retired key', signedRecord(signedPart(), retired())],
  ])('%s', (_, bytes) => {
    expect(() => decodeNodeRecord(bytes)).toThrow(WireError);
  });

  test('every truncation', () => {
    for (let length = 0; length < record.length; length++) {
      expect(() => decodeNodeRecord(record.slice(0, length))).toThrow(WireError);
    }
  });

  test('every flipped bit', () => {
    fc.assert(
      fc.property(fc.nat(record.length * 8 - 1), (bit) => {
        const bytes = record.slice();
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(() => decodeNodeRecord(bytes)).toThrow(WireError);
      }),
    );
  });
});

test('random bytes fail with WireError only', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      expect(() => decodeNodeRecord(bytes)).toThrow(WireError);
      expect(() => decodeNodeRecord(signedRecord(bytes))).toThrow(WireError);
    }),
  );
});

test.each<[string, Partial<NodeRecordFields>]>([
  ['a hostname that breaks the rule', { hostname: '-a' }],
  ['five relays', { relays: Array(5).fill('ws://a') as string[] }],
  ['a relay URL that is too long', { relays: [`ws://${'a'.repeat(252)}`] }],
  ['a tag that breaks the rule', { tags: ['a b'] }],
  ['four tags', { tags: ['a', 'b', 'c', 'd'] }],
  ['a counter beyond a byte', { addressCounter: 256 }],
])('encode refuses %s', (_, wrong) => {
  expect(() => encodeNodeRecord(identity, { ...fields, ...wrong })).toThrow(RangeError);
});

interface Parts {
  node?: number;
  counter?: number;
  hostname?: string;
  relays?: readonly string[];
  /** Undefined: without the field. */
  tags?: readonly string[] | undefined;
}

/** The signed part written field by field, rules or not. */
function signedPart(parts: Parts = {}): Uint8Array {
  const chain = identity.chain.encode();
  const hostname = utf8(parts.hostname ?? fields.hostname);
  const relays = parts.relays ?? fields.relays;
  const writer = new ByteWriter()
    .u16(chain.length)
    .bytes(chain)
    .u8(parts.counter ?? 0)
    .u32(parts.node ?? deriveNodeNumber(identity.firstKey, 0) ?? 0)
    .u64(fields.issuedAtMs)
    .u8(hostname.length)
    .bytes(hostname)
    .u8(relays.length);
  for (const url of relays) writer.u16(utf8(url).length).bytes(utf8(url));
  const tags = 'tags' in parts ? parts.tags : fields.tags;
  if (tags !== undefined) writer.u8(tags.length);
  for (const tag of tags ?? []) writer.u8(tag.length).bytes(utf8(tag));
  return writer.finish();
}

function signedRecord(signed: Uint8Array, signer: Identity = identity): Uint8Array {
  const writer = new ByteWriter().u8(1).u16(signed.length).bytes(signed);
  return writer.bytes(signer.sign('node-record', signed)).finish();
}

function retired(): Identity {
  const replay = seededRandom(12);
  return Identity.create(replay, 1_000);
}

test('the field by field record is the one that encode makes', () => {
  expect(toHex(signedRecord(signedPart()))).toBe(toHex(record));
  expect(toHex(retired().firstKey)).toBe(toHex(identity.firstKey));
});
