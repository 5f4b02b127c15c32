import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { beforeEach, expect, test } from 'vitest';

import { FileRoots } from '../../../src/cli/mcp/file-roots.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

let base: string;
let roots: FileRoots;

beforeEach(async () => {
  base = realpathSync(temporaryFolder());
  for (const folder of ['one/deep', 'two', 'one-more', 'outside']) {
    mkdirSync(path.join(base, folder), { recursive: true });
  }
  for (const file of ['one/a', 'one/deep/b', 'one/..c', 'two/d', 'one-more/e', 'outside/secret']) {
    writeFileSync(path.join(base, file), '');
  }
  const link = (to: string, at: string): void => {
    symlinkSync(path.join(base, to), path.join(base, at));
  };
  link('outside/secret', 'one/link');
  link('outside', 'one/folder-link');
  link('outside/nothing', 'one/dangling');
  link('two/d', 'one/to-two');
  link('one', 'link-to-one');
  roots = await FileRoots.of([path.join(base, 'link-to-one'), path.join(base, 'two')]);
});

test.each([
  ['a', 'one/a'],
  ['deep/../deep/b', 'one/deep/b'],
  ['..c', 'one/..c'],
  ['d', 'two/d'],
  ['to-two', 'two/d'],
  ['deep', 'one/deep'],
])('%j is %s', async (name, real) => {
  await expect(roots.find(name)).resolves.toBe(path.join(base, real));
});

test('an absolute path counts by where it leads', async () => {
  await expect(roots.find(path.join(base, 'link-to-one/a'))).resolves.toBe(
    path.join(base, 'one/a'),
  );
});

test.each([
  ...['link', 'folder-link/secret', 'dangling', 'nothing', '../outside/secret', '..', '.', 'a\0'],
  ...['deep/../../outside/secret', '../one-more/e', '/etc/passwd', '/', 'x'.repeat(5000)],
])('%j is refused as what is not there is', async (name) => {
  await expect(roots.find(name)).rejects.toMatchObject({
    code: 'not_found',
    message: `there is no ${name} in the folders that are allowed`,
    hint: expect.stringContaining(path.join(base, 'two')) as string,
  });
});

test('only folders that are there can be allowed', async () => {
  for (const wrong of ['one/a', 'nowhere']) {
    const given = FileRoots.of([path.join(base, 'two'), path.join(base, wrong)]);
    await expect(given).rejects.toMatchObject({ code: 'invalid_argument' });
  }
  const none = await FileRoots.of([]);
  await expect(none.find(path.join(base, 'one/a'))).rejects.toMatchObject({ code: 'not_found' });
});
