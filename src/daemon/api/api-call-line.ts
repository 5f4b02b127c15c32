import { PilotError } from '../../base/pilot-error.ts';
import { parseJson } from './api-request.ts';

/**
 * What a client writes on the call stream, one JSON object a line:
 *
 *     {"call": 1, "route": "listInbox", "params": {…}, "query": {…}, "body": {…}}
 *     {"cancel": 1}
 *
 * `route` is a name of `ROUTES`, the other members are what the same request has over HTTP.
 */
export type CallLine = StartLine | { readonly cancel: number };

export interface StartLine {
  readonly call: number;
  readonly route: string;
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  /** The first member that a line has not. */
  readonly unknownMember: string | undefined;
}

export const CALL_MEMBERS: readonly string[] = ['call', 'route', 'params', 'query', 'body'];

/** PilotError for a line after which nobody knows what the next one means: it names no call. */
export function readCallLine(text: string): CallLine {
  const line = parseJson(text, 'line');
  if (typeof line !== 'object' || line === null || Array.isArray(line)) {
    throw new PilotError('invalid_argument', 'the line is not a JSON object', { hint: HINT });
  }
  const { call, cancel, route, params, query, body } = line as Record<string, unknown>;
  if (isCallNumber(call)) {
    return {
      call,
      route: typeof route === 'string' ? route : '',
      ...{ params, query: queryOf(query), body },
      unknownMember: Object.keys(line).find((name) => !CALL_MEMBERS.includes(name)),
    };
  }
  if (call === undefined && isCallNumber(cancel)) return { cancel };
  throw new PilotError('invalid_argument', 'the line has no call number', { hint: HINT });
}

const HINT = 'a line is {"call": NUMBER, "route": NAME, …} or {"cancel": NUMBER}';

function isCallNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** In a URL a query is text, and that is what routes check; JSON's own numbers and truth values say the same. */
function queryOf(query: unknown): unknown {
  if (typeof query !== 'object' || query === null || Array.isArray(query)) return query;
  return Object.fromEntries(
    Object.entries(query).map(([name, value]: [string, unknown]) => [
      name,
      typeof value === 'number' || typeof value === 'boolean' ? String(value) : value,
    ]),
  );
}
