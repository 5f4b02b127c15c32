import { request as httpRequest } from 'node:http';
import path from 'node:path';

import { onTestFinished } from 'vitest';

import type { Clock } from '../../../src/base/clock.ts';
import { systemClock } from '../../../src/base/system-clock.ts';
import { ApiServer } from '../../../src/daemon/api/api-server.ts';
import type { HostFacts } from '../../../src/daemon/api/host-view.ts';
import type { NodeTopics } from '../../../src/daemon/topics/topics.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { FakeNode } from '../fake-node.ts';
import { lonelyTopics } from '../topics/lonely-topics.ts';
import { noTunnels } from '../tunnels/fake-tunnels.ts';

export interface LogLine {
  readonly level: string;
  readonly fields: object;
  readonly message: string;
}

export { temporaryFolder };

function hostFacts(folder: string, node: FakeNode, topics: NodeTopics): HostFacts {
  return {
    version: '1.2.3',
    pid: 4711,
    socketPath: path.join(folder, 'pilotd.sock'),
    logFile: path.join(folder, 'pilot.log'),
    keyFile: path.join(folder, 'identity.json'),
    uptimeMs: () => 61_500,
    publicKey: () => 'cHVibGlj',
    keyCreatedMs: () => Date.UTC(2026, 0, 1),
    rotations: () => 2,
    settings: () => ({
      entries: [{ key: 'node.hostname', value: 'fake', origin: 'flag' }],
      config_path: path.join(folder, 'config.yaml'),
    }),
    netcheck: node.netcheck,
    topics,
    tunnels: noTunnels,
    received: node.received,
  };
}

export interface Fixture {
  readonly node: FakeNode;
  readonly server: ApiServer;
  readonly socketPath: string;
  readonly log: LogLine[];
}

export interface ApiOptions {
  readonly clock?: Clock;
  readonly maxPayloadBytes?: number;
  readonly logRequests?: boolean;
  readonly topics?: NodeTopics;
}

/** A local API over a fake node, on a real socket. Who opens it closes it. */
export async function openApi(folder: string, options: ApiOptions = {}): Promise<Fixture> {
  const { clock = systemClock, maxPayloadBytes = 1024, logRequests = false } = options;
  const node = new FakeNode();
  const host = hostFacts(folder, node, options.topics ?? lonelyTopics());
  const log: LogLine[] = [];
  const at =
    (level: string) =>
    (fields: object, message: string): void => {
      log.push({ level, fields, message });
    };
  const server = new ApiServer({
    ...{ node, host, clock, maxPayloadBytes, logRequests },
    log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    metrics: { contentType: 'text/plain', text: async () => Promise.resolve('pilot_up 1\n') },
  });
  await server.start();
  return { node, server, socketPath: host.socketPath, log };
}

/** The same, stopped when the test is over. */
export async function startApi(options?: ApiOptions): Promise<Fixture> {
  const fixture = await openApi(temporaryFolder(), options);
  onTestFinished(async () => fixture.server.stop());
  return fixture;
}

export interface HttpReply {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly json: unknown;
}

export interface HttpCall {
  readonly method?: string;
  readonly path: string;
  /** Text goes as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export async function call(
  socketPath: string,
  { method, path, body, headers }: HttpCall,
): Promise<HttpReply> {
  const bytes =
    body instanceof Uint8Array || typeof body === 'string' ? body : JSON.stringify(body);
  const request = httpRequest({
    socketPath,
    method: method ?? 'GET',
    path,
    agent: false,
    headers: {
      ...(body !== undefined && { 'content-length': Buffer.byteLength(bytes) }),
      ...headers,
    },
  });
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const type = response.headers['content-type'] ?? '';
        const json: unknown = type.startsWith('application/json') ? JSON.parse(text) : undefined;
        resolve({ status: response.statusCode ?? 0, type, text, json });
      });
    });
    request.end(body === undefined ? undefined : bytes);
  });
}
