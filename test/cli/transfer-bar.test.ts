import { PassThrough } from 'node:stream';

import { describe, expect, test } from 'vitest';

import { TransferBar } from '../../src/cli/transfer-bar.ts';
import type { SendFileProgress } from '../../src/client/client.ts';
import { ManualClock } from '../support/manual-clock.ts';

const CLEAR = '\r\u001b[K';
const MB = 1_000_000;

class Terminal {
  readonly clock = new ManualClock();
  readonly stderr: PassThrough & { isTTY: boolean; columns?: number };
  readonly bar: TransferBar;

  constructor(columns?: number, isTTY = true) {
    const size = columns === undefined ? {} : { columns };
    this.stderr = Object.assign(new PassThrough(), { isTTY, ...size });
    this.bar = new TransferBar(this, () => this.clock.monotonic());
  }

  /** What it writes for this progress. */
  show(progress: Partial<SendFileProgress>, afterMs = 0): string {
    this.clock.advance(afterMs);
    const file = { file: '/home/me/large.bin', index: 0, count: 1, size: 100 * MB, bytes: 0 };
    this.bar.show({ phase: 'sending', ...file, ...progress });
    return this.written();
  }

  written(): string {
    return String((this.stderr.read() as Buffer | null) ?? '');
  }
}

describe('a wide terminal', () => {
  test('how much, how fast, how much longer', () => {
    const terminal = new Terminal(200);
    expect(terminal.show({})).toBe(`${CLEAR}large.bin [                    ]  0% 0 B of 100 MB`);
    expect(terminal.show({ bytes: 10 * MB }, 1000)).toBe(
      `${CLEAR}large.bin [##                  ] 10% 10.0 MB of 100 MB, 10.0 MB/s, 9 s left`,
    );
    expect(terminal.show({ bytes: 100 * MB }, 9000)).toMatch(/\[#{20}\]100% 100 MB of 100 MB/);
  });

  test('the rate is that of the last seconds', () => {
    const terminal = new Terminal(200);
    terminal.show({});
    terminal.show({ bytes: 50 * MB }, 1000);
    for (let second = 1; second <= 6; second++) {
      terminal.show({ bytes: (50 + second) * MB }, 1000);
    }
    expect(terminal.show({ bytes: 57 * MB }, 1000)).toContain(', 1.0 MB/s, 43 s left');
  });

  test('a rate is measured anew for each file and phase', () => {
    const terminal = new Terminal(200);
    terminal.show({ phase: 'reading' });
    expect(terminal.show({ phase: 'reading', bytes: 100 * MB }, 1000)).toContain(
      ', reading, 100 MB/s',
    );
    expect(terminal.show({ bytes: 1 * MB }, 1000)).toMatch(/1\.0 MB of 100 MB$/);
    expect(terminal.show({ phase: 'waiting', bytes: MB }, 1000)).toMatch(
      /, waiting for the other node$/,
    );
    expect(terminal.show({ index: 1, count: 3, bytes: 2 * MB }, 1000)).toMatch(
      /\u001b\[K2\/3 large\.bin .* 2\.0 MB of 100 MB$/,
    );
  });

  test('an empty file is all there; a file that stands still has no end in sight', () => {
    const terminal = new Terminal(200);
    expect(terminal.show({ size: 0 })).toMatch(/100% 0 B of 0 B$/);
    terminal.show({ bytes: MB, index: 1 }, 1000);
    expect(terminal.show({ bytes: MB, index: 1 }, 1000)).toMatch(/1\.0 MB of 100 MB$/);
  });

  test('ten times a second, and wiped away once', () => {
    const terminal = new Terminal(200);
    expect(terminal.show({})).not.toBe('');
    expect(terminal.show({ bytes: MB }, 99)).toBe('');
    expect(terminal.show({ bytes: MB }, 1)).not.toBe('');
    terminal.bar.clear();
    terminal.bar.clear();
    expect(terminal.written()).toBe(CLEAR);
  });

  test('a long name is shown by its end, a name with controls without them', () => {
    const terminal = new Terminal(200);
    const long = `/x/${'a'.repeat(300)}.tar.gz`;
    expect(terminal.show({ file: long })).toMatch(/\u001b\[K…a{16}\.tar\.gz \[/);
    expect(terminal.show({ file: '/x/a\u001b[2J\n' }, 1000)).not.toMatch(/\u001b\[2J|\n/);
  });
});

describe('narrow terminals', () => {
  test.each([1, 2, 5, 10, 20, 40, 60, 79, 80, 0, undefined])(
    'of %s columns: a line never wraps',
    (columns) => {
      for (const file of ['large.bin', 'x'.repeat(300), '漢'.repeat(100)]) {
        const terminal = new Terminal(columns);
        terminal.show({ file, index: 99, count: 100 });
        const line = terminal.show({ file, index: 99, count: 100, bytes: MB }, 1000);
        const width = line.slice(CLEAR.length).replaceAll('漢', '12').length;
        expect(width).toBeLessThan(columns === undefined || columns === 0 ? 80 : columns);
      }
    },
  );

  test.each([
    [80, 'large.bin [##                  ] 10% 10.0 MB of 100 MB, 10.0 MB/s, 9 s left'],
    [60, 'large.bin 10% 10.0 MB of 100 MB, 10.0 MB/s, 9 s left'],
    [30, '10%, 10.0 MB/s, 9 s left'],
    [20, '10%, 9 s left'],
  ])('of %i columns: what matters most stays', (columns, line) => {
    const terminal = new Terminal(columns);
    terminal.show({});
    expect(terminal.show({ bytes: 10 * MB }, 1000)).toBe(CLEAR + line);
  });
});

test('nothing where no person looks', () => {
  const terminal = new Terminal(80, false);
  terminal.show({});
  expect(terminal.show({ bytes: MB }, 1000)).toBe('');
  terminal.bar.clear();
  expect(terminal.written()).toBe('');
});
