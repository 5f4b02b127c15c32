/**
 * Durable messages per second, one sender with 64 in flight, 300 bytes each: `PilotClient.send` until the
 * last one is in the receiver's inbox, against mosquitto (QoS 1, persistence on) between two mqtt.js
 * clients. Ours is on the disk of both hosts before a sender is told; mosquitto has no such setting. The two
 * nearest: its database written once a second (what it acknowledged within that is lost with the power), and
 * written after every change.
 *
 * npm run bench -- durable [messages per round, 5000] [rounds, 5]     needs Debian's mosquitto
 */
import path from 'node:path';

import mqtt from 'mqtt';

import { PilotClient } from '../src/client/client.ts';
import { Sandbox } from '../test/support/sandbox.ts';
import { startTwoNodes } from '../test/support/two-nodes.ts';
import { callsPerSecond, countTo } from './support/in-flight.ts';
import { startMosquitto } from './support/mosquitto.ts';
import { formatComparison } from './support/ratio.ts';
import { runRole, startRole } from './support/roles.ts';

const IN_FLIGHT = 64;
const PAYLOAD = new Uint8Array(300).fill(120);
const DONE = 'done';
/** A daemon runs for days: its code is compiled by then. */
const WARM_UP_ROUNDS = 3;

const roles = {
  /** Says `done` to its parent whenever `count` more messages have come. */
  'node-sink': async (socketPath = '', count = '') => {
    const client = new PilotClient({ socketPath });
    const counter = countTo(Number(count), DONE);
    const events = client.events(['message.received']);
    await client.health();
    void (async () => {
      for await (const { data } of events) counter(data.id);
    })();
  },
  'mqtt-sink': async (url = '', count = '') => {
    const client = await mqtt.connectAsync(url, { clientId: 'sink', clean: false });
    const counter = countTo(Number(count), DONE);
    client.on('message', counter);
    await client.subscribeAsync('bench', { qos: 1 });
  },
};

interface Saving {
  readonly name: string;
  readonly settings: readonly string[];
}

const SAVINGS: readonly Saving[] = [
  { name: 'saving every second', settings: ['autosave_interval 1'] },
  {
    name: 'saving every change',
    settings: ['autosave_interval 1', 'autosave_on_changes true'],
  },
];

interface Broker {
  readonly name: string;
  /** One message; resolves when the broker has acknowledged it. */
  readonly publish: () => Promise<unknown>;
  /** The receiver has as many as a round sends. */
  readonly done: () => Promise<unknown>;
  readonly stop: () => Promise<void>;
}

async function startBroker(folder: string, saving: Saving, count: number): Promise<Broker> {
  const settings = [
    'persistence true',
    `persistence_location ${folder}/`,
    ...saving.settings,
    `max_inflight_messages ${IN_FLIGHT}`,
  ];
  const { url, stop } = await startMosquitto(folder, settings);
  const publisher = await mqtt.connectAsync(url, { clientId: 'source' });
  const sink = await startRole('mqtt-sink', url, String(count));
  return {
    name: saving.name,
    publish: async () => publisher.publishAsync('bench', Buffer.from(PAYLOAD), { qos: 1 }),
    done: async () => sink.next(),
    stop: async () => {
      await publisher.endAsync();
      await sink.stop();
      stop();
    },
  };
}

async function main(): Promise<void> {
  const [count = 5000, rounds = 5] = process.argv.slice(2).map(Number);
  await Sandbox.run(async (sandbox) => {
    const brokers = [];
    for (const [index, saving] of SAVINGS.entries()) {
      const folder = path.join(sandbox.folder, `mosquitto-${index}`);
      brokers.push(await startBroker(folder, saving, count));
    }
    const { alice, bob } = await startTwoNodes(sandbox);
    const nodeSink = await startRole('node-sink', bob.paths.socket, String(count));
    const client = alice.client();
    const receiver = bob.client();

    const ours: number[] = [];
    const peers = brokers.map(() => [] as number[]);
    for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
      const theirs = [];
      for (const { done, publish } of brokers)
        theirs.push(await callsPerSecond({ count, inFlight: IN_FLIGHT }, done, publish));
      const own = await callsPerSecond(
        { count, inFlight: IN_FLIGHT },
        async () => nodeSink.next(),
        async () => client.send('bob', PAYLOAD),
      );
      await receiver.clearInbox();
      if (round < 0) continue;
      ours.push(own);
      for (const [index, value] of theirs.entries()) peers[index]?.push(value);
    }
    await nodeSink.stop();
    for (const [index, broker] of brokers.entries()) {
      await broker.stop();
      const name = `durable messages, ${IN_FLIGHT} in flight, against mosquitto QoS 1 ${broker.name}`;
      const comparison = { name, unit: 'msg/s', ours, peer: peers[index] ?? [] };
      process.stdout.write(`${formatComparison(comparison)}\n`);
    }
  });
}

if (!(await runRole(roles))) {
  await main();
  process.exit(0);
}
