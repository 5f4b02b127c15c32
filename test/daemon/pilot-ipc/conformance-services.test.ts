/** What the original clients do with streams to well-known ports (pilotctl interface 2.9), between whole daemons. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { expect } from 'vitest';

import { eventually } from '../../support/processes.ts';
import { test } from './conformance-test.ts';
import { HexClient, hexOf, type IpcNode } from './ipc-fixture.ts';

const u32 = (value: number): string => value.toString(16).padStart(8, '0');
const u16 = (value: number): string => value.toString(16).padStart(4, '0');

/** A connection of alice's to a port of bob's. */
class Connection {
  readonly #client: HexClient;
  readonly #id: string;

  constructor(client: HexClient, id: string) {
    this.#client = client;
    this.#id = id;
  }

  static async dial(client: HexClient, node: IpcNode, port: string): Promise<Connection> {
    const dialOk = await client.call(`00000009 03 0000${node.hex} ${port}`);
    expect(dialOk).toMatch(/^04[0-9a-f]{8}$/);
    return new Connection(client, dialOk.slice(2));
  }

  send(hex: string): void {
    this.#client.send(`${u32(5 + hex.length / 2)} 06 ${this.#id} ${hex}`);
  }

  /** `bytes` of what comes, however it is cut. */
  async received(bytes: number): Promise<string> {
    let received = '';
    while (received.length < 2 * bytes) {
      const frame = await this.#client.frame();
      expect(frame.slice(0, 10)).toBe(`07${this.#id}`);
      received += frame.slice(10);
    }
    return received;
  }
}

test('echo, port 7: what ping and bench do', async ({ bob, ipc }) => {
  const stream = await Connection.dial(ipc, bob, '0007');
  stream.send(hexOf('ping-1'));
  expect(await stream.received(6)).toBe(hexOf('ping-1'));
});

test('data exchange, port 1001: TEXT, and TAGGED with its id, are acknowledged and mirrored', async ({
  alice,
  bob,
  ipc,
}) => {
  const stream = await Connection.dial(ipc, bob, '03e9');
  const ack = `00000001${u32(16)}${hexOf('ACK TEXT 5 bytes')}`;
  stream.send(`00000001${u32(5)}${hexOf('hello')}`);
  expect(await stream.received(24)).toBe(ack);

  const id = '0123456789abcdef0123456789abcdef';
  const header = JSON.stringify({ message_id: id, reply_to: id });
  const tagged = `${u16(header.length)}${hexOf(header)}00000001${hexOf('again')}`;
  stream.send(`0000000a${u32(tagged.length / 2)}`);
  stream.send(tagged);
  expect(await stream.received(24)).toBe(ack);

  const folder = path.join(bob.paths.root, 'inbox');
  const files = await eventually('both are files', () => {
    const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
    return names.length === 2 ? names.sort() : undefined;
  });
  const texts = files.map(
    (name) => JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as Record<string, unknown>,
  );
  expect(texts.map(({ data, from }) => [data, from])).toEqual([
    ['hello', alice.address],
    ['again', alice.address],
  ]);
  expect(texts[1]).toMatchObject({ message_id: id, reply_to: id });
});

test('event stream, port 1002: the first event subscribes, the others are published, none comes back', async ({
  alice,
  bob,
}) => {
  const open = async (hex: string): Promise<Connection> => {
    const stream = await Connection.dial(await HexClient.connect(alice), bob, '03ea');
    stream.send(hex);
    return stream;
  };
  const news = '00046e657773';
  const exact = await open(`${news}00000000`);
  const all = await open('00012a00000000');
  const publisher = await open(`${news}00000000`);
  // There is no answer to wait for.
  await eventually('the broker has read all three', async () => {
    const { connections } = await bob.client.connections();
    const read = connections.filter((one) => one.local_port === 1002 && one.bytes_recv > 0);
    return read.length === 3 ? true : undefined;
  });
  publisher.send(`${news}0000000568656c6c6f`);
  const hello = `${news}0000000568656c6c6f`;
  for (const stream of [exact, all]) expect(await stream.received(15)).toBe(hello);
  const { id } = await bob.client.info();
  expect(await bob.client.topics.publish(id, 'news', 'bye')).toMatchObject({ subscribers: 3 });
  for (const stream of [exact, all, publisher]) {
    expect(await stream.received(13)).toBe(`${news}00000003627965`);
  }
});
