import { once } from 'node:events';
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';
import type { Readable } from 'node:stream';

import { afterAll, beforeAll, vi } from 'vitest';

import { STEP_TIMEOUT_MS } from '../support/processes.ts';
import { befriend, Sandbox, type SandboxNode } from '../support/sandbox.ts';

/** Two nodes that trust each other, for all tests of a file, and services of bob's host. */
export interface TunnelWorld {
  readonly sandbox: Sandbox;
  readonly alice: SandboxNode;
  readonly bob: SandboxNode;
  /** Closed after the tests. */
  readonly servers: Server[];
}

export function tunnelWorld(): TunnelWorld {
  // Commands are processes, and daemons start and stop.
  vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });
  const sandbox = new Sandbox();
  const servers: Server[] = [];
  const [alice, bob] = [sandbox.node('alice'), sandbox.node('bob')] as const;

  beforeAll(async () => {
    const relay = await sandbox.relay().start();
    await alice.start('--relay', relay.url, '--hostname', 'alice');
    await bob.start('--relay', relay.url, '--hostname', 'bob');
    await befriend(alice, bob);
  });

  afterAll(async () => {
    for (const server of servers) server.close();
    await sandbox.close();
  });

  return { sandbox, alice, bob, servers };
}

export async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

export async function open(port: number, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host, allowHalfOpen: true });
  await once(socket, 'connect', { signal: AbortSignal.timeout(STEP_TIMEOUT_MS) });
  return socket;
}

/** Up to the end, which leaves the other half open. */
export async function all(source: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  source.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(source, 'end', { signal: AbortSignal.timeout(STEP_TIMEOUT_MS) });
  return Buffer.concat(chunks);
}
