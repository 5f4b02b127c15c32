import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

import { beforeEach, expect, test } from 'vitest';

import { configKeys, loadConfig, setConfigValue } from '../../src/home/config.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

let folder: string;
let file: string;

beforeEach(() => {
  folder = temporaryFolder();
  file = path.join(folder, '.pilot', 'config.yaml');
});

const read = (): string => readFileSync(file, 'utf8');

/** What the file holds after one setting was made in it. */
function edited(before: string, key: string, text: string): string {
  file = path.join(folder, 'config.yaml');
  writeFileSync(file, before);
  setConfigValue(file, key, text);
  return read();
}

test('makes the file, for this user alone, and leaves nothing beside it', () => {
  setConfigValue(file, 'protocol.connection.relays', 'wss://a, wss://b');
  setConfigValue(file, 'node.hostname', 'alpha');
  setConfigValue(file, 'trust.auto_approve', 'true');
  expect(read()).toBe(
    'protocol:\n  connection:\n    relays:\n      - wss://a\n      - wss://b\n' +
      'node:\n  hostname: alpha\ntrust:\n  auto_approve: true\n',
  );
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(path.dirname(file)).mode & 0o777).toBe(0o700);
  expect(readdirSync(path.dirname(file))).toEqual(['config.yaml']);
});

test('keeps comments, order and everything else', () => {
  const before =
    '# mine\n\nnode:\n  # the name\n  hostname: alpha # short\n\n# patience\nmessaging:\n  expiry: 1d\n';
  expect(edited(before, 'node.hostname', 'beta')).toBe(before.replace('alpha', 'beta'));
  expect(edited(before, 'messaging.max_payload_kb', '64')).toBe(`${before}  max_payload_kb: 64\n`);
});

test('fills sections that were empty, and files with nothing but comments', () => {
  const section = edited('trust:\n  # auto_approve: false\nnode:\n', 'trust.max_pending', '3');
  expect(section).toContain('# auto_approve: false');
  expect(section).toContain('max_pending: 3');
  const comments = edited('# nothing here yet\n', 'node.hostname', 'a');
  expect(comments).toContain('# nothing here yet');
  expect(comments).toContain('node:\n  hostname: a\n');
  expect(edited('', 'node.hostname', '123')).toBe('node:\n  hostname: "123"\n');
});

test('the default of every setting can be written and read back', () => {
  for (const { key, default: value } of configKeys()) {
    setConfigValue(file, key, Array.isArray(value) ? value.join(',') : String(value));
  }
  const { config, origins } = loadConfig({ env: {}, file, defaultFile: file });
  expect(new Set(origins.values())).toEqual(new Set(['file']));
  expect(config).toEqual(loadConfig({ env: {}, defaultFile: '' }).config);
});

test('writes nothing when the setting or the file is wrong', () => {
  expect(() => {
    setConfigValue(file, 'messaging.expiry', 'soon');
  }).toThrow('config: messaging.expiry: expected a duration');
  expect(() => {
    setConfigValue(file, 'hostname', 'a');
  }).toThrow('config: hostname is not a known setting');
  expect(existsSync(file)).toBe(false);

  file = path.join(folder, 'config.yaml');
  writeFileSync(file, 'nodes: 1\n');
  expect(() => {
    setConfigValue(file, 'node.hostname', 'a');
  }).toThrow(`${file}:1:1: nodes: is not a known setting`);
  expect(read()).toBe('nodes: 1\n');
});

test('a symbolic link stays one', () => {
  file = path.join(folder, 'link.yaml');
  const target = path.join(folder, 'target.yaml');
  writeFileSync(target, '');
  symlinkSync(target, file);
  setConfigValue(file, 'node.hostname', 'a');
  expect(lstatSync(file).isSymbolicLink()).toBe(true);
  expect(readFileSync(target, 'utf8')).toBe('node:\n  hostname: a\n');
});

test('says when it cannot write', () => {
  writeFileSync(path.join(folder, 'occupied'), '');
  file = path.join(folder, 'occupied', 'config.yaml');
  expect(() => {
    setConfigValue(file, 'node.hostname', 'a');
  }).toThrow(/cannot/);
});
