// node bench/run.mjs NAME [ARG…]: runs bench/NAME.ts. Without a name: lists them.
import { readdirSync } from 'node:fs';

import { runSource } from '../scripts/run-source.mjs';

const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -3));
const [name, ...args] = process.argv.slice(2);
if (!names.includes(name)) {
  console.error(`usage: npm run bench -- NAME [ARG…]\nNAME: ${names.join(', ')}`);
  process.exit(2);
}
await runSource(`bench/${name}.ts`, args);
