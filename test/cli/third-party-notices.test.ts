import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { beforeEach, expect, test } from 'vitest';

import { temporaryFolder } from '../support/temporary-folder.ts';

type Notices = (inputs: Iterable<string>, root: string) => string;

const script = path.resolve('scripts/third-party-notices.mjs');
const { thirdPartyNotices } = (await import(script)) as { thirdPartyNotices: Notices };

let root: string;

beforeEach(() => {
  root = temporaryFolder();
});

function install(folder: string, manifest: object, files: Readonly<Record<string, string>>): void {
  const target = path.join(root, 'node_modules', folder);
  mkdirSync(target, { recursive: true });
  writeFileSync(path.join(target, 'package.json'), JSON.stringify(manifest));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(target, name), text);
}

const mit = (name: string) => ({ name, version: '1.0.0', license: 'MIT' });

test('each package once, by name, with all of its notices', () => {
  install('b', mit('b'), { 'LICENSE.md': 'of b\n', 'index.js': '' });
  install('@scope/a', mit('@scope/a'), { LICENCE: 'of a', NOTICE: 'and more', 'license.js': '' });
  install('b/node_modules/c', { ...mit('c'), license: 'ISC' }, { 'COPYING.txt': 'of c' });
  const inputs = [
    ...['src/main.ts', 'node_modules/b/index.js', 'node_modules/b/lib/other.js'],
    ...['node_modules/@scope/a/index.js', 'node_modules/b/node_modules/c/index.js'],
  ];
  const rule = '-'.repeat(80);
  expect(thirdPartyNotices(inputs, root).split('\n').slice(2)).toEqual([
    ...[rule, '@scope/a 1.0.0 (MIT)', '', 'of a', '', 'and more', ''],
    ...[rule, 'b 1.0.0 (MIT)', '', 'of b', ''],
    ...[rule, 'c 1.0.0 (ISC)', '', 'of c', ''],
  ]);
});

test.each<[string, object, Readonly<Record<string, string>>, RegExp]>([
  ['without a text', mit('a'), {}, /a 1\.0\.0 \(MIT\): no licence text/],
  ['under another licence', { ...mit('a'), license: 'GPL-3.0' }, { LICENSE: 'x' }, /may it be/],
  ['under none', { name: 'a', version: '1.0.0' }, { LICENSE: 'x' }, /may it be bundled/],
])('a package %s ends the build', (_name, manifest, files, message) => {
  install('a', manifest, files);
  expect(() => thirdPartyNotices(['node_modules/a/index.js'], root)).toThrow(message);
});
