import { isUtf8 } from 'node:buffer';

import * as z from 'zod';

import { locateJsonError } from '../../base/json-error.ts';
import { nearestName } from '../../base/nearest.ts';
import { PilotError } from '../../base/pilot-error.ts';
import { REQUESTS, type RequestSchemas, type RouteName } from './api-schemas.ts';

type Part = 'path' | 'query' | 'body';

const NOTHING = z.strictObject({});

type Parsed<Name extends RouteName, Part extends keyof RequestSchemas> =
  (typeof REQUESTS)[Name] extends Record<Part, infer Schema extends z.ZodType>
    ? z.infer<Schema>
    : Record<string, never>;

/** What a handler gets of a request, checked. */
export interface ParsedRequest<Name extends RouteName> {
  readonly params: Parsed<Name, 'params'>;
  readonly query: Parsed<Name, 'query'>;
  readonly body: Parsed<Name, 'body'>;
}

/** `invalid_argument` names the first member that is wrong, and what it should be. */
export function parseRequest<Name extends RouteName>(
  name: Name,
  raw: { readonly params: unknown; readonly query: unknown; readonly body: unknown },
): ParsedRequest<Name> {
  const schemas: RequestSchemas = REQUESTS[name];
  return {
    params: parsePart('path', schemas.params, raw.params),
    query: parsePart('query', schemas.query, raw.query),
    body: parsePart('body', schemas.body, raw.body),
  } as ParsedRequest<Name>;
}

function parsePart(part: Part, schema: z.ZodObject | undefined, value: unknown): unknown {
  if (schema === undefined && isEmpty(value)) return {};
  const result = (schema ?? NOTHING).safeParse(value);
  if (result.success) return result.data;
  throw refusal(part, schema ?? NOTHING, result.error.issues);
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length === 0;
}

function refusal(part: Part, schema: z.ZodObject, issues: readonly z.core.$ZodIssue[]): PilotError {
  const known = Object.keys(schema.shape);
  // First of all: a misspelt name is why the right one is missing.
  const unknown = issues.find((issue) => issue.code === 'unrecognized_keys')?.keys[0];
  if (unknown !== undefined) {
    const list = known.length === 0 ? 'it takes none' : `it takes ${known.join(', ')}`;
    return new PilotError('invalid_argument', `unknown member '${unknown}' in the ${part}`, {
      hint: `${didYouMean(unknown, known)}${list}`,
    });
  }
  const [issue] = issues;
  const at = issue?.path.join('.') ?? '';
  const where = at === '' ? `the ${part}` : `'${at}' in the ${part}`;
  return new PilotError('invalid_argument', `${where}: ${problemOf(issue?.message ?? '')}`, {
    ...(known.length > 0 && { hint: `it takes ${known.join(', ')}` }),
  });
}

function problemOf(message: string): string {
  if (message.endsWith('received undefined')) return 'it is missing';
  return message.replace(/^Invalid (?:input|option): /, '');
}

function didYouMean(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  return nearest === undefined ? '' : `did you mean '${nearest}'? `;
}

/** A request's body, whatever type the client calls it. */
export function parseBody(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  if (!isUtf8(body)) {
    throw new PilotError('invalid_argument', 'the body is not UTF-8', {
      hint: 'send bytes as base64, with "encoding": "base64"',
    });
  }
  return parseJson(body.toString('utf8'), 'body');
}

/** `what` is what the text is called in the error. */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const place = locateJsonError(text);
    const at = place === undefined ? '' : ` at line ${place.line}, column ${place.column}`;
    const found = place === undefined ? undefined : text.at(place.offset);
    throw new PilotError(
      'invalid_argument',
      `the ${what} is not JSON${at}: ${found === undefined ? 'it ends too early' : `unexpected ${JSON.stringify(found)}`}`,
      { hint: `the ${what} is one JSON object`, cause },
    );
  }
}
