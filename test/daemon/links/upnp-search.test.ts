import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';

import { expect, onTestFinished, test } from 'vitest';

import type { Endpoint } from '../../../src/base/endpoint.ts';
import { systemClock } from '../../../src/base/system-clock.ts';
import { GATEWAY_DEVICES, searchUpnpGateway } from '../../../src/daemon/links/upnp-search.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const HOST = '127.0.0.1';
/** For documentation (RFC 5737): nobody has it. */
const NOT_OURS = '203.0.113.9';

const [VERSION_2 = '', VERSION_1 = ''] = GATEWAY_DEVICES;

function answer(location: string, device = VERSION_2): string {
  return `HTTP/1.1 200 OK\r\nST: ${device}\r\nUSN: uuid:1\r\nLOCATION: ${location}\r\n\r\n`;
}

const clock = systemClock;

/** Takes the place of the multicast group, and of everybody in it. */
async function startNetwork(
  answers: readonly (string | Uint8Array)[],
): Promise<{ group: Endpoint; searches: string[]; seen: Socket }> {
  const seen = createSocket('udp4');
  onTestFinished(() => {
    seen.close();
  });
  const searches: string[] = [];
  seen.on('message', (bytes: Buffer, { address, port }: RemoteInfo) => {
    searches.push(bytes.toString());
    for (const each of answers) seen.send(each, port, address);
  });
  seen.bind(0, HOST);
  await once(seen, 'listening');
  return { group: { host: HOST, port: seen.address().port }, searches, seen };
}

test('a gateway is found by its answer, also beside an address of ours that is gone', async () => {
  const { group, searches, seen } = await startNetwork([answer(`http://${HOST}:49152/root.xml`)]);
  const signal = AbortSignal.timeout(5000);
  const found = await searchUpnpGateway({ clock, signal, group, hosts: [NOT_OURS, HOST] });
  expect(found.href).toBe(`http://${HOST}:49152/root.xml`);
  if (searches.length < 2) await once(seen, 'message');
  expect(searches).toHaveLength(2);
  for (const [n, device] of GATEWAY_DEVICES.entries()) {
    expect(searches[n]).toMatch(/^M-SEARCH \* HTTP\/1\.1\r\n(?:.+\r\n)+\r\n$/);
    expect(searches[n]).toContain(`\r\nST: ${device}\r\n`);
  }
});

test('a gateway of version 1 is found, also when the first search gets lost', async () => {
  const manual = new ManualClock();
  const { group, searches, seen } = await startNetwork([]);
  const signal = AbortSignal.timeout(5000);
  const found = searchUpnpGateway({ clock: manual, signal, group, hosts: [HOST] });
  while (searches.length < 2) await once(seen, 'message');
  seen.on('message', (_: Buffer, { address, port }: RemoteInfo) => {
    seen.send(answer(`http://${HOST}/root.xml`, VERSION_1), port, address);
  });
  manual.advance(1_500);
  expect((await found).pathname).toBe('/root.xml');
  await new Promise(setImmediate);
  expect(manual.pendingTimers).toBe(0);
});

test('what is no answer of a gateway at its own address is nothing', async () => {
  const { group } = await startNetwork([
    '',
    'HTTP/1.1 200 OK',
    'HTTP/1.1 200 OK\r\n:::\r\nLOCATION\r\n\r\n',
    `NOTIFY * HTTP/1.1\r\nNT: ${VERSION_2}\r\nUSN: 1\r\nNTS: ssdp:alive\r\nLOCATION: 5\r\n\r\n`,
    'HTTP/1.1 200 OK\r\nST: x\r\nUSN: y\r\nLOCATION: http://127.0.0.1/\r\n\r\n',
    answer('http://192.0.2.1/root.xml'),
    answer(`http://${HOST}@192.0.2.1/root.xml`),
    answer(`file://${HOST}/etc/passwd`),
    answer('5'),
    answer(`http://${HOST}/upnp:rootdevice`, 'upnp:rootdevice'),
    `${answer(`http://${HOST}/long.xml`)}${' '.repeat(1500)}`,
    new Uint8Array(1400).fill(0xff),
    answer(`http://${HOST}/the-one.xml`),
  ]);
  const signal = AbortSignal.timeout(5000);
  expect((await searchUpnpGateway({ clock, signal, group, hosts: [HOST] })).pathname).toBe(
    '/the-one.xml',
  );
});

test('where no address of ours can ask, it fails at once', async () => {
  const signal = AbortSignal.timeout(60_000);
  for (const hosts of [[], [NOT_OURS, NOT_OURS]]) {
    await expect(searchUpnpGateway({ clock, signal, hosts })).rejects.toThrow('no UPnP gateway');
  }
});

test('over with its signal; nothing of it is left', async () => {
  const { group, seen } = await startNetwork([]);
  const abort = new AbortController();
  const { signal } = abort;
  const search = searchUpnpGateway({ clock, signal, group, hosts: [HOST] });
  const [, asker] = (await once(seen, 'message')) as [Buffer, RemoteInfo];
  abort.abort();
  await expect(search).rejects.toThrow('no UPnP gateway');
  // Its port is free again.
  const next = createSocket('udp4');
  onTestFinished(() => {
    next.close();
  });
  next.bind({ port: asker.port, address: HOST, exclusive: true });
  await once(next, 'listening');
  await expect(searchUpnpGateway({ clock, signal, group, hosts: [HOST] })).rejects.toThrow(
    'aborted',
  );
});
