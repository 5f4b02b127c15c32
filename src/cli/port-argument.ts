import { PilotError } from '../base/pilot-error.ts';
import { type ArgumentSpec, optional, required } from './command.ts';

/** A virtual port of a node, as an argument; `readPort` makes a number of it. */
export const port: ArgumentSpec<string> = required('a port of that node, 0 to 65535');
export const optionalPort: ArgumentSpec<string | undefined> = optional(
  'a port of that node, 0 to 65535 (default 1000)',
);
export const ownPort: ArgumentSpec<string> = required('a port of this node, 0 to 65535');

/** Undefined for what is no port. */
export function portIn(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return port <= 65_535 ? port : undefined;
}

export function readPort(given: string): number {
  const number = portIn(given);
  if (number !== undefined) return number;
  throw new PilotError('invalid_argument', `"${given}" is no port`, {
    hint: 'ports are whole numbers from 0 to 65535',
  });
}
