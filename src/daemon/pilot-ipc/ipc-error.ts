import { describeError, PilotError } from '../../base/pilot-error.ts';
import { WireError } from '../../base/wire-error.ts';

/** The text of an Error frame as it is: some of these clients know by heart (pilotctl interface 2.5). */
export class IpcError extends Error {
  override readonly name = 'IpcError';
}

/** What an Error frame says; `operation` is what the client asked for. */
export function errorText(operation: string, error: unknown): string {
  if (error instanceof IpcError) return error.message;
  if (error instanceof PilotError) return `${operation}: ${withHint(error)}`;
  if (error instanceof WireError) return `${operation}: ${error.message}`;
  return `${operation}: internal error: ${describeError(error)}`;
}

/** These clients show one line, so the hint goes with it. */
export function withHint({ message, hint }: PilotError): string {
  return hint === undefined ? message : `${message} (${hint})`;
}
