/**
 * One stream of a session over a direct link, through a line with 25 ms each way and a bottleneck, at 0, 0.1 and 1 %
 * loss: how much of the line is the stream's. Every party is a process of its own.
 *
 *     near ── line (bench/support/line.ts) ── far
 *
 * The line is a Node program too. Where two processors are not enough for all three processes, a narrower one is a fair
 * measure: what bare datagrams get through it is measured first, at the same rate.
 *
 * npm run bench -- lossy-line [MB/s of the bottleneck, 50] [seconds of sending, 5] [rounds, 3]
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

import { type DirectEnd, LOOPBACK } from './support/direct-end.ts';
import { type LineQuality, lineRole, startLine } from './support/line.ts';
import { quantile, verdict } from './support/ratio.ts';
import { runRole } from './support/roles.ts';
import { connectOverLine, farRole, sendBulk, sendMessages } from './support/stream-ends.ts';

const EACH_WAY_MS = 25;
/** What a UDX packet has on most paths. */
const DATAGRAM_BYTES = 1400;
const AIMS = [
  { loss: 0, atLeast: 0.8 },
  { loss: 0.001, atLeast: 0.8 },
  { loss: 0.01, atLeast: 0.6 },
] as const;

/** Bytes a millisecond that arrive when as many are sent as the line should carry. */
async function bareRate(quality: LineQuality, seconds: number): Promise<number> {
  const [from, to] = [createSocket('udp4'), createSocket('udp4')].map((socket) =>
    socket.bind(0, LOOPBACK),
  );
  if (from === undefined || to === undefined) throw new Error('two sockets were made');
  await Promise.all([once(from, 'listening'), once(to, 'listening')]);
  const line = await startLine(quality, 1, [from.address().port, to.address().port]);
  to.setRecvBufferSize(4 * 2 ** 20);
  let received = 0;
  to.on('message', (bytes) => (received += bytes.length));
  from.connect(line.ports[0], LOOPBACK);
  await once(from, 'connect');
  const datagram = Buffer.alloc(DATAGRAM_BYTES);
  const startMs = performance.now();
  let sent = 0;
  while (performance.now() - startMs < seconds * 1000) {
    const due = (performance.now() - startMs) * quality.bytesPerMs;
    for (; sent < due; sent += datagram.length) from.send(datagram);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const elapsedMs = performance.now() - startMs;
  await new Promise((resolve) => setTimeout(resolve, 4 * quality.eachWayMs));
  from.close();
  to.close();
  await line.process.stop();
  return received / elapsedMs;
}

type Send = (near: DirectEnd, total: number) => Promise<void>;

async function rateOf(
  quality: LineQuality,
  seed: number,
  seconds: number,
  send: Send,
): Promise<number> {
  const total = Math.round(quality.bytesPerMs * seconds * 1000);
  const connection = await connectOverLine(quality, seed);
  const startedMs = performance.now();
  await send(connection.near, total);
  const elapsedMs = performance.now() - startedMs;
  await connection.stop();
  return total / elapsedMs;
}

async function main(): Promise<void> {
  const [megabytes = 50, seconds = 5, rounds = 3] = process.argv.slice(2).map(Number);
  const line = { eachWayMs: EACH_WAY_MS, bytesPerMs: megabytes * 1000 };
  const bare = await bareRate({ ...line, loss: 0 }, 2);
  process.stdout.write(
    `line: ${EACH_WAY_MS} ms each way, ${megabytes} MB/s; bare datagrams at that rate: ` +
      `${(bare / 1000).toFixed(1)} MB/s arrive\n`,
  );
  for (const { loss, atLeast } of AIMS) {
    const rates: number[] = [];
    const messages: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const quality = { ...line, loss };
      rates.push(await rateOf(quality, round + 1, seconds, sendBulk));
      messages.push(await rateOf(quality, round + 1, seconds, sendMessages));
    }
    const median = quantile(rates, 0.5);
    const shares = rates.map((rate) => (rate / line.bytesPerMs).toFixed(2)).join(', ');
    process.stdout.write(
      `${loss * 100} % loss: ${(median / 1000).toFixed(1)} MB/s, of the line ${shares}; ` +
        `${verdict(median / line.bytesPerMs, { atLeast })}; ` +
        `as messages ${(quantile(messages, 0.5) / line.bytesPerMs).toFixed(2)}\n`,
    );
  }
}

if (!(await runRole({ far: farRole, line: lineRole }))) {
  await main();
  process.exit(0);
}
