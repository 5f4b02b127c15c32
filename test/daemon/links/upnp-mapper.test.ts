import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect, onTestFinished, test } from 'vitest';

import { UpnpMapper } from '../../../src/daemon/links/upnp-mapper.ts';

const VERSION_1 = 'urn:schemas-upnp-org:service:WANIPConnection:1';
const VERSION_2 = 'urn:schemas-upnp-org:service:WANIPConnection:2';
const PPP = 'urn:schemas-upnp-org:service:WANPPPConnection:1';
const ANSWERS: Readonly<Record<string, string>> = {
  AddAnyPortMapping: '<NewReservedPort>5711</NewReservedPort>',
  AddPortMapping: '',
  GetExternalIPAddress: '<NewExternalIPAddress>203.0.113.7</NewExternalIPAddress>',
  DeletePortMapping: '',
};
const WISH = { internalPort: 4711, externalPort: 4711, lifetimeMs: 7_200_000 };

interface Call {
  readonly action: string;
  readonly service: string;
  readonly body: string;
}

interface FakeDevice {
  readonly url: URL;
  readonly calls: Call[];
}

interface FakeDeviceOptions {
  readonly services?: readonly string[];
  readonly controlUrl?: string;
  /** The UPnP error of a call, or what it is answered with instead; undefined: it works. */
  readonly answer?: (call: Call) => number | string | undefined;
}

