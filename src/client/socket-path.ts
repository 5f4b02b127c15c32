import { homedir } from 'node:os';
import path from 'node:path';

/** Where the daemon of this user listens: `PILOT_SOCKET`, else `pilotd.sock` in `${PILOT_HOME:-$HOME}/.pilot`. */
export function defaultSocketPath(env: Readonly<Record<string, string | undefined>>): string {
  const named = env['PILOT_SOCKET'] ?? '';
  if (named !== '') return path.resolve(named);
  const home = env['PILOT_HOME'] ?? '';
  return path.resolve(home === '' ? (env['HOME'] ?? homedir()) : home, '.pilot', 'pilotd.sock');
}
