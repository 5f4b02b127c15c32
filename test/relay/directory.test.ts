import { describe, expect, onTestFinished, test } from 'vitest';

import { toHex } from '../../src/base/bytes.ts';
import { nextNodeNumber } from '../../src/identity/address.ts';
import { Identity } from '../../src/identity/identity.ts';
import { decodeNodeRecord, encodeNodeRecord } from '../../src/identity/node-record.ts';
import type { LookupKey } from '../../src/relay/control-message.ts';
import type { Directory, DirectorySettings, Publication } from '../../src/relay/directory.ts';
import { LmdbDirectory } from '../../src/relay/lmdb-directory.ts';
import { LmdbStore } from '../../src/relay/lmdb-store.ts';
import { MemoryDirectory } from '../../src/relay/memory-directory.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 0, 1);
const SETTINGS: DirectorySettings = { maxRecords: 100, nameIdleMs: 90 * DAY_MS };
const node = (seed: number): Identity => Identity.create(seededRandom(seed), NOW);

interface Fields {
  readonly hostname?: string;
  readonly issuedAtMs?: number;
}

function publication(identity: Identity, fields: Fields = {}): Publication {
  const addressCounter = nextNodeNumber(identity.firstKey)?.counter ?? 0;
  const { hostname = '', issuedAtMs = NOW } = fields;
  const bytes = encodeNodeRecord(identity, { addressCounter, hostname, relays: [], issuedAtMs });
  return { record: decodeNodeRecord(bytes), bytes };
}

/** Two real keys with one node number take hours to find; the directory believes the verified record. */
function withNumberOf(other: Publication, own: Publication): Publication {
  return { bytes: own.bytes, record: { ...own.record, node: other.record.node } };
}

const found = async (directory: Directory, by: LookupKey): Promise<string | undefined> => {
  const bytes = await directory.find(by);
  return bytes && toHex(bytes);
};

const openLmdb = (directory: string, settings: DirectorySettings): LmdbDirectory => {
  const store = new LmdbStore({ directory });
  onTestFinished(async () => {
    await store.close();
  });
  return new LmdbDirectory(store, settings);
};

const implementations = {
  memory: (settings: DirectorySettings): Directory => new MemoryDirectory(settings),
  lmdb: (settings: DirectorySettings): Directory => openLmdb(temporaryDirectory(), settings),
};

