import { chmodSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { expect, test } from 'vitest';

import { toHex } from '../../src/base/bytes.ts';
import { PilotError } from '../../src/base/pilot-error.ts';
import { loadOrCreateRelayKey } from '../../src/relay/relay-key.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const load = (directory: string, seed = 1): string =>
  toHex(loadOrCreateRelayKey(directory, seededRandom(seed)).publicKey);

test('is made once and stays', () => {
  const directory = path.join(temporaryDirectory(), 'new', 'store');
  const made = load(directory);
  expect(load(directory, 2)).toBe(made);
  expect(readdirSync(directory)).toEqual(['relay-key.json']);
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  expect(statSync(path.join(directory, 'relay-key.json')).mode & 0o777).toBe(0o600);
});

test('is refused while others may read it', () => {
  const directory = temporaryDirectory();
  load(directory);
  const file = path.join(directory, 'relay-key.json');
  chmodSync(file, 0o640);
  expect(() => load(directory)).toThrow(
    expect.objectContaining({ code: 'permission_denied', hint: `chmod 600 ${file}` }),
  );
});

test.each(['', '{}', '{"seed": 5}', '{"seed": "c2hvcnQ="}', 'null', '{"seed"'])(
  'a file with %j is not taken for one, nor overwritten',
  (content) => {
    const directory = temporaryDirectory();
    writeFileSync(path.join(directory, 'relay-key.json'), content, { mode: 0o600 });
    expect(() => load(directory)).toThrow('not a relay');
    expect(() => load(directory)).toThrow(PilotError);
  },
);

test('a store that cannot be is an error that says so', () => {
  const file = path.join(temporaryDirectory(), 'file');
  writeFileSync(file, '');
  expect(() => load(path.join(file, 'store'))).toThrow('cannot use the store');
});
