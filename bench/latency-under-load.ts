/**
 * 100 bytes there and back over a line with 25 ms each way, alone and while a stream of the same session sends as fast as
 * it may: how much later the slowest hundredth is. Once in a stream of their own, once as messages.
 *
 * npm run bench -- latency-under-load [MB/s of the bottleneck, 50] [round trips, 500] [ms between two, 10]
 */
import { randomBytes } from 'node:crypto';

import type { DirectEnd } from './support/direct-end.ts';
import { lineRole } from './support/line.ts';
import { quantile, verdict } from './support/ratio.ts';
import { runRole } from './support/roles.ts';
import { connectOverLine, farRole, openEcho, startBulk } from './support/stream-ends.ts';

const EACH_WAY_MS = 25;
const SMALL_BYTES = 100;
const AIM_MS = 5;
/** The bulk finds the path's rate within this time. */
const SETTLE_MS = 3000;

type SendSmall = (bytes: Uint8Array) => void;

/** Round trips in milliseconds; one begins every `everyMs`, whether the one before is back or not. */
class Trips {
  readonly #startedMs: number[] = [];
  readonly #timesMs: number[] = [];
  #bytes = 0;

  /** They come back in the order in which they went. */
  readonly onBytes = (bytes: Uint8Array): void => {
    for (this.#bytes += bytes.length; this.#bytes >= SMALL_BYTES; this.#bytes -= SMALL_BYTES) {
      const startedMs = this.#startedMs[this.#timesMs.length] ?? Number.NaN;
      this.#timesMs.push(performance.now() - startedMs);
    }
  };

  /** The median and the slowest hundredth of the next ones. */
  async run(count: number, everyMs: number, send: SendSmall): Promise<[p50: number, p99: number]> {
    const first = this.#timesMs.length;
    const bytes = randomBytes(SMALL_BYTES);
    for (let i = 0; i < count; i++) {
      this.#startedMs.push(performance.now());
      send(bytes);
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
    while (this.#timesMs.length < first + count) {
      await new Promise((resolve) => setTimeout(resolve, EACH_WAY_MS));
    }
    const times = this.#timesMs.slice(first);
    return [quantile(times, 0.5), quantile(times, 0.99)];
  }
}

async function ways(
  near: DirectEnd,
): Promise<readonly { name: string; send: SendSmall; trips: Trips }[]> {
  const [streamTrips, messageTrips] = [new Trips(), new Trips()];
  const stream = await openEcho(near, streamTrips.onBytes);
  near.onBytes = messageTrips.onBytes;
  return [
    {
      name: 'in a stream',
      trips: streamTrips,
      send: (bytes) => {
        stream.write(bytes);
      },
    },
    {
      name: 'as messages',
      trips: messageTrips,
      send: (bytes) => {
        void near.send(bytes);
      },
    },
  ];
}

async function main(): Promise<void> {
  const [megabytes = 50, count = 500, everyMs = 10] = process.argv.slice(2).map(Number);
  const quality = { eachWayMs: EACH_WAY_MS, bytesPerMs: megabytes * 1000, loss: 0 };
  const connection = await connectOverLine(quality, 1);
  const { near } = connection;
  const measured = [];
  for (const way of await ways(near)) {
    measured.push({ ...way, alone: await way.trips.run(count, everyMs, way.send) });
  }
  const bulk = startBulk(near);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  for (const { name, trips, send, alone } of measured) {
    const [bytes, startedMs] = [bulk.sentBytes(), performance.now()];
    const loaded = await trips.run(count, everyMs, send);
    const rate = (bulk.sentBytes() - bytes) / (performance.now() - startedMs) / 1000;
    const show = ([p50, p99]: readonly [number, number]): string =>
      `p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)} ms`;
    process.stdout.write(
      `${SMALL_BYTES} B ${name}: alone ${show(alone)}; beside bulk of ${rate.toFixed(1)} MB/s ${show(loaded)}; ` +
        `p99 later by ms: ${verdict(loaded[1] - alone[1], { atMost: AIM_MS })}\n`,
    );
  }
  await connection.stop();
}

if (!(await runRole({ far: farRole, line: lineRole }))) {
  await main();
  process.exit(0);
}
