import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { onTestFinished } from 'vitest';

import type { CallLimitsSettings } from '../../../src/cli/mcp/call-limits.ts';
import { FileRoots } from '../../../src/cli/mcp/file-roots.ts';
import { PilotServer } from '../../../src/cli/mcp/pilot-server.ts';
import { PilotClient } from '../../../src/client/client.ts';
import { FakeDaemon } from '../../client/fake-daemon.ts';
import { BOB, BOB_AS_PEER, incoming, INFO, outgoing } from '../../client/fake-nodes.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { seededRandom } from '../../support/seeded-random.ts';

export interface InMemorySettings {
  readonly allowTrust?: boolean;
  readonly fileRoots?: FileRoots;
  readonly limits?: CallLimitsSettings;
}

const NO_FILES = await FileRoots.of([]);

/** A client of the protocol, our server, and the daemon at a socket. */
export class InMemorySession {
  readonly client = new Client({ name: 'test', version: '1' });
  readonly clock = new ManualClock();
  readonly notices: string[] = [];
  readonly server: PilotServer;
  readonly #pilot: PilotClient;

  constructor(socketPath: string, settings: InMemorySettings = {}) {
    const { allowTrust = false, fileRoots = NO_FILES, limits } = settings;
    this.#pilot = new PilotClient({ socketPath });
    this.server = new PilotServer({
      ...{ client: this.#pilot, clock: this.clock, random: seededRandom(10) },
      ...{ allowTrust, fileRoots },
      notice: (line) => this.notices.push(line),
      ...(limits !== undefined && { limits }),
    });
  }

  async connect(): Promise<this> {
    const [ours, theirs] = InMemoryTransport.createLinkedPair();
    await this.server.connect(ours);
    await this.client.connect(theirs);
    // From then on the client holds results against the schemas.
    await this.client.listTools();
    return this;
  }

  async call(name: string, args: Record<string, unknown> = {}): Promise<CallToolResult> {
    return (await this.client.callTool({ name, arguments: args })) as CallToolResult;
  }

  async close(): Promise<void> {
    await this.client.close();
    await this.server.close();
    this.#pilot.close();
  }
}

/** Of a result: the text that stands for it. */
export function textOf({ content }: CallToolResult): string {
  return content.map((each) => (each.type === 'text' ? each.text : '')).join('\n');
}

export function errorOf(result: CallToolResult): Record<string, string> {
  if (result.isError !== true) throw new Error(`no error: ${textOf(result)}`);
  const { error } = JSON.parse(textOf(result)) as { error: Record<string, string> };
  return error;
}

/** How tools show `BOB`. */
export const BOB_VIEW = {
  ...{ id: BOB.id, address: BOB.address, node_id: BOB.node_id, claimed_hostname: 'bob' },
};

/** Answers every call of the tools: Bob is there, trusted, and has sent one message. */
export function helpfulDaemon(): FakeDaemon {
  const resolved = { public: false, trusted: true, online: true, public_key: 'AAAA' };
  return new FakeDaemon({
    info: () => INFO,
    resolve: () => ({ ...BOB, ...resolved, relays: ['ws://r'] }),
    peers: () => ({ peers: [BOB_AS_PEER], total: 1 }),
    ping: () => ({ ...BOB, rtt_ms: 1.25, path: 'relay' }),
    pendingTrust: () => ({ pending: [] }),
    requestTrust: () => ({ ...BOB, status: 'pending' }),
    approveTrust: () => ({ ...BOB, status: 'approved' }),
    rejectTrust: () => ({ ...BOB, status: 'rejected' }),
    sendMessage: () => outgoing('m'),
    messageStatus: ({ params }) => outgoing(params['id'] ?? ''),
    listOutbox: () => ({ messages: [outgoing('1', { status: 'queued' })], total: 1 }),
    listInbox: () => ({ messages: [incoming('1', { preview: 'hi' })], total: 3, shown: 1 }),
    readInbox: ({ params }) => incoming(params['id'] ?? '', { data: 'hello', encoding: 'utf8' }),
    publish: ({ body: { target, topic } }) => ({ target, topic, bytes: 1, subscribers: 2 }),
    listReceived: () => ({ files: [], total: 0, shown: 0, dir: '/nowhere' }),
  });
}

/** A daemon that answers, and a session with it; both end with the test. */
export async function helpfulSession(
  settings?: InMemorySettings,
): Promise<{ daemon: FakeDaemon; session: InMemorySession }> {
  const daemon = await helpfulDaemon().start();
  onTestFinished(async () => daemon.stop());
  const session = await new InMemorySession(daemon.socketPath, settings).connect();
  onTestFinished(async () => session.close());
  return { daemon, session };
}
