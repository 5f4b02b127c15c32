/**
 * The pid file of a running daemon, two lines:
 *
 *     process id
 *     start marker: boot id and start time on Linux, empty where the system does not tell
 *
 * A process id alone would one day name another process; with its start it never does. Processes of
 * another container are not seen: two containers must not share a home.
 */
import { readFileSync, renameSync, rmSync } from 'node:fs';

import { describeError, PilotError } from '../base/pilot-error.ts';
import { createFile } from './atomic-file.ts';

export interface PidRecord {
  readonly pid: number;
  readonly startMarker: string;
}

/** Each attempt removes one stale file; more of them means that somebody keeps making some. */
const MAX_CLAIM_ATTEMPTS = 8;

/**
 * The record in a pid file, living or not; undefined when there is none or it says nothing. PilotError
 * when it cannot be read: it may name a living process.
 */
export function readPidFile(file: string): PidRecord | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unusable(file, error);
  }
  const [pid = '', startMarker = ''] = text.split('\n');
  if (!/^[1-9]\d{0,9}$/.test(pid)) return undefined;
  return { pid: Number(pid), startMarker };
}

/** The process of a pid file while it lives; undefined when there is none or the file is stale. */
export function livingPid(file: string): number | undefined {
  const record = readPidFile(file);
  return record !== undefined && isAlive(record) ? record.pid : undefined;
}

/** True while the very process that the record names runs: not for a later one of the same number. */
export function isAlive({ pid, startMarker }: PidRecord): boolean {
  const marker = startMarkerOf(pid);
  if (marker === undefined) return false;
  return startMarker === '' || marker === '' || startMarker === marker;
}

/**
 * Names this process in the pid file. A stale one is cleaned away; for a living one it throws PilotError
 * `already_exists`.
 */
export function claimPidFile(file: string): void {
  const own = ownRecord();
  try {
    for (let attempt = 0; attempt < MAX_CLAIM_ATTEMPTS; attempt++) {
      if (createFile(file, encode(own))) return;
      const pid = livingPid(file);
      if (pid === own.pid) return;
      if (pid !== undefined) throw alreadyRuns(pid);
      removeStale(file);
    }
  } catch (error) {
    if (error instanceof PilotError) throw error;
    throw unusable(file, error);
  }
  throw unusable(file, new Error('other processes keep writing it'));
}

/** Removes the pid file if it names this process. Does nothing otherwise, also when called again. */
export function releasePidFile(file: string): void {
  if (livingPid(file) === process.pid) rmSync(file, { force: true });
}

/**
 * Another process may clean the same file and already stand in it: what was moved aside is looked at
 * again, and put back if it is alive.
 */
function removeStale(file: string): void {
  const aside = `${file}.${process.pid}.stale`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const moved = readPidFile(aside);
  if (moved !== undefined && isAlive(moved)) createFile(file, encode(moved));
  rmSync(aside, { force: true });
}

function encode({ pid, startMarker }: PidRecord): string {
  return `${pid}\n${startMarker}\n`;
}

function ownRecord(): PidRecord {
  return { pid: process.pid, startMarker: startMarkerOf(process.pid) ?? '' };
}

/** Undefined: no such process. Empty: it runs, and nobody tells since when. */
function startMarkerOf(pid: number): string | undefined {
  const bootId = readText('/proc/sys/kernel/random/boot_id');
  if (bootId === undefined || readText('/proc/self/stat') === undefined) {
    return takesSignals(pid) ? '' : undefined;
  }
  const stat = readText(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // proc(5): the name, field 2, may hold anything; after its last bracket comes field 3, the state.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  const startTime = fields[22 - 3];
  // A zombie holds nothing any more; only its parent has not asked yet.
  if (state === 'Z' || state === 'X' || startTime === undefined) return undefined;
  return `${bootId.trim()}:${startTime}`;
}

function takesSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Of the proc file system, where a file that cannot be read is a process that is not there. */
function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function alreadyRuns(pid: number): PilotError {
  return new PilotError('already_exists', `a daemon runs already (process ${pid})`, {
    hint: 'see it with: pilotctl daemon status; end it with: pilotctl daemon stop',
  });
}

function unusable(file: string, cause: unknown): PilotError {
  return new PilotError('internal', `cannot use ${file}: ${describeError(cause)}`, {
    hint: 'check that the file is yours and that its disk has space',
    cause,
  });
}
