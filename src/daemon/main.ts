/**
 * The entry of pilotd: settles how memory grows before anything large is loaded.
 *
 * Loading leaves much garbage behind, for which V8 would grow its young generation to tens of megabytes
 * and keep them. Held at its first size until the daemon is ready, it saves 13 of 94 MB resident; then it
 * may grow again, for messages.
 *
 * Buffers lie outside of V8's heap, but count for when it looks through all of that. Left to itself it lets a heap that
 * hardly changes grow by 8 MB only, which a stream allocates with every 2 or 3 MB that it carries; one look takes
 * some 40 ms of processor time. At three times the heap (25 MB) these were 0.5 ms for each MB of a stream instead of
 * 6 to 20, and not more memory was resident, after streams and after messages (bench/stream).
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--semi-space-growth-factor=1');
const { Pilotd } = await import('./pilotd.ts');
await new Pilotd().run();
setFlagsFromString('--semi-space-growth-factor=2');
setFlagsFromString('--heap-growing-percent=200');
