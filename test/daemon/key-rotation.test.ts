import { expect, test } from 'vitest';

import { rotateNow, rotateWhenDue } from '../../src/daemon/key-rotation.ts';
import { silentLog } from '../../src/daemon/log/log.ts';
import { Identity } from '../../src/identity/identity.ts';
import { MAX_CERTIFICATES } from '../../src/identity/key-chain.ts';
import { seededRandom } from '../support/seeded-random.ts';

const random = seededRandom(3);
const DAY_MS = 86_400_000;

test('the old secret lives until the new key is on disk, and not longer', () => {
  const identity = Identity.create(random, 0);
  const { secret } = identity;
  const write = (renewed: Identity): void => {
    expect(secret.exposeSeed().length).toBe(32);
    expect(identity.chain.length).toBe(0);
    expect(renewed.chain.length).toBe(1);
  };
  const rotation = { maxAgeDays: 1, nowMs: 2 * DAY_MS, random, log: silentLog, write };
  expect(rotateWhenDue(identity, rotation)).toBe(true);
  expect(identity.keyIssuedAtMs).toBe(2 * DAY_MS);
  expect(() => secret.exposeSeed()).toThrow('erased');
  expect(identity.secret.exposeSeed().length).toBe(32);
  expect(rotateWhenDue(identity, rotation)).toBe(false);
});

test('a young key is rotated on request, as long as there is room', () => {
  const identity = Identity.create(random, 0);
  const rotation = { nowMs: 1, random, log: silentLog, write: () => undefined };
  for (let i = 1; i <= MAX_CERTIFICATES; i++) {
    rotateNow(identity, rotation);
    expect(identity.chain.length).toBe(i);
  }
  expect(() => {
    rotateNow(identity, rotation);
  }).toThrow(expect.objectContaining({ code: 'unavailable' }));
  expect(identity.chain.length).toBe(MAX_CERTIFICATES);
});

test('a key that cannot be written stays as it is', () => {
  const identity = Identity.create(random, 0);
  const write = (): void => {
    throw new Error('disk full');
  };
  const rotation = { maxAgeDays: 1, nowMs: 2 * DAY_MS, random, log: silentLog, write };
  expect(() => rotateWhenDue(identity, rotation)).toThrow('disk full');
  expect(identity.chain.length).toBe(0);
  expect(identity.secret.exposeSeed().length).toBe(32);
});

test('an identity without room for another key keeps the last one, and says so', () => {
  let identity = Identity.create(random, 0);
  for (let i = 0; i < MAX_CERTIFICATES; i++) identity = identity.rotate(random, i);
  const warnings: string[] = [];
  const rotation = {
    ...{ maxAgeDays: 1, nowMs: 2 * DAY_MS, random },
    log: { ...silentLog, warn: (_fields: object, message: string) => warnings.push(message) },
    write: () => undefined,
  };
  expect(rotateWhenDue(identity, rotation)).toBe(false);
  expect(identity.secret.exposeSeed().length).toBe(32);
  expect(warnings).toEqual(['the key is old, but an identity has no room for another one']);
});
