import { describeError, ERROR_CODES, type ErrorCode, PilotError } from '../base/pilot-error.ts';

/** A daemon's refusal of an HTTP request, as the error that it means. */
export function failureOf(
  { status, text }: { readonly status: number; readonly text: string },
  route: { readonly method: string; readonly path: string },
): PilotError {
  const failure = parsed(text);
  const isUnknownRoute = status === 404 || status === 405 || status === 501;
  if (isUnknownRoute && (!isErrorCode(failure.code) || failure.code === 'not_supported')) {
    return new PilotError(
      'not_supported',
      `this daemon does not know ${route.method} ${route.path}`,
      { hint: 'it is of another version: pilotctl daemon stop, then pilotctl daemon start' },
    );
  }
  return errorOf(failure, `HTTP status ${status}`);
}

interface Failure {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly hint?: unknown;
}

/** `ApiFailure` as it came from a daemon; what is missing in it, or unknown to us, is made up for. */
export function errorOf(failure: unknown, otherwise: string): PilotError {
  const { code, message, hint } = Object(failure) as Failure;
  return new PilotError(
    isErrorCode(code) ? code : 'internal',
    typeof message === 'string' ? message : otherwise,
    typeof hint === 'string' ? { hint } : {},
  );
}

/** Empty for what is not ours. */
function parsed(text: string): Failure {
  try {
    return Object(JSON.parse(text)) as Failure;
  } catch {
    return {};
  }
}

export function doesNotSpeakApi(socketPath: string, cause?: unknown): PilotError {
  return new PilotError('internal', `what answers at ${socketPath} does not speak our API`, {
    hint: 'is it the socket of another program?',
    cause,
  });
}

export function silent(socketPath: string, limitMs: number): PilotError {
  return new PilotError(
    'timeout',
    `the daemon at ${socketPath} did not answer in ${limitMs / 1000} s`,
    { hint: 'see: pilotctl daemon status' },
  );
}

/** Which system errors of connecting to a Unix socket the user can do something about. */
export function connectionError(error: unknown, socketPath: string): PilotError {
  if (error instanceof PilotError) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return new PilotError('not_running', `no daemon answers at ${socketPath}`, {
      hint: 'start one: pilotctl daemon start',
      cause: error,
    });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new PilotError('permission_denied', `may not open ${socketPath}`, {
      hint: 'the daemon of another user: set PILOT_HOME to a home of your own',
      cause: error,
    });
  }
  const why = error === undefined ? '' : `: ${describeError(error)}`;
  return new PilotError('connection_failed', `the daemon hung up${why}`, {
    hint: 'see: pilotctl daemon status',
    cause: error,
  });
}

/** As the daemon has it (`HomePaths`). Checked here because a longer path would be cut, not refused. */
const MAX_SOCKET_PATH_BYTES = 103;

export function checkSocketPath(socketPath: string): void {
  if (Buffer.byteLength(socketPath) <= MAX_SOCKET_PATH_BYTES) return;
  throw new PilotError('invalid_argument', `too long for a socket: ${socketPath}`, {
    hint: `at most ${MAX_SOCKET_PATH_BYTES} bytes: choose a shorter PILOT_HOME`,
  });
}

function isErrorCode(code: unknown): code is ErrorCode {
  return ERROR_CODES.some((known) => known === code);
}
