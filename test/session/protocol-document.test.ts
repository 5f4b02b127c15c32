import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { toHex } from '../../src/base/bytes.ts';
import { protocolVectors } from './protocol-vectors.ts';

const text = readFileSync(new URL('../../docs/protocol-session.md', import.meta.url), 'utf8');

/** The examples stand in the last code block: `name: hex`, continued on indented lines. */
function documented(): Record<string, string> {
  const block = /## Test vectors[\s\S]*?```text\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
  const lines = block.replaceAll(/\n {2,}/g, '').trim();
  return Object.fromEntries(
    lines.split('\n').map((line): [string, string] => {
      const [name = '', hex = ''] = line.split(/: */);
      return [name, hex];
    }),
  );
}

test('the bytes in docs/protocol-session.md are those that this code makes', () => {
  const made = Object.entries(protocolVectors()).map(([name, bytes]) => [name, toHex(bytes)]);
  expect(documented()).toEqual(Object.fromEntries(made));
});
