// npm run natlab -- --json: see test/natlab/main.ts.
import { runSource } from './run-source.mjs';

await runSource('test/natlab/main.ts', process.argv.slice(2));
