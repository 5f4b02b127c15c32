import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';

import { describeError, PilotError } from '../base/pilot-error.ts';
import type { RandomBytes } from '../base/random.ts';
import { encodeNodeId } from '../identity/node-id.ts';
import { SecretKey, SEED_BYTES } from '../identity/secret-key.ts';

const FILE_NAME = 'relay-key.json';

/**
 * The relay's own key in its store: JSON `{relay_id, seed}`, the seed in base64, mode 0600. Made at the
 * first start. PilotError when it cannot be read, written, or others may read it.
 */
export function loadOrCreateRelayKey(directory: string, random: RandomBytes): SecretKey {
  const file = path.join(directory, FILE_NAME);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return readKey(file) ?? createKey(file, random);
  } catch (error) {
    if (error instanceof PilotError) throw error;
    throw new PilotError(
      'unavailable',
      `cannot use the store ${directory}: ${describeError(error)}`,
      {
        hint: 'Give --store a folder that the relay may write to.',
        cause: error,
      },
    );
  }
}

function readKey(file: string): SecretKey | undefined {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if ((stats.mode & 0o077) !== 0) {
    throw new PilotError('permission_denied', `others may read the relay's key ${file}`, {
      hint: `chmod 600 ${file}`,
    });
  }
  const seed = parseSeed(readFileSync(file, 'utf8'));
  if (seed === undefined) {
    throw new PilotError('invalid_argument', `${file} is not a relay's key`, {
      hint: 'Put back the file from a copy. Without it, move it away: a new key is made, and nodes that pinned the old one must be told.',
    });
  }
  return SecretKey.fromSeed(seed);
}

function parseSeed(text: string): Uint8Array | undefined {
  try {
    const { seed } = JSON.parse(text) as { seed?: unknown };
    if (typeof seed !== 'string') return undefined;
    const bytes = new Uint8Array(Buffer.from(seed, 'base64'));
    return bytes.length === SEED_BYTES ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/** Written aside and renamed, so that a crash leaves a whole key or none. */
function createKey(file: string, random: RandomBytes): SecretKey {
  const secret = SecretKey.generate(random);
  const seed = Buffer.from(secret.exposeSeed()).toString('base64');
  const content = { relay_id: encodeNodeId(secret.publicKey), seed };
  const temporary = `${file}.new`;
  writeDurably(temporary, `${JSON.stringify(content, null, 2)}\n`);
  renameSync(temporary, file);
  syncDirectory(path.dirname(file));
  return secret;
}

function writeDurably(file: string, text: string): void {
  const descriptor = openSync(file, 'w', 0o600);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
