import { expect, test } from 'vitest';

import { elementText, igdServices } from '../../../src/daemon/links/igd-description.ts';

const LOCATION = new URL('http://192.0.2.1:49152/rootDesc.xml');

function service(type: string, control: string): string {
  return `<service><serviceType>urn:schemas-upnp-org:service:${type}</serviceType><controlURL>${control}</controlURL></service>`;
}

test('services are found however deep they stand, the newest first', () => {
  const description = `<root><device><serviceList>${service('Layer3Forwarding:1', '/ctl/L3F')}</serviceList>
    <deviceList><device><deviceList><device><serviceList>
      ${service('WANPPPConnection:1', '/ppp?a=1&amp;b=2')}${service('WANIPConnection:1', 'ctl/ip1')}
      ${service('WANIPConnection:2', 'http://192.0.2.1:5000/ip2')}
    </serviceList></device></deviceList></device></deviceList></device></root>`;
  expect(
    igdServices(description, LOCATION).map(({ type, control }) => [type, control.href]),
  ).toEqual([
    ['urn:schemas-upnp-org:service:WANIPConnection:2', 'http://192.0.2.1:5000/ip2'],
    ['urn:schemas-upnp-org:service:WANIPConnection:1', 'http://192.0.2.1:49152/ctl/ip1'],
    ['urn:schemas-upnp-org:service:WANPPPConnection:1', 'http://192.0.2.1:49152/ppp?a=1&b=2'],
  ]);
});

test('URLs are relative to URLBase, where it is of the same host', () => {
  const place = (base: string): string | undefined =>
    igdServices(
      `<root><URLBase>${base}</URLBase>${service('WANIPConnection:1', '/c')}</root>`,
      LOCATION,
    )[0]?.control.href;
  expect(place('http://192.0.2.1:80/')).toBe('http://192.0.2.1/c');
  for (const base of ['', 'rubbish', 'http://192.0.2.2:80/', 'https://192.0.2.1/']) {
    expect(place(base)).toBe('http://192.0.2.1:49152/c');
  }
});

test.each([
  ['', 'no URL'],
  ['http://192.0.2.2/c', 'another host'],
  ['//192.0.2.2/c', 'another host'],
  ['http://192.0.2.1@192.0.2.2/c', 'another host'],
  ['https://192.0.2.1/c', 'another protocol'],
  ['file:///etc/passwd', 'another protocol'],
  ['http://[', 'no URL'],
])('a service at %j is none: %s', (control) => {
  expect(igdServices(service('WANIPConnection:1', control), LOCATION)).toEqual([]);
});

test('elements by name: prefixes, attributes and spaces do not count', () => {
  expect(elementText('<a:Port x="1">\n 5 </a:Port ><Port>6</Port>', 'Port')).toBe('5');
  expect(elementText('<Ports>5</Ports>', 'Port')).toBeUndefined();
  expect(elementText('<Port>', 'Port')).toBeUndefined();
  expect(elementText('</Port>5</Port>', 'Port')).toBeUndefined();
  expect(elementText('<Port>&lt;&amp;lt;&bogus;</Port>', 'Port')).toBe('<&lt;&bogus;');
});
