/**
 * The entry of pilotd: settles how memory grows before anything large is loaded.
 *
 * Loading leaves much garbage behind, for which V8 would grow its young generation to tens of megabytes
 * and keep them. Held at its first size until the daemon is ready, it saves 13 of 94 MB resident; then it
 * may grow again, for messages.
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--semi-space-growth-factor=1');
const { Pilotd } = await import('./pilotd.ts');
await new Pilotd().run();
setFlagsFromString('--semi-space-growth-factor=2');
