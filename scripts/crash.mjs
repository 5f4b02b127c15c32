// npm run crash -- --rounds 500 --seed 7: see test/crash/main.ts.
import { runSource } from './run-source.mjs';

await runSource('test/crash/main.ts', process.argv.slice(2));
