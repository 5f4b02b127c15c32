import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';

import { expect, onTestFinished, test } from 'vitest';

import type { Endpoint } from '../../../src/base/endpoint.ts';
import { GATEWAY_DEVICE, searchUpnpGateway } from '../../../src/daemon/links/upnp-search.ts';

const HOST = '127.0.0.1';
/** For documentation (RFC 5737): nobody has it. */
const NOT_OURS = '203.0.113.9';

function answer(location: string, device = GATEWAY_DEVICE): string {
  return `HTTP/1.1 200 OK\r\nST: ${device}\r\nUSN: uuid:1\r\nLOCATION: ${location}\r\n\r\n`;
}

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
  const { group, searches } = await startNetwork([answer(`http://${HOST}:49152/root.xml`)]);
  const signal = AbortSignal.timeout(5000);
  const found = await searchUpnpGateway({ signal, group, hosts: [NOT_OURS, HOST] });
  expect(found.href).toBe(`http://${HOST}:49152/root.xml`);
  expect(searches).toHaveLength(1);
  expect(searches[0]).toMatch(/^M-SEARCH \* HTTP\/1\.1\r\n(?:.+\r\n)+\r\n$/);
  expect(searches[0]).toContain(`\r\nST: ${GATEWAY_DEVICE}\r\n`);
});

test('what is no answer of a gateway at its own address is nothing', async () => {
  const { group } = await startNetwork([
    '',
    'HTTP/1.1 200 OK',
    'HTTP/1.1 200 OK\r\n:::\r\nLOCATION\r\n\r\n',
    `NOTIFY * HTTP/1.1\r\nNT: ${GATEWAY_DEVICE}\r\nUSN: 1\r\nNTS: ssdp:alive\r\nLOCATION: 5\r\n\r\n`,
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
  expect((await searchUpnpGateway({ signal, group, hosts: [HOST] })).pathname).toBe('/the-one.xml');
});

test('where no address of ours can ask, it fails at once', async () => {
  const signal = AbortSignal.timeout(60_000);
  for (const hosts of [[], [NOT_OURS, NOT_OURS]]) {
    await expect(searchUpnpGateway({ signal, hosts })).rejects.toThrow('no UPnP gateway');
  }
});

test('over with its signal; nothing of it is left', async () => {
  const { group, seen } = await startNetwork([]);
  const abort = new AbortController();
  const { signal } = abort;
  const search = searchUpnpGateway({ signal, group, hosts: [HOST] });
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
  await expect(searchUpnpGateway({ signal, group, hosts: [HOST] })).rejects.toThrow('aborted');
});
