import { beforeEach, describe, expect, test } from 'vitest';

import { toHex } from '../../../src/base/bytes.ts';
import { parseTarget, Targets } from '../../../src/daemon/node/target.ts';
import type { TrustRecord, TrustState } from '../../../src/daemon/trust/trust-record.ts';
import { TrustStore } from '../../../src/daemon/trust/trust-store.ts';
import { Identity } from '../../../src/identity/identity.ts';
import { encodeNodeRecord } from '../../../src/identity/node-record.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { MemoryStorage } from '../store/memory-storage.ts';

const random = seededRandom(21);
const [self, alice, bob] = [newIdentity(), newIdentity(), newIdentity()];

function newIdentity(): Identity {
  return Identity.create(random, 0);
}

function recordOf(identity: Identity, hostname: string): Uint8Array {
  return encodeNodeRecord(identity, { addressCounter: 0, hostname, relays: [], issuedAtMs: 1 });
}

function known(identity: Identity, hostname: string, state: TrustState): TrustRecord {
  return {
    ...{ peer: toHex(identity.firstKey), chain: identity.chain, state, hostname },
    ...{ node: 100, relays: [], tags: [], recordIssuedAtMs: 0, justification: '', sinceMs: 0 },
    ...{ isConfirmed: false, theirStatementMs: 0, ourStatementMs: 0, owed: '', owedWhy: '' },
  };
}

let store: TrustStore;
let directory: Uint8Array | undefined;
let targets: Targets;
beforeEach(() => {
  store = new TrustStore(new MemoryStorage());
  directory = undefined;
  targets = new Targets({
    own: () => ({ id: self.nodeId, node_id: 99, address: '0:0000.0000.0063', hostname: 'self' }),
    store,
    lookup: async () => Promise.resolve(directory),
  });
});

describe('a target is', () => {
  test.each([
    [self.nodeId, { key: self.firstKey }],
    ['0:0000.A91F.7C2E', { node: 0xa91f7c2e }],
    ['0:0000.a91f.7c2e', { node: 0xa91f7c2e }],
    ['4294967295', { node: 0xffffffff }],
    ['a-host', { hostname: 'a-host' }],
  ])('%s', (text, by) => {
    expect(parseTarget(text)).toEqual(by);
    expect(targets.parse(text)).toEqual(by);
    expect(targets.parse(text)).toBe(targets.parse(text));
  });

  test.each([
    ['pilot1qqqq', 'characters'],
    [`${self.nodeId.slice(0, -1)}${self.nodeId.endsWith('q') ? 'p' : 'q'}`, 'checksum'],
    ['0:0001.0000.0005', 'network mismatch'],
    ['1:0001.0000.0020', 'no network 1'],
    ['4294967296', 'over 32 bits'],
    ['Not A Name', 'not a target'],
    ['', 'not a target'],
  ])('not %s', (text, fault) => {
    expect(() => parseTarget(text)).toThrow(fault);
    expect(() => parseTarget(text)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });
});

test('this node goes by all its names', () => {
  for (const name of [self.nodeId, '99', '0:0000.0000.0063', 'self']) {
    expect(targets.isSelf(targets.parse(name))).toBe(true);
  }
  for (const name of [alice.nodeId, '98', 'other']) {
    expect(targets.isSelf(targets.parse(name))).toBe(false);
  }
});

describe('a known node', () => {
  test('is found by each of its names, and not when it is a former one', async () => {
    await store.put(known(alice, 'alice', 'trusted'));
    await store.put(known(bob, 'bob', 'none'));
    for (const name of [alice.nodeId, '100', 'alice']) {
      expect(targets.known(targets.parse(name))?.chain).toBe(alice.chain);
    }
    for (const name of [bob.nodeId, 'bob', 'nobody']) {
      expect(targets.known(targets.parse(name))).toBeUndefined();
    }
  });

  test('that is trusted comes before others of its name', async () => {
    await store.put(known(alice, 'twin', 'pending'));
    await store.put(known(bob, 'twin', 'trusted'));
    expect(targets.known({ hostname: 'twin' })?.chain).toBe(bob.chain);
    expect(targets.known({ hostname: 'twin' }, ['pending'])?.chain).toBe(alice.chain);
  });

  test('is not guessed among several', async () => {
    await store.put(known(alice, 'twin', 'trusted'));
    await store.put(known(bob, 'twin', 'trusted'));
    expect(() => targets.known({ hostname: 'twin' })).toThrow(alice.nodeId);
    expect(() => targets.known({ hostname: 'twin' })).toThrow(
      expect.objectContaining({ code: 'conflict' }),
    );
  });
});

describe('a relay', () => {
  test('may know the node', async () => {
    directory = recordOf(alice, 'alice');
    const record = await targets.lookUp({ hostname: 'alice' }, 'alice');
    expect(record.chain.firstKey).toEqual(alice.firstKey);
  });

  test.each([
    ['that it does not know', undefined],
    ['of another name', recordOf(alice, 'other')],
    ['in bytes that are none', new Uint8Array(10)],
  ])('may answer with a record %s', async (_what, answer) => {
    directory = answer;
    await expect(targets.lookUp({ hostname: 'alice' }, 'alice')).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(targets.lookUp({ key: bob.firstKey }, 'bob')).rejects.toMatchObject({
      code: 'not_found',
    });
  });
});
