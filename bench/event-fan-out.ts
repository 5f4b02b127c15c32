/**
 * Events to many: one publisher, 100 subscribers in 10 groups, 300 bytes each, in deliveries per second: from the
 * first `publish` until the last subscriber has the last event.
 *
 *     ours   publisher ── its daemon (broker) ── relay ──┬── daemon 1 ── 10 subscribers
 *                                                        └── … 10
 *     peer   publisher ── mosquitto (QoS 0) ── 100 mqtt.js clients
 *
 * All subscribers of a side are one process. A round has fewer events than a slow subscriber may have waiting (1,024),
 * so nothing is dropped; who publishes has 64 under way.
 *
 * npm run bench -- event-fan-out [events per round, 200] [rounds, 5]     needs Debian's mosquitto
 */
import path from 'node:path';

import mqtt from 'mqtt';

import { PilotClient } from '../src/client/client.ts';
import { befriend, Sandbox, type SandboxNode } from '../test/support/sandbox.ts';
import { callsPerSecond, countTo } from './support/in-flight.ts';
import { startMosquitto } from './support/mosquitto.ts';
import { formatComparison } from './support/ratio.ts';
import { runRole, startRole } from './support/roles.ts';

const PEERS = 10;
const SUBSCRIBERS_OF_PEER = 10;
const SUBSCRIBERS = PEERS * SUBSCRIBERS_OF_PEER;
const TOPIC = 'bench/fan-out';
const PAYLOAD = Buffer.alloc(300, 120);
const IN_FLIGHT = 64;
const DONE = 'done';
const WARM_UP_ROUNDS = 2;

const roles = {
  /** Says `done` to its parent whenever every subscriber has had `count` more events. */
  'node-sinks': async (broker = '', count = '', ...sockets: string[]) => {
    const counter = countTo(Number(count) * SUBSCRIBERS, DONE);
    for (const socketPath of sockets) {
      for (let i = 0; i < SUBSCRIBERS_OF_PEER; i++) {
        const subscription = await new PilotClient({ socketPath }).topics.subscribe(broker, TOPIC);
        void (async () => {
          for await (const event of subscription) {
            if (event.kind === 'event') counter();
            else throw new Error(`a subscriber got ${event.kind}`);
          }
        })();
      }
    }
  },
  'mqtt-sinks': async (url = '', count = '') => {
    const counter = countTo(Number(count) * SUBSCRIBERS, DONE);
    for (let i = 0; i < SUBSCRIBERS; i++) {
      const client = await mqtt.connectAsync(url);
      client.on('message', counter);
      await client.subscribeAsync(TOPIC, { qos: 0 });
    }
  },
};

/** The broker's node, and those that subscribe there. */
async function startNodes(sandbox: Sandbox): Promise<[SandboxNode, SandboxNode[]]> {
  const relay = await sandbox.relay().start();
  const start = async (name: string): Promise<SandboxNode> =>
    sandbox.node(name).start('--relay', relay.url, '--hostname', name);
  const broker = await start('broker');
  const peers: SandboxNode[] = [];
  for (let i = 0; i < PEERS; i++) {
    const peer = await start(`peer-${i}`);
    await befriend(broker, peer);
    peers.push(peer);
  }
  return [broker, peers];
}

async function main(): Promise<void> {
  const [count = 200, rounds = 5] = process.argv.slice(2).map(Number);
  await Sandbox.run(async (sandbox) => {
    const mosquitto = await startMosquitto(path.join(sandbox.folder, 'mosquitto'), []);
    const mqttPublisher = await mqtt.connectAsync(mosquitto.url);
    const mqttSinks = await startRole('mqtt-sinks', mosquitto.url, String(count));
    const [broker, peers] = await startNodes(sandbox);
    const sockets = peers.map(({ paths }) => paths.socket);
    const nodeSinks = await startRole('node-sinks', broker.name, String(count), ...sockets);
    const client = broker.client();

    const [ours, peer]: [number[], number[]] = [[], []];
    for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
      const theirs = await callsPerSecond(
        { count, inFlight: IN_FLIGHT },
        async () => mqttSinks.next(),
        async () => mqttPublisher.publishAsync(TOPIC, PAYLOAD, { qos: 0 }),
      );
      const own = await callsPerSecond(
        { count, inFlight: IN_FLIGHT },
        async () => nodeSinks.next(),
        async () => client.topics.publish(broker.name, TOPIC, PAYLOAD),
      );
      if (round < 0) continue;
      ours.push(own * SUBSCRIBERS);
      peer.push(theirs * SUBSCRIBERS);
    }
    await nodeSinks.stop();
    await mqttSinks.stop();
    await mqttPublisher.endAsync();
    mosquitto.stop();
    client.close();
    const name = `event fan-out to ${SUBSCRIBERS} subscribers over ${PEERS} peers, against mosquitto QoS 0`;
    const comparison = { name, unit: 'deliveries/s', ours, peer };
    process.stdout.write(`${formatComparison(comparison)}\n`);
  });
}

if (!(await runRole(roles))) {
  await main();
  process.exit(0);
}
