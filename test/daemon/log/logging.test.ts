import { describe, expect, test } from 'vitest';

import { PilotError } from '../../../src/base/pilot-error.ts';
import { createLog, type LogSettings, type ProcessLog } from '../../../src/daemon/log/logging.ts';
import { ManualClock } from '../../support/manual-clock.ts';

function setUp(settings: Partial<LogSettings> = {}): {
  log: ProcessLog;
  clock: ManualClock;
  lines: string[];
  parsed: () => Record<string, unknown>[];
} {
  const lines: string[] = [];
  const clock = new ManualClock();
  const log = createLog(
    { level: 'info', format: 'json', correlation_tracing: true, ...settings },
    { write: (line) => lines.push(line) },
    clock,
  );
  const parsed = (): Record<string, unknown>[] =>
    lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { log, clock, lines, parsed };
}

test('a line is one JSON object with level, time, fields and message', () => {
  const { log, lines } = setUp();
  log.info({ relay: 'wss://relay.example', rtt_ms: 12 }, 'relay online');
  expect(lines).toEqual([
    '{"level":"info","time":"2026-01-01T00:00:00.000Z","relay":"wss://relay.example","rtt_ms":12,"msg":"relay online"}\n',
  ]);
});

test.each([
  ['debug', ['debug', 'info', 'warn', 'error', 'fatal']],
  ['info', ['info', 'warn', 'error', 'fatal']],
  ['error', ['error', 'fatal']],
] as const)('level %s', (level, written) => {
  const { log, parsed } = setUp({ level });
  for (const each of ['debug', 'info', 'warn', 'error', 'fatal'] as const) log[each]({}, each);
  expect(parsed().map((line) => line['msg'])).toEqual(written);
  expect(log.isLevelEnabled('debug')).toBe(level === 'debug');
});

test('secrets never get into a line', () => {
  const { log, lines } = setUp();
  log.warn({ token: 'hush', connection: { relay_token: 'hush', url: 'wss://a' } }, 'refused');
  log.warn({ passphrase: 'hush', identity: { private_key: 'hush', seed: 'hush' } }, 'refused');
  expect(lines.join('')).not.toContain('hush');
  expect(lines[0]).toContain('"connection":{"relay_token":"[secret]","url":"wss://a"}');
});

test('an error keeps its code, hint, stack and cause', () => {
  const { log, parsed } = setUp();
  const err = new PilotError('timeout', 'too late', { hint: 'wait', cause: new Error('inner') });
  log.error({ err }, 'failed');
  expect(parsed()[0]?.['err']).toMatchObject({
    type: 'PilotError',
    code: 'timeout',
    hint: 'wait',
    message: 'too late: inner',
    stack: expect.stringContaining('caused by: Error: inner') as string,
  });
});

test.each([true, false])('correlation_tracing %s', (correlationTracing) => {
  const { log, parsed } = setUp({ correlation_tracing: correlationTracing });
  log.info({ correlation_id: 'c-1', message_id: 'm-1' }, 'message stored');
  expect(parsed()[0]).toMatchObject({ message_id: 'm-1', msg: 'message stored' });
  expect('correlation_id' in (parsed()[0] ?? {})).toBe(correlationTracing);
});

describe('what repeats itself', () => {
  test('is held back after 20 lines, and the next one says how many there were', () => {
    const { log, clock, parsed } = setUp();
    for (let i = 0; i < 100; i++) log.warn({ attempt: i }, 'relay went away');
    expect(parsed().length).toBe(20);
    log.warn({}, 'another matter');
    expect(parsed().length).toBe(21);
    clock.advance(6000);
    log.warn({ attempt: 100 }, 'relay went away');
    expect(parsed().at(-1)).toMatchObject({ attempt: 100, suppressed: 80, msg: 'relay went away' });
    log.warn({ attempt: 101 }, 'relay went away');
    expect(parsed().length).toBe(22);
  });

  test('comes ten times a minute, however long it goes on', () => {
    const { log, clock, parsed } = setUp();
    for (let second = 0; second < 600; second++) {
      log.info({}, 'trying again');
      clock.advance(1000);
    }
    expect(parsed().length).toBeGreaterThanOrEqual(119);
    expect(parsed().length).toBeLessThanOrEqual(121);
  });

  test('is written all the same when it belongs to a message, or was asked for', () => {
    const { log, parsed } = setUp({ level: 'debug' });
    for (let i = 0; i < 100; i++) log.info({ correlation_id: `c-${i}` }, 'message delivered');
    for (let i = 0; i < 100; i++) log.debug({}, 'packet');
    expect(parsed().length).toBe(200);
  });
});

describe('text', () => {
  test('puts fields behind the message', () => {
    const { log, lines } = setUp({ format: 'text' });
    log.warn(
      { relay: 'wss://relay.example', reason: 'no route', attempt: 3, last: null },
      'offline',
    );
    expect(lines).toEqual([
      '2026-01-01T00:00:00.000Z warn  offline relay=wss://relay.example reason="no route" attempt=3 last=""\n',
    ]);
  });

  test('gives the stack below', () => {
    const { log, lines } = setUp({ format: 'text' });
    log.error({ err: new TypeError('broken') }, 'failed');
    const [first, second, third] = (lines[0] ?? '').split('\n');
    expect(first).toBe('2026-01-01T00:00:00.000Z error failed');
    expect(second).toBe('    TypeError: broken');
    expect(third).toMatch(/^ {8}at .*logging\.test\.ts/);
  });

  test('lets nobody end a line or drive a terminal', () => {
    const { log, lines } = setUp({ format: 'text' });
    log.info(
      { from: 'a\n2026 fatal \u001b[31m\u009b31m\u2028', [`k\u001b`]: 1 },
      'trust\nrequest\u0007',
    );

    expect((lines[0] ?? '').slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028]/);
    expect(lines[0]).toContain('trust\\u000arequest\\u0007');
  });
});
