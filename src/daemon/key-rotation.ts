import type { RandomBytes } from '../base/random.ts';
import type { Identity } from '../identity/identity.ts';
import { MAX_CERTIFICATES } from '../identity/key-chain.ts';
import type { Log } from './log.ts';

const DAY_MS = 86_400_000;

export interface KeyRotation {
  /** 0: keys are kept for ever. */
  readonly maxAgeDays: number;
  readonly nowMs: number;
  readonly random: RandomBytes;
  readonly log: Log;
  /** When it returns, the new key is on disk; when it throws, the old one still is. */
  readonly write: (identity: Identity) => void;
}

/**
 * Gives the identity a new key when the current one is older than it may be; true: it has one. The old
 * secret is erased once the new one is on disk, not before: a crash in between leaves one of the two, whole.
 */
export function rotateWhenDue(identity: Identity, rotation: KeyRotation): boolean {
  const { maxAgeDays, nowMs, random, log, write } = rotation;
  const ageDays = (nowMs - identity.keyIssuedAtMs) / DAY_MS;
  if (maxAgeDays === 0 || ageDays <= maxAgeDays) return false;
  const rotations = identity.chain.length;
  if (rotations >= MAX_CERTIFICATES) {
    log.warn({ rotations }, 'the key is old, but an identity has no room for another one');
    return false;
  }
  const renewed = identity.rotate(random, nowMs);
  write(renewed);
  identity.become(renewed);
  log.info({ age_days: Math.floor(ageDays), rotations: rotations + 1 }, 'key rotated');
  return true;
}
