import type { Stats } from 'node:fs';

import { PilotError } from '../base/pilot-error.ts';

/** PilotError `permission_denied`, with the command that mends it, when anyone but the owner has any access. */
export function requirePrivate(place: string, stats: Stats): void {
  // Windows has access lists instead; the mode there says nothing.
  if (process.platform === 'win32' || (stats.mode & 0o077) === 0) return;
  const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
  throw new PilotError('permission_denied', `${place} is open to other users (mode ${mode})`, {
    hint: `chmod ${stats.isDirectory() ? '700' : '600'} ${shellQuoted(place)}`,
  });
}

/** As one word for a POSIX shell, so that a hint can be pasted. */
export function shellQuoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
