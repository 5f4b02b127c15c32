import * as z from 'zod';

import { formatDuration, parseDuration } from '../base/duration.ts';
import { nearestName } from '../base/nearest.ts';

/** The kind decides how text from an option or the environment is read. */
export type SettingKind =
  'text' | 'integer' | 'number' | 'boolean' | 'choice' | 'duration' | 'list';

/** What is known of a setting beside its schema: enough to explain it and to say what is wrong. */
export interface Setting {
  readonly kind: SettingKind;
  /** Completes "expected …". */
  readonly expected: string;
  readonly description: string;
  /** As it would stand in the file. */
  readonly default: string | number | boolean | readonly string[];
  /** The values there are, where they are counted; for a list: of its items. */
  readonly choices?: readonly string[];
  /** A list: completes "expected …" for one of its items. */
  readonly expectedItem?: string;
  /** The smallest and largest value, where there are such. */
  readonly range?: { readonly min: number; readonly max: number };
  /** Never shown in a message. */
  readonly secret?: boolean;
  /** What was probably meant by a value that was refused; for a list: by an item. */
  readonly hint?: (found: unknown) => string | undefined;
}

export type SettingSchema<Value> = z.ZodPrefault<z.ZodType<Value>>;

/** Settings by their schema: what stands here is a leaf of the configuration tree. */
export const SETTINGS = z.registry<Setting>();

export interface TextOptions {
  readonly default?: string;
  readonly expected: string;
  readonly maxLength: number;
  readonly accepts: (text: string) => boolean;
  readonly hint?: (text: string) => string | undefined;
  readonly secret?: boolean;
}

export function text(description: string, options: TextOptions): SettingSchema<string> {
  const { expected, secret = false, hint } = options;
  return setting(textSchema(options), {
    ...{ kind: 'text', expected, description, default: options.default ?? '', secret },
    hint: (found) => (typeof found === 'string' ? hint?.(found) : quotesHint(found, secret)),
  });
}

interface Range {
  readonly min: number;
  readonly max: number;
  readonly default: number;
}

/** `unit` is what the number counts ("milliseconds"), so that `5s` can be answered in it. */
export function integer(
  description: string,
  options: Range & { readonly unit: string },
): SettingSchema<number> {
  const { min, max, unit } = options;
  return setting(z.int().min(min).max(max), {
    kind: 'integer',
    expected: `a whole number of ${unit} from ${min} to ${max}`,
    ...{ description, default: options.default, range: { min, max } },
    hint: (found) => (typeof found === 'string' ? unitHint(found, unit) : undefined),
  });
}

export function decimal(description: string, options: Range): SettingSchema<number> {
  const { min, max } = options;
  return setting(z.number().min(min).max(max), {
    ...{ kind: 'number', expected: `a number from ${min} to ${max}` },
    ...{ description, default: options.default, range: { min, max } },
  });
}

const BOOLEAN_WORDS = new Map([
  ...['yes', 'on', '1'].map((word) => [word, 'true'] as const),
  ...['no', 'off', '0'].map((word) => [word, 'false'] as const),
]);

export function toggle(
  description: string,
  options: { readonly default: boolean },
): SettingSchema<boolean> {
  return setting(z.boolean(), {
    ...{ kind: 'boolean', expected: 'true or false', description, default: options.default },
    hint: (found) => {
      const meant = BOOLEAN_WORDS.get(String(found).toLowerCase());
      return meant === undefined ? undefined : `write ${meant}`;
    },
  });
}

export function choice<const Names extends readonly [string, ...string[]]>(
  description: string,
  options: { readonly of: Names; readonly default: NoInfer<Names[number]> },
): SettingSchema<Names[number]> {
  const expected =
    options.of.length === 1
      ? `${options.default} (nothing else is supported)`
      : `one of ${options.of.join(', ')}`;
  return setting<Names[number]>(z.enum(options.of), {
    ...{ kind: 'choice', expected, description, default: options.default, choices: options.of },
    hint: (found) => nearestHint(found, options.of),
  });
}

/** Text or bare seconds in the file, milliseconds in the configuration. */
export function duration(
  description: string,
  options: { readonly minMs: number; readonly maxMs: number; readonly default: string },
): SettingSchema<number> {
  const { minMs: min, maxMs: max } = options;
  const written = z.union([z.string().max(64), z.number()]);
  const schema = written.transform((value, context) => {
    const ms = typeof value === 'number' ? value * 1000 : parseDuration(value);
    if (ms !== undefined && ms >= min && ms <= max) return ms;
    context.addIssue('not a duration in the range');
    return z.NEVER;
  });
  return setting(schema, {
    kind: 'duration',
    expected: `a duration such as 30s, 1m30s, 12h or 7d, from ${formatDuration(min)} to ${formatDuration(max)}`,
    ...{ description, default: options.default, range: { min, max } },
  });
}

export function textList(
  description: string,
  options: TextOptions & { readonly maxItems: number },
): SettingSchema<string[]> {
  const { expected, maxItems, hint } = options;
  return setting(uniqueList(textSchema(options), maxItems), {
    kind: 'list',
    expected: `a list of at most ${maxItems}, each once: ${expected}`,
    ...{ description, default: [], expectedItem: expected },
    hint: (found) => (typeof found === 'string' ? hint?.(found) : undefined),
  });
}

export function choiceList<const Names extends readonly [string, ...string[]]>(
  description: string,
  options: { readonly of: Names },
): SettingSchema<Names[number][]> {
  return setting<Names[number][]>(uniqueList(z.enum(options.of), options.of.length), {
    kind: 'list',
    expected: `a list of any of ${options.of.join(', ')}, each once`,
    expectedItem: `one of ${options.of.join(', ')}`,
    ...{ description, default: options.of, choices: options.of },
    hint: (found) => nearestHint(found, options.of),
  });
}

function setting<Value>(schema: z.ZodType<Value>, about: Setting): SettingSchema<Value> {
  const whole = schema.prefault(about.default).meta({ description: about.description });
  SETTINGS.add(whole, about);
  return whole;
}

function textSchema({ maxLength, accepts }: TextOptions): z.ZodType<string> {
  return z.string().max(maxLength).refine(accepts);
}

function uniqueList<Value>(item: z.ZodType<Value>, maxItems: number): z.ZodType<Value[]> {
  return z
    .array(item)
    .max(maxItems)
    .refine((items) => new Set(items).size === items.length)
    .meta({ uniqueItems: true });
}

function nearestHint(found: unknown, names: readonly string[]): string | undefined {
  const name = typeof found === 'string' ? nearestName(found, names) : undefined;
  return name === undefined ? undefined : `did you mean ${name}?`;
}

function quotesHint(found: unknown, secret: boolean): string | undefined {
  if (typeof found !== 'number' && typeof found !== 'boolean') return undefined;
  return secret ? 'put it in quotes' : `put it in quotes: "${String(found)}"`;
}

const UNITS_IN_MS = new Map([
  ['milliseconds', 1],
  ['days', 86_400_000],
]);

/** `5s` where milliseconds are counted: 5000 was meant. */
function unitHint(found: string, unit: string): string {
  const ms = /[a-zµ]$/.test(found) ? parseDuration(found) : undefined;
  const unitMs = UNITS_IN_MS.get(unit);
  const count = ms === undefined || unitMs === undefined ? Number.NaN : ms / unitMs;
  return Number.isInteger(count)
    ? `${found} is ${count} ${unit}: write ${count}`
    : `write the number of ${unit} alone`;
}
