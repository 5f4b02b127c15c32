import { PilotError } from '../base/pilot-error.ts';
import { type ArgumentSpec, optional, required } from './command.ts';

/** A virtual port of a node, as an argument; `readPort` makes a number of it. */
export const port: ArgumentSpec<string> = required('a port of that node, 0 to 65535');
export const optionalPort: ArgumentSpec<string | undefined> = optional(
  'a port of that node, 0 to 65535 (default 1000)',
);
export const ownPort: ArgumentSpec<string> = required('a port of this node, 0 to 65535');

/** `what`: which of several it is. PilotError names what is none. */
export function readPort(given: string, what?: string): number {
  const number = /^\d{1,5}$/.test(given) ? Number(given) : Number.NaN;
  if (number <= 65_535) return number;
  const where = what === undefined ? '' : `${what}: `;
  throw new PilotError('invalid_argument', `${where}"${given}" is no port`, {
    hint: 'ports are whole numbers from 0 to 65535',
  });
}
