/**
 * What can go wrong for a caller, by the codes that existing clients know (pilotctl interface 1.1).
 * Callers branch on `code`, never on `message`.
 */
export const ERROR_CODES = [
  'invalid_argument',
  'not_found',
  'already_exists',
  'not_running',
  'connection_failed',
  'connection_refused',
  'timeout',
  'internal',
  'unavailable',
  'trust_required',
  'auth_required',
  'permission_denied',
  'not_supported',
  'conflict',
  'expired',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** An error meant for the user: what happened (`message`) and what to do next (`hint`). */
export class PilotError extends Error {
  override readonly name = 'PilotError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** The message of whatever was thrown. */
export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
