import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect, onTestFinished, test, vi } from 'vitest';

import { UpnpMapper } from '../../../src/daemon/links/upnp-mapper.ts';

const SERVICE = 'urn:schemas-upnp-org:service:WANIPConnection:2';
const DESCRIPTION = `<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0"><device>
  <deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:2</deviceType><UDN>uuid:1</UDN>
  <serviceList><service><serviceType>${SERVICE}</serviceType>
    <controlURL>/control</controlURL><SCPDURL>/scpd.xml</SCPDURL></service></serviceList>
</device></root>`;
const ANSWERS: Record<string, string> = {
  AddAnyPortMapping: '<NewReservedPort>5711</NewReservedPort>',
  GetExternalIPAddress: '<NewExternalIPAddress>203.0.113.7</NewExternalIPAddress>',
  DeletePortMapping: '',
};
const WISH = { internalPort: 4711, externalPort: 4711, lifetimeMs: 7_200_000 };

interface FakeDevice {
  readonly url: URL;
  /** Action and body of each call. */
  readonly calls: { readonly action: string; readonly body: string }[];
}

async function startDevice(): Promise<FakeDevice> {
  const calls: FakeDevice['calls'] = [];
  const server: Server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      response.setHeader('content-type', 'text/xml');
      const action = /#(\w+)/.exec(String(request.headers['soapaction']))?.[1];
      if (action === undefined) {
        response.end(DESCRIPTION);
        return;
      }
      calls.push({ action, body });
      const answer = `<u:${action}Response xmlns:u="${SERVICE}">${ANSWERS[action] ?? ''}</u:${action}Response>`;
      response.end(
        `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${answer}</s:Body></s:Envelope>`,
      );
    });
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: new URL(`http://127.0.0.1:${port}/root.xml`), calls };
}

test('a port is mapped for UDP, renewed under its outer number, and given back', async () => {
  const { url, calls } = await startDevice();
  const mapper = new UpnpMapper(async () => Promise.resolve(url));
  const signal = AbortSignal.timeout(5_000);
  expect(await mapper.map(WISH, signal)).toEqual({
    external: { host: '203.0.113.7', port: 5711 },
    lifetimeMs: 7_200_000,
  });
  const [mapped] = calls.filter(({ action }) => action === 'AddAnyPortMapping');
  for (const part of [
    '<NewProtocol>UDP</NewProtocol>',
    '<NewInternalPort>4711</NewInternalPort>',
    '<NewInternalClient>127.0.0.1</NewInternalClient>',
    '<NewLeaseDuration>7200</NewLeaseDuration>',
  ]) {
    expect(mapped?.body).toContain(part);
  }
  await mapper.map({ ...WISH, externalPort: 5711 }, signal);
  expect(calls.at(-2)?.body).toContain('<NewExternalPort>5711</NewExternalPort>');
  await mapper.release({ ...WISH, externalPort: 5711 }, signal);
  expect(calls.at(-1)).toMatchObject({ action: 'DeletePortMapping' });
  expect(calls.at(-1)?.body).toContain('<NewExternalPort>5711</NewExternalPort>');
  expect(calls.at(-1)?.body).toContain('<NewProtocol>UDP</NewProtocol>');
});

test('renewed hours later, the description is read again instead of the gateway searched', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const { url, calls } = await startDevice();
  let searches = 0;
  const mapper = new UpnpMapper(async () => {
    searches += 1;
    return Promise.resolve(url);
  });
  const signal = AbortSignal.timeout(5_000);
  const first = await mapper.map(WISH, signal);
  vi.setSystemTime(Date.now() + 3 * 3_600_000);
  expect(await mapper.map(WISH, signal)).toEqual(first);
  expect(calls.filter(({ action }) => action === 'AddAnyPortMapping')).toHaveLength(2);
  expect(searches).toBe(1);
});

test('without a gateway it fails, and there is nothing to give back', async () => {
  const mapper = new UpnpMapper(async () => Promise.reject(new Error('no UPnP gateway answers')));
  const signal = AbortSignal.timeout(5_000);
  await expect(mapper.map(WISH, signal)).rejects.toThrow('no UPnP gateway');
  await mapper.release(WISH, signal);
});
