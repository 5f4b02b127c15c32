import { EventEmitter } from 'node:events';

import { describe, expect, test } from 'vitest';
import type { WebSocket } from 'ws';

import { SecretKey } from '../../src/identity/secret-key.ts';
import { openAccess } from '../../src/relay/access.ts';
import { Connection } from '../../src/relay/connection.ts';
import { DEFAULT_LIMITS } from '../../src/relay/limits.ts';
import { LiveLogins } from '../../src/relay/live-logins.ts';
import { MemoryDirectory } from '../../src/relay/memory-directory.ts';
import { MemoryMailbox } from '../../src/relay/memory-mailbox.ts';
import { RelayCounters } from '../../src/relay/relay-counters.ts';
import { LocalRouter, toUnreachable } from '../../src/relay/router.ts';
import { Sources } from '../../src/relay/sources.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { seededRandom } from '../support/seeded-random.ts';

const READ_BYTES = 64 * 1024;
const quiet = (): void => undefined;

/** A WebSocket whose other end reads only when the test says so. */
class StuckSocket extends EventEmitter {
  readonly OPEN = 1;
  readonly readyState = 1;
  waiting: Uint8Array[] = [];

  get bufferedAmount(): number {
    return this.waiting.reduce((sum, { length }) => sum + length, 0);
  }

  /** What of the memory cannot be freed before the other end has read. */
  get heldBytes(): number {
    const held = new Set(this.waiting.map(({ buffer }) => buffer));
    return [...held].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  send(frame: Uint8Array): void {
    this.waiting.push(frame);
  }
}

function connect(): { socket: StuckSocket; connection: Connection } {
  const clock = new ManualClock();
  const random = seededRandom(9);
  const limits = DEFAULT_LIMITS;
  const source = new Sources(limits, clock).enter('192.0.2.1');
  if (source === undefined) throw new Error('no room');
  const socket = new StuckSocket();
  const connection = new Connection(
    {
      ...{ clock, random, limits, access: openAccess, counters: new RelayCounters() },
      secret: SecretKey.generate(random),
      directory: new MemoryDirectory({ maxRecords: 10, nameIdleMs: 1e9 }),
      mailbox: new MemoryMailbox(limits),
      log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
      router: new LocalRouter(10),
      logins: new LiveLogins('newest', clock),
      stunPort: () => undefined,
    },
    {
      socket: socket as unknown as WebSocket,
      transport: { cork: quiet, uncork: quiet } as never,
      source,
      onLoggedIn: quiet,
      onClosed: quiet,
    },
  );
  return { socket, connection };
}

describe('frames that wait for a receiver that does not read', () => {
  test('hold little more than themselves, whatever they were read with', () => {
    const { socket, connection } = connect();
    for (let i = 0; i < 1000; i++) connection.send(Buffer.alloc(READ_BYTES, i).subarray(3, 43));
    expect(socket.waiting).toHaveLength(1001);
    expect(Buffer.from(socket.waiting.at(-1) ?? []).equals(Buffer.alloc(40, 999 & 0xff))).toBe(
      true,
    );
    expect(socket.heldBytes).toBeLessThan(2 * 2 ** 20);
  });

  test('nor do answers to large frames that reached nobody', () => {
    const { socket, connection } = connect();
    for (let i = 0; i < 100; i++) connection.send(toUnreachable(Buffer.alloc(1_500_000, i)));
    expect(socket.heldBytes).toBeLessThan(2 * 2 ** 20);
  });

  test('are not copied while the receiver keeps up, nor when they came in one read', () => {
    const { socket, connection } = connect();
    for (let i = 0; i < 100; i++) {
      const read = Buffer.alloc(READ_BYTES, i);
      const frames = Array.from({ length: 100 }, (_, n) => read.subarray(n * 300, n * 300 + 300));
      socket.waiting = [];
      for (const frame of frames) connection.send(frame);
      expect(socket.waiting.every(({ buffer }) => buffer === read.buffer)).toBe(true);
    }
  });
});
