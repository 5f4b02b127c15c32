import { PilotError } from '../base/pilot-error.ts';
import type { RandomBytes } from '../base/random.ts';
import type { Identity } from '../identity/identity.ts';
import { MAX_CERTIFICATES } from '../identity/key-chain.ts';
import type { Log } from './log/log.ts';

const DAY_MS = 86_400_000;

export interface RotationDeps {
  readonly nowMs: number;
  readonly random: RandomBytes;
  readonly log: Log;
  /** When it returns, the new key is on disk; when it throws, the old one still is. */
  readonly write: (identity: Identity) => void;
}

export interface KeyRotation extends RotationDeps {
  /** 0: keys are kept for ever. */
  readonly maxAgeDays: number;
}

/**
 * Gives the identity a new key when the current one is older than it may be; true: it has one. The old
 * secret is erased once the new one is on disk, not before: a crash in between leaves one of the two, whole.
 */
export function rotateWhenDue(identity: Identity, rotation: KeyRotation): boolean {
  const { maxAgeDays, nowMs, log } = rotation;
  const ageDays = (nowMs - identity.keyIssuedAtMs) / DAY_MS;
  if (maxAgeDays === 0 || ageDays <= maxAgeDays) return false;
  const rotations = identity.chain.length;
  if (rotations >= MAX_CERTIFICATES) {
    log.warn({ rotations }, 'the key is old, but an identity has no room for another one');
    return false;
  }
  rotate(identity, rotation);
  return true;
}

/** Gives it a new key, however old the current one is. PilotError `unavailable`: it has had as many as it can. */
export function rotateNow(identity: Identity, rotation: RotationDeps): void {
  if (identity.chain.length >= MAX_CERTIFICATES) {
    throw new PilotError(
      'unavailable',
      `the key was rotated ${MAX_CERTIFICATES} times, and cannot be again`,
      {
        hint: 'make another identity: PILOT_HOME names another folder',
      },
    );
  }
  rotate(identity, rotation);
}

function rotate(identity: Identity, { nowMs, random, log, write }: RotationDeps): void {
  const ageDays = (nowMs - identity.keyIssuedAtMs) / DAY_MS;
  const renewed = identity.rotate(random, nowMs);
  write(renewed);
  identity.become(renewed);
  const rotations = identity.chain.length;
  log.info({ age_days: Math.floor(ageDays), rotations }, 'key rotated');
}
