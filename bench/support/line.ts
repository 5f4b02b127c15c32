/**
 * A long line between two UDP ports of loopback, in a process of its own:
 *
 *     a ──> [loss] ──> [bottleneck: rate, at most 50 ms of it wait] ──> [wire: delay] ──> b      and back alike
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

import { randomFraction } from '../../src/base/random.ts';
import { seededRandom } from '../../test/support/seeded-random.ts';
import { LOOPBACK } from './direct-end.ts';
import { type RoleProcess, startRole } from './roles.ts';

export interface LineQuality {
  readonly eachWayMs: number;
  readonly bytesPerMs: number;
  /** Of all datagrams, each way. */
  readonly loss: number;
}

/** What the buffer of the bottleneck holds before it drops. */
const MAX_QUEUE_MS = 50;
/** What the kernel keeps while this process is elsewhere. */
const SOCKET_BUFFER_BYTES = 4 * 2 ** 20;
/** Timers are no finer: a datagram is late by so much at most. */
const POLL_MS = 1;

interface Waiting {
  readonly dueMs: number;
  readonly bytes: Uint8Array;
}

class Way {
  readonly #to: Socket;
  readonly #quality: LineQuality;
  readonly #random: () => number;
  #freeAtMs = 0;
  #waiting: Waiting[] = [];

  constructor(to: Socket, quality: LineQuality, random: () => number) {
    this.#to = to;
    this.#quality = quality;
    this.#random = random;
  }

  enter(bytes: Uint8Array): void {
    const { bytesPerMs, eachWayMs, loss } = this.#quality;
    if (loss > 0 && this.#random() < loss) return;
    const nowMs = performance.now();
    const startMs = Math.max(nowMs, this.#freeAtMs);
    if (startMs - nowMs > MAX_QUEUE_MS) return;
    this.#freeAtMs = startMs + bytes.length / bytesPerMs;
    this.#waiting.push({ dueMs: this.#freeAtMs + eachWayMs, bytes });
  }

  release(): void {
    const nowMs = performance.now();
    let due = 0;
    for (const { dueMs, bytes } of this.#waiting) {
      if (dueMs > nowMs) break;
      this.#to.send(bytes);
      due += 1;
    }
    this.#waiting = this.#waiting.slice(due);
  }
}

/** The role: its arguments as text, what it is ready with `[a's port here, b's port here]`. */
export async function lineRole(
  quality: string,
  seed: string,
  aPort: string,
  bPort: string,
): Promise<[number, number]> {
  const random = seededRandom(Number(seed));
  const next = (): number => randomFraction(random);
  const [a, b] = await Promise.all([connected(Number(aPort)), connected(Number(bPort))]);
  const parsed = JSON.parse(quality) as LineQuality;
  const ways = [
    { from: a, way: new Way(b, parsed, next) },
    { from: b, way: new Way(a, parsed, next) },
  ];
  for (const { from, way } of ways) {
    from.on('message', (bytes) => {
      way.enter(bytes);
    });
  }
  setInterval(() => {
    for (const { way } of ways) way.release();
  }, POLL_MS);
  return [a.address().port, b.address().port];
}

/** Towards one end, and only from there. */
async function connected(port: number): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, LOOPBACK);
  await once(socket, 'listening');
  socket.setRecvBufferSize(SOCKET_BUFFER_BYTES);
  socket.setSendBufferSize(SOCKET_BUFFER_BYTES);
  socket.connect(port, LOOPBACK);
  await once(socket, 'connect');
  // Nobody listens there any more: as silent as a lost datagram.
  socket.on('error', () => undefined);
  return socket;
}

export interface Line {
  readonly process: RoleProcess;
  /** Where each end sends to. */
  readonly ports: readonly [number, number];
}

/** The program must have `line: lineRole` among its roles. */
export async function startLine(
  quality: LineQuality,
  seed: number,
  ends: readonly [number, number],
): Promise<Line> {
  const process = await startRole(
    'line',
    JSON.stringify(quality),
    String(seed),
    ...ends.map(String),
  );
  return { process, ports: process.ready as [number, number] };
}
