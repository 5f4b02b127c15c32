/**
 * A log line for people, from one of pino's JSON lines:
 *
 *     2026-01-01T00:00:00.000Z info  relay online url=wss://relay.example rtt_ms=12
 *         stack of an error, indented
 */
export function textLineOf(jsonLine: string): string {
  const { time, level, msg, err, ...fields } = JSON.parse(jsonLine) as Record<string, unknown>;
  const words = [shown(time), shown(level).padEnd(5), typeof msg === 'string' ? safe(msg) : ''];
  for (const [name, value] of Object.entries(fields)) words.push(`${safe(name)}=${shown(value)}`);
  return `${words.join(' ')}\n${stackOf(err)}`;
}

const PLAIN = /^[\w.,:;/@+#%~-]+$/;

/** Names and texts of peers get here: nothing in them may end a line or drive a terminal. */
function shown(value: unknown): string {
  if (typeof value === 'string' && PLAIN.test(value)) return value;
  return safe(JSON.stringify(value ?? ''));
}

function safe(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Zl}\p{Zp}]/gu,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function stackOf(error: unknown): string {
  if (error === undefined) return '';
  const { stack } = Object(error) as { stack?: unknown };
  const lines = typeof stack === 'string' ? stack.split('\n') : [JSON.stringify(error)];
  return lines.map((line) => `    ${safe(line)}\n`).join('');
}
