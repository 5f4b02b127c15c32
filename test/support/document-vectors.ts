import { readFileSync } from 'node:fs';

/** The examples of a document in docs/, in its last code block: `name: hex`, continued on indented lines. */
export function documentVectors(file: string): Record<string, string> {
  const text = readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8');
  const block = /## Test vectors[\s\S]*?```text\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
  const lines = block.replaceAll(/\n {2,}/g, '').trim();
  return Object.fromEntries(
    lines.split('\n').map((line): [string, string] => {
      const [name = '', hex = ''] = line.split(/: */);
      return [name, hex];
    }),
  );
}