async function startDevice(options: FakeDeviceOptions = {}): Promise<FakeDevice> {
  const { services = [VERSION_2], controlUrl = '/control', answer = () => undefined } = options;
  const description = `<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0"><device><serviceList>${services
    .map(
      (type) => `<service><serviceType>${type}</serviceType><controlURL>${controlUrl}</controlURL>
    <SCPDURL>/scpd.xml</SCPDURL></service>`,
    )
    .join('')}</serviceList></device></root>`;
  const calls: Call[] = [];
  const server: Server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      response.setHeader('content-type', 'text/xml');
      const [, service = '', action] =
        /^"(.+)#(\w+)"$/.exec(String(request.headers['soapaction'])) ?? [];
      if (action === undefined) {
        response.end(description);
        return;
      }
      const call = { action, service, body };
      calls.push(call);
      const given = answer(call) ?? ANSWERS[action] ?? '';
      response.statusCode = typeof given === 'number' ? 500 : 200;
      const inside =
        typeof given === 'number'
          ? `<s:Fault><detail><UPnPError><errorCode>${given}</errorCode><errorDescription>Why</errorDescription></UPnPError></detail></s:Fault>`
          : `<u:${action}Response xmlns:u="${service}">${given}</u:${action}Response>`;
      response.end(
        `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${inside}</s:Body></s:Envelope>`,
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

const mapperOf = ({ url }: FakeDevice): UpnpMapper =>
  new UpnpMapper(async () => Promise.resolve(url));
const soon = (): AbortSignal => AbortSignal.timeout(5_000);

/** What was asked for in each call of that action. */
function valuesOf({ calls }: FakeDevice, action: string, name: string): (string | undefined)[] {
  return calls
    .filter((call) => call.action === action)
    .map(({ body }) => new RegExp(`<${name}>(.*)</${name}>`).exec(body)?.[1]);
}

test('a port is mapped for UDP, renewed under its outer number, and given back', async () => {
  const device = await startDevice({ services: [VERSION_1, VERSION_2] });
  let searches = 0;
  const mapper = new UpnpMapper(async () => {
    searches += 1;
    return Promise.resolve(device.url);
  });
  const external = { host: '203.0.113.7', port: 5711 };
  expect(await mapper.map(WISH, soon())).toEqual({ external, lifetimeMs: 7_200_000 });
  const [mapped] = device.calls.filter(({ action }) => action === 'AddAnyPortMapping');
  expect(mapped?.service).toBe(VERSION_2);
  for (const part of [
    '<NewProtocol>UDP</NewProtocol>',
    '<NewInternalPort>4711</NewInternalPort>',
    '<NewInternalClient>127.0.0.1</NewInternalClient>',
    '<NewLeaseDuration>7200</NewLeaseDuration>',
  ]) {
    expect(mapped?.body).toContain(part);
  }
  await mapper.map({ ...WISH, externalPort: 5711 }, soon());
  expect(valuesOf(device, 'AddAnyPortMapping', 'NewExternalPort')).toEqual(['4711', '5711']);
  expect(searches).toBe(1);
  await mapper.release({ ...WISH, externalPort: 5711 }, soon());
  expect(valuesOf(device, 'DeletePortMapping', 'NewExternalPort')).toEqual(['5711']);
  expect(valuesOf(device, 'DeletePortMapping', 'NewProtocol')).toEqual(['UDP']);
});

test('a gateway of version 1: a port that another host has is left to it', async () => {
  const device = await startDevice({
    services: [VERSION_1],
    answer: ({ body }) => (/<NewExternalPort>471[12]</.test(body) ? 718 : undefined),
  });
  const { external } = await mapperOf(device).map(WISH, soon());
  expect(external).toEqual({ host: '203.0.113.7', port: 4713 });
  expect(valuesOf(device, 'AddPortMapping', 'NewExternalPort')).toEqual(['4711', '4712', '4713']);
  expect(valuesOf(device, 'AddPortMapping', 'NewInternalPort')).toEqual(['4711', '4711', '4711']);
});

test('where every port is taken, five are asked for', async () => {
  const device = await startDevice({
    services: [VERSION_1],
    answer: ({ action }) => (action === 'AddPortMapping' ? 718 : undefined),
  });
  const mapping = mapperOf(device).map({ ...WISH, externalPort: 65_534 }, soon());
  await expect(mapping).rejects.toThrow('the gateway refuses with UPnP code 718: Why');
  expect(valuesOf(device, 'AddPortMapping', 'NewExternalPort')).toEqual(
    [65_534, 65_535, 1024, 1025, 1026].map(String),
  );
});

test('a gateway of version 1 that knows no end of leases is asked for one without', async () => {
  const device = await startDevice({
    services: [VERSION_1],
    answer: ({ body }) => (body.includes('<NewLeaseDuration>7200<') ? 725 : undefined),
  });
  // Renewed as if it ended: a gateway that was restarted has forgotten it.
  expect((await mapperOf(device).map(WISH, soon())).lifetimeMs).toBe(7_200_000);
  expect(valuesOf(device, 'AddPortMapping', 'NewLeaseDuration')).toEqual(['7200', '0']);
});

test('of several lines the one that is up', async () => {
  const device = await startDevice({
    services: [PPP, VERSION_1],
    answer: ({ action, service }) =>
      action === 'GetExternalIPAddress' && service === VERSION_1
        ? '<NewExternalIPAddress>0.0.0.0</NewExternalIPAddress>'
        : undefined,
  });
  await mapperOf(device).map(WISH, soon());
  expect(device.calls.map(({ action, service }) => [action, service])).toEqual([
    ['GetExternalIPAddress', VERSION_1],
    ['GetExternalIPAddress', PPP],
    ['AddPortMapping', PPP],
  ]);
});

test('a gateway without an outer address, or without an answer that makes sense, fails', async () => {
  const noAddress = await startDevice({ answer: () => '' });
  await expect(mapperOf(noAddress).map(WISH, soon())).rejects.toThrow('no outer address');
  const refuses = await startDevice({ answer: () => 501 });
  await expect(mapperOf(refuses).map(WISH, soon())).rejects.toThrow('UPnP code 501');
  const noPort = await startDevice({
    answer: ({ action }) => (action === 'AddAnyPortMapping' ? '<x/>' : undefined),
  });
  await expect(mapperOf(noPort).map(WISH, soon())).rejects.toThrow('does not tell the port');
  const endless = await startDevice({
    answer: () => 'x'.repeat(300_000),
  });
  await expect(mapperOf(endless).map(WISH, soon())).rejects.toThrow('more than 262144 bytes');
});

test('no other host is asked, whatever the description says', async () => {
  const other = await startDevice();
  const { port } = other.url;
  const device = await startDevice({ controlUrl: `http://localhost:${port}/control` });
  await expect(mapperOf(device).map(WISH, soon())).rejects.toThrow('maps no ports');
  expect(other.calls).toEqual([]);
});

test('without a gateway it fails, and there is nothing to give back', async () => {
  const mapper = new UpnpMapper(async () => Promise.reject(new Error('no UPnP gateway answers')));
  await expect(mapper.map(WISH, soon())).rejects.toThrow('no UPnP gateway');
  await mapper.release(WISH, soon());
});
