import { describeError, PilotError } from '../base/pilot-error.ts';

/** Why pilotd did not start, as pilotctl says such things (pilotctl interface 1.1), for standard error. */
export function startFailureText(error: unknown, format: string): string {
  const { code, message, hint } =
    error instanceof PilotError
      ? error
      : new PilotError('internal', describeError(error), { hint: 'please report this' });
  if (format === 'text')
    return `error: ${message}\n${hint === undefined ? '' : `hint:  ${hint}\n`}`;
  return `${JSON.stringify({ status: 'error', code, message, ...(hint !== undefined && { hint }) })}\n`;
}
