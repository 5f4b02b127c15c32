import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

import { beforeEach, describe, expect, test } from 'vitest';

import { toHex } from '../../src/base/bytes.ts';
import { PilotError } from '../../src/base/pilot-error.ts';
import { HomePaths } from '../../src/home/home-paths.ts';
import {
  createKeyFile,
  loadOrCreateIdentity,
  readKeyFile,
  writeKeyFile,
} from '../../src/home/key-file.ts';
import { Identity } from '../../src/identity/identity.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

let folder = '';
let file = '';
beforeEach(() => {
  folder = temporaryFolder();
  file = path.join(folder, 'identity.json');
});

const random = seededRandom(15);
const identity = Identity.create(random, 1_000);

function failure(run: () => unknown): PilotError {
  try {
    run();
  } catch (error) {
    if (error instanceof PilotError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

test('write and read; mode 0600; nothing else is left in the folder', () => {
  writeKeyFile(file, identity);
  expect(readKeyFile(file).secret.exposeSeed()).toEqual(identity.secret.exposeSeed());
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(['identity.json']);
});

test('writing again replaces it whole: after a rotation the old key is gone', () => {
  writeKeyFile(file, identity);
  const rotated = identity.rotate(random, 2_000);
  writeKeyFile(file, rotated);
  const read = readKeyFile(file);
  expect(toHex(read.chain.encode())).toBe(toHex(rotated.chain.encode()));
  const oldSeed = Buffer.from(identity.secret.exposeSeed()).toString('base64').slice(0, 40);
  expect(readFileSync(file, 'utf8')).not.toContain(oldSeed);
});

test('writing over a symbolic link replaces the link and leaves its target alone', () => {
  const target = path.join(folder, 'target');
  writeFileSync(target, 'precious');
  symlinkSync(target, file);
  writeKeyFile(file, identity);
  expect(readFileSync(target, 'utf8')).toBe('precious');
  expect(readKeyFile(file).nodeId).toBe(identity.nodeId);
});

test('a file that does not say when it was made is as old as itself', () => {
  writeKeyFile(file, identity);
  const document = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  delete document['created'];
  writeFileSync(file, JSON.stringify(document));
  expect(readKeyFile(file).createdAtMs).toBe(Math.floor(statSync(file).mtimeMs));
});

describe('reading refuses', () => {
  test('nothing there', () => {
    expect(failure(() => readKeyFile(file))).toMatchObject({ code: 'not_found' });
  });

  test.each([0o644, 0o640, 0o660, 0o604, 0o610])('mode %o, with the remedy', (mode) => {
    writeKeyFile(file, identity);
    chmodSync(file, mode);
    expect(failure(() => readKeyFile(file))).toMatchObject({
      code: 'permission_denied',
      hint: `chmod 600 ${file}`,
    });
  });

  test('a symbolic link, even to a good key file', () => {
    const target = path.join(folder, 'target');
    writeKeyFile(target, identity);
    symlinkSync(target, file);
    const error = failure(() => readKeyFile(file));
    expect(error.code).toBe('permission_denied');
    expect(error.message).toContain('symbolic link');
  });

  test('a folder, and a pipe without waiting for a writer', () => {
    mkdirSync(file);
    expect(failure(() => readKeyFile(file)).message).toContain('not a regular file');
    const pipe = path.join(folder, 'pipe');
    execFileSync('/usr/bin/mkfifo', ['-m', '600', pipe]);
    expect(failure(() => readKeyFile(pipe)).message).toContain('not a regular file');
  });

  test.each([
    ['empty', ''],
    ['half a file', '{"public_key": "AAAA"'],
    ['another JSON', '{"a": 1}'],
    ['too large', ' '.repeat(100_000)],
  ])('%s', (_, text) => {
    writeFileSync(file, text, { mode: 0o600 });
    const error = failure(() => readKeyFile(file));
    expect(error.code).toBe('invalid_argument');
    expect(error.message).toContain(file);
  });
});

describe('create', () => {
  test('never replaces: not a key, not rubbish, not a link to nowhere', () => {
    expect(createKeyFile(file, identity)).toBe(true);
    const before = readFileSync(file, 'utf8');
    expect(createKeyFile(file, Identity.create(random, 0))).toBe(false);
    expect(readFileSync(file, 'utf8')).toBe(before);
    const link = path.join(folder, 'link');
    symlinkSync(path.join(folder, 'nowhere'), link);
    expect(createKeyFile(link, identity)).toBe(false);
    expect(readdirSync(folder).toSorted()).toEqual(['identity.json', 'link']);
  });

  test('a folder that is not there is a PilotError', () => {
    const nowhere = path.join(folder, 'none', 'identity.json');
    expect(failure(() => createKeyFile(nowhere, identity)).code).toBe('internal');
  });
});

describe('load or create', () => {
  const paths = (): HomePaths => HomePaths.of({ PILOT_HOME: folder });

  test('the first start makes one, the next finds it', () => {
    const first = loadOrCreateIdentity(paths(), random, 5_000);
    const second = loadOrCreateIdentity(paths(), random, 6_000);
    expect(second.nodeId).toBe(first.nodeId);
    expect(second.createdAtMs).toBe(5_000);
    expect(readdirSync(paths().root)).toEqual(['identity.json']);
  });

  test.each([
    ['an empty file', '', 0o600, 'invalid_argument'],
    ['a loose file', 'whatever', 0o644, 'permission_denied'],
  ])('%s stays as it is', (_, text, mode, code) => {
    paths().ensureRoot();
    writeFileSync(paths().keyFile, text);
    chmodSync(paths().keyFile, mode);
    expect(failure(() => loadOrCreateIdentity(paths(), random, 0)).code).toBe(code);
    expect(readFileSync(paths().keyFile, 'utf8')).toBe(text);
  });

  test('who comes second in a race gets the key of the first', () => {
    let winner: Identity | undefined;
    // The other process writes its key between our look and our own writing.
    const racing = (length: number): Uint8Array => {
      winner = Identity.create(random, 1);
      const other = path.join(folder, 'other');
      writeKeyFile(other, winner);
      linkSync(other, paths().keyFile);
      return random(length);
    };
    const got = loadOrCreateIdentity(paths(), racing, 2);
    expect(got.nodeId).toBe(winner?.nodeId);
    expect(readdirSync(paths().root)).toEqual(['identity.json']);
  });
});
