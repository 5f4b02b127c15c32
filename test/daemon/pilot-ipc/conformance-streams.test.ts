/** Streams, datagrams and files as the original clients have them (pilotctl interface 2), between whole daemons. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

import { expect } from 'vitest';

import { eventually } from '../../support/processes.ts';
import { test } from './conformance-test.ts';
import { HexClient, hexOf } from './ipc-fixture.ts';

test('Bind, Dial, Accept, Send, Recv, Close, Unbind (01 to 09, 37)', async ({
  alice,
  bob,
  ipc,
}) => {
  const theirs = await HexClient.connect(bob);
  expect(await theirs.call('00000003 01 0bb8')).toBe('020bb8');
  expect(await theirs.text('00000003 01 0bb8')).toEqual(['0a0001', 'port 3000 already bound']);
  const dialOk = await ipc.call(`00000009 03 0000${bob.hex} 0bb8`);
  expect(dialOk).toMatch(/^04[0-9a-f]{8}$/);
  const ours = dialOk.slice(2);
  const accept = await theirs.frame();
  expect(accept).toMatch(new RegExp(`^050bb8[0-9a-f]{8}0000${alice.hex}[0-9a-f]{4}$`));
  const id = accept.slice(6, 14);

  ipc.send(`0000000a 06 ${ours} ${hexOf('hello')}`);
  expect(await theirs.frame()).toBe(`07${id}${hexOf('hello')}`);
  theirs.send(`0000000a 06 ${id} ${hexOf('world')}`);
  expect(await ipc.frame()).toBe(`07${ours}${hexOf('world')}`);

  const [, info] = await ipc.json('00000001 0d');
  const row = (info['conn_list'] as Record<string, unknown>[])[0] ?? {};
  const text = new Set(['remote_addr', 'state', 'in_recovery']);
  expect(row).toMatchObject({ remote_addr: bob.address, remote_port: 3000, in_recovery: false });
  for (const [name, value] of Object.entries(row)) {
    if (!text.has(name)) expect([name, typeof value]).toEqual([name, 'number']);
  }
  expect(Object.keys(row)).toHaveLength(24);

  expect(await ipc.call(`00000005 08 ${ours}`)).toBe(`09${ours}`);
  expect(await theirs.frame()).toBe(`09${id}`);
  expect(await theirs.call(`00000005 08 ${id}`)).toBe(`09${id}`);
  // Closed twice it is closed.
  expect(await ipc.call(`00000005 08 ${ours}`)).toBe(`09${ours}`);
  expect(await theirs.call('00000003 37 0bb8')).toBe('380bb8');
  expect(await ipc.text(`00000009 03 0000${bob.hex} 0bb8`)).toEqual([
    '0a0001',
    'connection refused',
  ]);
});

test('a Send as long as a file goes through, and what comes is cut into what a client reads', async ({
  bob,
  ipc,
}) => {
  const theirs = await HexClient.connect(bob);
  await theirs.call('00000003 01 0bb8');
  const ours = (await ipc.call(`00000009 03 0000${bob.hex} 0bb8`)).slice(2);
  const id = (await theirs.frame()).slice(6, 14);
  const file = Buffer.alloc(3_000_000, 'file');
  ipc.send((5 + file.length).toString(16).padStart(8, '0') + `06${ours}`);
  ipc.socket.write(file);
  ipc.send(`00000005 08 ${ours}`);
  let received = '';
  for (;;) {
    const frame = await theirs.frame();
    if (frame === `09${id}`) break;
    expect(frame.slice(0, 10)).toBe(`07${id}`);
    expect(frame.length).toBeLessThanOrEqual(10 + 2 * 65_535);
    received += frame.slice(10);
  }
  expect(received === file.toString('hex')).toBe(true);
});

test('a client that goes leaves no stream and no port', async ({ bob, ipc }) => {
  const theirs = await HexClient.connect(bob);
  await theirs.call('00000003 01 0bb8');
  const ours = (await ipc.call(`00000009 03 0000${bob.hex} 0bb8`)).slice(2);
  await theirs.frame();
  theirs.socket.destroy();
  expect(await ipc.frame()).toBe(`09${ours}`);
  const next = await HexClient.connect(bob);
  expect(await next.call('00000003 01 0bb8')).toBe('020bb8');
});

test('disconnect closes what another client holds (08)', async ({ alice, bob, ipc }) => {
  const theirs = await HexClient.connect(bob);
  await theirs.call('00000003 01 0bb8');
  const ours = (await ipc.call(`00000009 03 0000${bob.hex} 0bb8`)).slice(2);
  const other = await HexClient.connect(alice);
  expect(await other.call(`00000005 08 ${ours}`)).toBe(`09${ours}`);
  expect(await ipc.frame()).toBe(`09${ours}`);
  expect(await other.text('00000005 08 00ffffff')).toEqual([
    '0a0001',
    'connection 16777215 not found',
  ]);
});

test('datagrams go to every client (0B, 0C, 39)', async ({ alice, bob, ipc }) => {
  const theirs = [await HexClient.connect(bob), await HexClient.connect(bob)];
  // Both are known to the daemon when it has answered them.
  for (const one of theirs) await one.call('00000001 21');
  ipc.send(`0000000b 0b 0000${bob.hex} 0bb8 ${hexOf('hi')}`);
  const got = new RegExp(`^0c0000${alice.hex}([0-9a-f]{4})0bb8${hexOf('hi')}$`);
  const ports = [];
  for (const one of theirs) ports.push(got.exec(await one.frame())?.[1]);
  expect(ports[0]).toBe(ports[1]);
  expect(await ipc.call(`0000000b 39 0000${bob.hex} 0bb8 ${hexOf('hi')}`)).toBe('3a');
  expect((await theirs[0]?.frame())?.slice(14, 18)).toBe(ports[0]);
  theirs[1]?.send(`0000000b 0b 0000${alice.hex} ${ports[0] ?? ''} ${hexOf('yo')}`);
  expect(await ipc.frame()).toMatch(
    new RegExp(`^0c0000${bob.hex}[0-9a-f]{4}${ports[0] ?? ''}${hexOf('yo')}$`),
  );
  const [command, text] = await ipc.text('0000000a 39 0000 00000123 0bb8 68');
  expect([command, text]).toEqual(['0a0001', expect.stringMatching(/^sendto: /)]);
});

test('Send and SendTo are never answered, whatever becomes of them', async ({ ipc }) => {
  ipc.send('00000006 06 00001234 00');
  ipc.send('00000002 06 00');
  ipc.send('00000001 0b');
  ipc.send('0000000a 0b 0000 00000123 0bb8 68');
  ipc.send('0000000a 0b 0007 00000123 0bb8 68');
  // A frame without a command is ignored.
  ipc.send('00000000');
  expect((await ipc.call('00000001 21')).slice(0, 2)).toBe('22');
});

test('Cancel ends a dial that waits, and nothing is said of it (2B)', async ({ bob, ipc }) => {
  await bob.stop();
  ipc.send(`00000009 03 0000${bob.hex} 0bb8`);
  ipc.send('00000001 2b');
  expect((await ipc.call('00000001 21')).slice(0, 2)).toBe('22');
});

test('messages are mirrored as files (2.9)', async ({ alice, bob }) => {
  const { message_id } = await alice.client.sendMessage({
    ...{ target: 'bob', type: 'json', data: '{"a":1}', confirm_ms: 10_000 },
  });
  const folder = path.join(bob.paths.root, 'inbox');
  const name = await eventually('the file is there', () => {
    try {
      return readdirSync(folder).find((each) => each.endsWith('.json'));
    } catch {
      return undefined;
    }
  });
  expect(name).toMatch(/^JSON-\d{8}-\d{6}\.\d{3}-000000\.json$/);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(statSync(path.join(folder, name)).mode & 0o777).toBe(0o600);
  expect(JSON.parse(readFileSync(path.join(folder, name), 'utf8'))).toEqual({
    ...{ type: 'JSON', from: alice.address, data: '{"a":1}', data_encoding: 'utf8', bytes: 7 },
    received_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string,
    message_id: message_id.replaceAll('-', ''),
  });
});