describe.each(Object.entries(implementations))('%s directory', (_name, open) => {
  test('finds a record by key, number and hostname', async () => {
    const directory = open(SETTINGS);
    const { record, bytes } = publication(node(1), { hostname: 'alpha' });
    expect(await directory.publish({ record, bytes }, NOW)).toBe('ok');
    expect(await found(directory, { key: record.chain.firstKey })).toBe(toHex(bytes));
    expect(await found(directory, { node: record.node })).toBe(toHex(bytes));
    expect(await found(directory, { hostname: 'alpha' })).toBe(toHex(bytes));
    expect(await directory.find({ hostname: 'beta' })).toBeUndefined();
    expect(await directory.find({ node: record.node ^ 1 })).toBeUndefined();
    expect(await directory.find({ key: node(2).firstKey })).toBeUndefined();
  });

  test('a hostname belongs to the first key that takes it', async () => {
    const directory = open(SETTINGS);
    const first = publication(node(1), { hostname: 'alpha' });
    await directory.publish(first, NOW);
    expect(await directory.publish(publication(node(2), { hostname: 'alpha' }), NOW)).toBe(
      'hostname_taken',
    );
    expect(await found(directory, { hostname: 'alpha' })).toBe(toHex(first.bytes));
    expect(await directory.find({ key: node(2).firstKey })).toBeUndefined();
  });

  test('a number belongs to the first key that takes it', async () => {
    const directory = open(SETTINGS);
    const first = publication(node(1));
    await directory.publish(first, NOW);
    const second = withNumberOf(first, publication(node(2)));
    expect(await directory.publish(second, NOW)).toBe('address_taken');
  });

  test('a hostname given up is free at once', async () => {
    const directory = open(SETTINGS);
    await directory.publish(publication(node(1), { hostname: 'alpha' }), NOW);
    const without = publication(node(1), { issuedAtMs: NOW + 1 });
    expect(await directory.publish(without, NOW)).toBe('ok');
    expect(await directory.find({ hostname: 'alpha' })).toBeUndefined();
    expect(await directory.publish(publication(node(2), { hostname: 'alpha' }), NOW)).toBe('ok');
  });

  test('the same again is fine, an older or an altered one of the same time is stale', async () => {
    const directory = open(SETTINGS);
    const current = publication(node(1), { issuedAtMs: NOW });
    expect(await directory.publish(current, NOW)).toBe('ok');
    expect(await directory.publish(current, NOW)).toBe('ok');
    const older = publication(node(1), { issuedAtMs: NOW - 1 });
    expect(await directory.publish(older, NOW)).toBe('stale_record');
    const altered = publication(node(1), { hostname: 'alpha' });
    expect(await directory.publish(altered, NOW)).toBe('stale_record');
  });

  test('a rotated key replaces the old one, and not the other way round', async () => {
    const directory = open(SETTINGS);
    const old = node(1);
    const rotated = old.rotate(seededRandom(9), NOW);
    await directory.publish(publication(rotated, { issuedAtMs: NOW + 1 }), NOW);
    expect(await directory.publish(publication(old, { issuedAtMs: NOW + 2 }), NOW)).toBe(
      'stale_record',
    );
    const fork = old.rotate(seededRandom(10), NOW);
    expect(await directory.publish(publication(fork, { issuedAtMs: NOW + 3 }), NOW)).toBe(
      'stale_record',
    );
  });

  test('names of a node idle for 90 days go to whoever asks; a login keeps them', async () => {
    const directory = open(SETTINGS);
    const holder = node(1);
    await directory.publish(publication(holder, { hostname: 'alpha' }), NOW);
    await directory.touch(holder.firstKey, NOW + 10 * DAY_MS);
    const claim = publication(node(2), { hostname: 'alpha' });
    expect(await directory.publish(claim, NOW + 100 * DAY_MS)).toBe('hostname_taken');
    expect(await directory.publish(claim, NOW + 101 * DAY_MS)).toBe('ok');
    expect(await found(directory, { hostname: 'alpha' })).toBe(toHex(claim.bytes));
    expect(await directory.find({ key: holder.firstKey })).toBeUndefined();
    const back = publication(holder, { hostname: 'alpha', issuedAtMs: NOW + 1 });
    expect(await directory.publish(back, NOW + 102 * DAY_MS)).toBe('hostname_taken');
  });

  test('when it is full, the longest idle node makes room, and only an idle one', async () => {
    const directory = open({ ...SETTINGS, maxRecords: 2 });
    await directory.publish(publication(node(1)), NOW);
    await directory.publish(publication(node(2)), NOW + DAY_MS);
    const third = publication(node(3));
    expect(await directory.publish(third, NOW + 2 * DAY_MS)).toBe('unavailable');
    expect(await directory.publish(third, NOW + 90.5 * DAY_MS)).toBe('ok');
    expect(await directory.find({ key: node(1).firstKey })).toBeUndefined();
    expect(await directory.find({ key: node(2).firstKey })).toBeDefined();
    const newer = publication(node(2), { issuedAtMs: NOW + 1 });
    expect(await directory.publish(newer, NOW + 90.6 * DAY_MS)).toBe('ok');
    expect(await directory.publish(publication(node(4)), NOW + 90.7 * DAY_MS)).toBe('unavailable');
  });

  test('touching an unknown node does nothing', async () => {
    const directory = open(SETTINGS);
    await directory.touch(node(1).firstKey, NOW);
    expect(await directory.find({ key: node(1).firstKey })).toBeUndefined();
  });
});

test('lmdb directory: has everything again after it was opened anew', async () => {
  const path = temporaryDirectory();
  const store = new LmdbStore({ directory: path });
  const alpha = publication(node(1), { hostname: 'alpha' });
  await new LmdbDirectory(store, SETTINGS).publish(alpha, NOW);
  await store.close();
  const directory = openLmdb(path, SETTINGS);
  expect(await found(directory, { hostname: 'alpha' })).toBe(toHex(alpha.bytes));
  const claim = publication(node(2), { hostname: 'alpha' });
  expect(await directory.publish(claim, NOW)).toBe('hostname_taken');
});
