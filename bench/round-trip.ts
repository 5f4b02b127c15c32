/**
 * 100 bytes there and back: `PilotClient.request` to a peer that answers with the same bytes, against the
 * same bytes through a bare `ws` forwarder. Every party is a process of its own.
 *
 *     ours   client ─ daemon ─ relay ─ daemon ─ client      durable, sealed, acknowledged
 *     peer   client ─────── forwarder ─────── client
 *
 * Both sides are warm: a daemon's first thousand requests take three times as long.
 *
 * npm run bench -- round-trip [requests per round, 500] [rounds, 5]
 */
import { once } from 'node:events';

import { payloadBytes, PilotClient } from '../src/client/client.ts';
import { Sandbox } from '../test/support/sandbox.ts';
import { startTwoNodes } from '../test/support/two-nodes.ts';
import { connectBare, startBareForwarder } from './support/bare-forwarder.ts';
import { formatComparison, quantile } from './support/ratio.ts';
import { runRole, startRole } from './support/roles.ts';

const PAYLOAD = new Uint8Array(100).fill(120);
/** A daemon runs for days: what it does often is compiled after some 5,000 requests. */
const WARM_UP_REQUESTS = 6000;

const roles = {
  forwarder: startBareForwarder,
  'bare-echo': async (url = '') => {
    const socket = await connectBare(url);
    socket.on('message', (data) => {
      socket.send(data as Buffer);
    });
  },
  'node-echo': async (socketPath = '') => {
    const client = new PilotClient({ socketPath });
    void client.serve((message) => payloadBytes(message), { concurrency: 64 });
    await client.health();
  },
};

async function timesUs(count: number, ask: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const startedMs = performance.now();
    await ask();
    times.push((performance.now() - startedMs) * 1000);
  }
  return quantile(times, 0.5);
}

async function main(): Promise<void> {
  const [count = 500, rounds = 5] = process.argv.slice(2).map(Number);
  await Sandbox.run(async (sandbox) => {
    const { alice, bob } = await startTwoNodes(sandbox);
    const echo = await startRole('node-echo', bob.paths.socket);
    const forwarder = await startRole('forwarder');
    const bareEcho = await startRole('bare-echo', String(forwarder.ready));
    const client = alice.client();
    const bare = await connectBare(String(forwarder.ready));
    const askPeer = async (): Promise<unknown> => {
      bare.send(PAYLOAD);
      return once(bare, 'message');
    };
    const askOurs = async (): Promise<unknown> => client.request('bob', PAYLOAD);

    await timesUs(WARM_UP_REQUESTS, askPeer);
    await timesUs(WARM_UP_REQUESTS, askOurs);
    const ours = [];
    const peer = [];
    for (let round = 0; round < rounds; round++) {
      peer.push(await timesUs(count, askPeer));
      ours.push(await timesUs(count, askOurs));
    }
    bare.close();
    await Promise.all([echo.stop(), bareEcho.stop(), forwarder.stop()]);
    const name = '100 B round trip, p50, against a bare ws forwarder';
    process.stdout.write(`${formatComparison({ name, unit: 'µs', ours, peer })}\n`);
  });
}

if (!(await runRole(roles))) {
  await main();
  process.exit(0);
}
