import { randomBytes } from 'node:crypto';

import { onTestFinished } from 'vitest';

import { systemClock } from '../../../src/base/system-clock.ts';
import { Identity } from '../../../src/identity/identity.ts';
import { SecretKey } from '../../../src/identity/secret-key.ts';
import { openAccess } from '../../../src/relay/access.ts';
import {
  RelayClient,
  type RelayClientEvents,
  type RelayClientOptions,
} from '../../../src/relay/client.ts';
import { dialWebSocket } from '../../../src/relay/dial-websocket.ts';
import { DEFAULT_LIMITS, type RelayLimits } from '../../../src/relay/limits.ts';
import { MemoryDirectory } from '../../../src/relay/memory-directory.ts';
import { MemoryMailbox } from '../../../src/relay/memory-mailbox.ts';
import type { RelayErrorCode } from '../../../src/relay/relay-error.ts';
import { RelayServer, type RelayServerOptions } from '../../../src/relay/relay-server.ts';

/** A wait that a working relay ends long before. */
export const PATIENCE_MS = 10_000;
const silentLog = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

export function newIdentity(): Identity {
  return Identity.create(randomBytes, Date.now());
}

export interface TestRelay {
  readonly server: RelayServer;
  readonly url: string;
  readonly port: number;
}

export type TestRelayOptions = Partial<Omit<RelayServerOptions, 'limits'>> & {
  readonly limits?: Partial<RelayLimits>;
};

/** A relay on loopback with memory stores, gone when the test is over. */
export async function startRelay(options: TestRelayOptions = {}): Promise<TestRelay> {
  const limits = { ...DEFAULT_LIMITS, maxDrainSeconds: 1, ...options.limits };
  const server = new RelayServer({
    secret: SecretKey.generate(randomBytes),
    listen: { host: '127.0.0.1', port: 0 },
    access: openAccess,
    duplicates: 'newest',
    directory: new MemoryDirectory({ maxRecords: 1000, nameIdleMs: 1e9 }),
    mailbox: new MemoryMailbox(limits),
    clock: systemClock,
    random: randomBytes,
    log: silentLog,
    ...options,
    limits,
  });
  await server.start();
  onTestFinished(async () => {
    await server.stop();
  });
  const { port } = server.endpoint;
  const scheme = options.tls === undefined ? 'ws' : 'wss';
  return { server, port, url: `${scheme}://127.0.0.1:${port}/` };
}

/** A client that is stopped when the test is over; not started yet. */
export function newClient(
  relay: Pick<TestRelay, 'url'>,
  options: Partial<RelayClientOptions> = {},
): RelayClient {
  const client = new RelayClient({
    url: relay.url,
    identity: newIdentity(),
    clock: systemClock,
    random: randomBytes,
    dial: dialWebSocket,
    ...options,
  });
  onTestFinished(async () => {
    await client.stop();
  });
  return client;
}

export interface LoggedIn {
  readonly client: RelayClient;
  readonly identity: Identity;
}

export async function logIn(
  relay: Pick<TestRelay, 'url'>,
  options: Partial<RelayClientOptions> = {},
): Promise<LoggedIn> {
  const identity = options.identity ?? newIdentity();
  const client = newClient(relay, { ...options, identity });
  const online = next(client, 'online');
  client.start();
  await online;
  return { client, identity };
}

/** The code with which a first login fails. */
export async function refusal(
  relay: Pick<TestRelay, 'url'>,
  options: Partial<RelayClientOptions> = {},
): Promise<RelayErrorCode> {
  const client = newClient(relay, options);
  const failed = next(client, 'offline');
  client.start();
  return (await failed).code;
}

/** Two nodes that watch each other and know it. */
export async function logInPair(
  relay: Pick<TestRelay, 'url'>,
): Promise<readonly [LoggedIn, LoggedIn]> {
  const alice = await logIn(relay);
  const bob = await logIn(relay);
  const met = Promise.all([next(alice.client, 'presence'), next(bob.client, 'presence')]);
  alice.client.watch([bob.identity.firstKey]);
  bob.client.watch([alice.identity.firstKey]);
  await met;
  return [alice, bob];
}

/** The next event of that name that fits. */
export async function next<Name extends keyof RelayClientEvents>(
  client: RelayClient,
  name: Name,
  fits: (event: RelayClientEvents[Name]) => boolean = () => true,
): Promise<RelayClientEvents[Name]> {
  return within(`the event ${name}`, (resolve) => {
    const off = client.on(name, (event) => {
      if (!fits(event)) return;
      off();
      resolve(event);
    });
  });
}

/** What `run` resolves to, or an error that says what did not come. */
export async function within<T>(
  what: string,
  run: (resolve: (value: T) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`${what} did not come in ${PATIENCE_MS} ms`));
    }, PATIENCE_MS);
    run((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}
