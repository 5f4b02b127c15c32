import { expect, test } from 'vitest';

import {
  decodeName,
  NameError,
  safeFolder,
  safeName,
  suffixedName,
} from '../../../src/daemon/files/file-name.ts';

test.each([
  ['report.pdf', 'report.pdf'],
  ['.bashrc', '.bashrc'],
  ['Grüße 日本.txt', 'Grüße 日本.txt'],
  ['con', '_con'],
  ['CON.txt', '_CON.txt'],
  ['aux.c', '_aux.c'],
  ['com1', '_com1'],
  ['LPT9.log', '_LPT9.log'],
  ['nul.', 'nul_'],
  ['console.log', 'console.log'],
  ['com10', 'com10'],
  ['dots...', 'dots___'],
  ['space ', 'space_'],
  ['...', '___'],
  ['a\nb\u001b[2Jc', 'a_b_[2Jc'],
  ['photo\u202egpj.exe', 'photo_gpj.exe'],
  ['.partial', '_.partial'],
  ['.PARTIAL', '_.PARTIAL'],
  ['x'.repeat(255), 'x'.repeat(255)],
])('%j is stored as %j', (name, stored) => {
  expect(safeName(name)).toBe(stored);
});

test.each([
  '',
  '.',
  '..',
  'a/b',
  '/etc/passwd',
  'a\\b',
  'C:\\Windows\\x',
  'nul\0byte',
  'x'.repeat(256),
  'x'.repeat(10_240),
  'é'.repeat(128),
])('%j is refused', (name) => {
  expect(() => safeName(name)).toThrow(NameError);
});

test.each([
  ['', []],
  ['photos', ['photos']],
  ['a/b/c', ['a', 'b', 'c']],
  ['a/con', ['a', '_con']],
])('the folder %j is %j', (folder, parts) => {
  expect(safeFolder(folder)).toEqual(parts);
});

test.each(['/etc', 'a/../..', 'a//b', 'a/', '../x', 'a\\b', 'a/b/'.repeat(20), 'y/'.repeat(600)])(
  'the folder %j is refused',
  (folder) => {
    expect(() => safeFolder(folder)).toThrow(NameError);
  },
);

test('names are strict UTF-8', () => {
  expect(decodeName(Buffer.from('grün'))).toBe('grün');
  expect(() => decodeName(Uint8Array.of(0x61, 0xff))).toThrow(NameError);
});

test('a suffix goes before the ending, and a name stays a name', () => {
  const atMs = Date.UTC(2026, 0, 31, 12, 0, 0, 123);
  expect(suffixedName('report.pdf', atMs, 0)).toBe('report-20260131-120000.123.pdf');
  expect(suffixedName('report', atMs, 2)).toBe('report-20260131-120000.123-2');
  expect(suffixedName('.bashrc', atMs, 0)).toBe('.bashrc-20260131-120000.123');
  for (const name of ['x'.repeat(255), `${'é'.repeat(120)}.tar`, `a.${'b'.repeat(250)}`]) {
    const suffixed = suffixedName(name, atMs, 999);
    expect(Buffer.byteLength(suffixed)).toBeLessThanOrEqual(255);
    expect(suffixed).toContain('-20260131-120000.123-999');
  }
});
