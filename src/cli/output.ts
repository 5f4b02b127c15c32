/**
 * What a command prints (pilotctl interface 1.1):
 *
 *                 text                              --json
 *     success     stdout: what people read          stdout: {"status":"ok","data":{…}}
 *     failure     stderr: error: …                  stderr: {"status":"error","code","message","hint","error"}
 *                         hint:  …
 *
 * Streams print bare lines. `error` repeats the message for clients of newer releases.
 */
import { describeError, type ErrorCode, PilotError } from '../base/pilot-error.ts';
import { jsonLine, oneLine, printable } from './printable.ts';

export function jsonText(value: unknown): string {
  return jsonLine(JSON.stringify(value));
}

export function successLine(data: object): string {
  return `${jsonText({ status: 'ok', data })}\n`;
}

/** What was thrown, as a user is told. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | undefined;
}

export function failureOf(error: unknown): Failure {
  if (error instanceof PilotError) {
    return { code: error.code, message: error.message, hint: error.hint };
  }
  return { code: 'internal', message: describeError(error), hint: undefined };
}

export function failureText({ code, message, hint }: Failure, json: boolean): string {
  if (json) return `${jsonText({ status: 'error', code, message, hint, error: message })}\n`;
  const hintLine = hint === undefined ? '' : `hint:  ${printable(hint)}\n`;
  return `error: ${printable(message)}\n${hintLine}`;
}

/** Columns as wide as their widest cell, two spaces apart; the last one ends where it ends. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  const cells = rows.map((row) => row.map(oneLine));
  for (const row of cells) {
    row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  }
  return cells
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `name  value` lines; those without a value are left out. */
export function fields(
  entries: readonly (readonly [string, string | number | undefined])[],
): string {
  const shown = entries.filter(([, value]) => value !== undefined && value !== '');
  return columns(shown.map(([name, value]) => [name, String(value)]));
}
