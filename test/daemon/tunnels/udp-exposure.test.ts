import { createSocket } from 'node:dgram';
import dns from 'node:dns';
import { once } from 'node:events';

import { expect, onTestFinished, test, vi } from 'vitest';

import type { Datagram } from '../../../src/daemon/streams/datagrams.ts';
import { UdpExposure } from '../../../src/daemon/tunnels/udp-exposure.ts';
import { eventually } from '../../support/processes.ts';
import { tunnelFixture } from './tunnel-fixture.ts';

const PEER = 'aa'.repeat(32);

test('a service whose name was not known at first is reached once it is', async () => {
  const service = createSocket('udp4');
  onTestFinished(() => {
    service.close();
  });
  service.bind(0, '127.0.0.1');
  await once(service, 'listening');
  const heard: string[] = [];
  service.on('message', (bytes) => heard.push(bytes.toString()));

  // The resolver of this host is away, and comes back.
  let isKnown = false;
  const lookup = vi.spyOn(dns, 'lookup').mockImplementation(((
    _host: string,
    _options: unknown,
    done: (error: Error | null, address: string, family: number) => void,
  ) => {
    const error = isKnown ? null : Object.assign(new Error('away'), { code: 'EAI_AGAIN' });
    process.nextTick(done, error, '127.0.0.1', 4);
  }) as never);
  onTestFinished(() => {
    lookup.mockRestore();
  });

  let receive: (datagram: Datagram) => void = () => undefined;
  const fixture = tunnelFixture({
    bindDatagrams: (port = 0, onDatagram) => {
      receive = onDatagram;
      return { port, dropped: () => undefined, close: () => undefined };
    },
  });
  const to = `service.example:${service.address().port}`;
  const rule = { kind: 'expose', protocol: 'udp', port: 53, to, allow: [] } as const;
  const exposure = new UdpExposure(fixture, rule);
  onTestFinished(() => {
    exposure.close();
  });
  exposure.open();
  const send = (text: string): void => {
    receive({ peer: PEER, port: 53, sourcePort: 50_000, bytes: Buffer.from(text) });
  };
  send('lost');
  await eventually('it is told', () => fixture.failures.length === 1 || undefined);
  expect(fixture.failures).toMatchObject([{ kind: 'exposed', code: 'connection_failed' }]);
  isKnown = true;
  send('heard');
  await eventually('it comes', () => heard.length > 0 || undefined);
  expect(heard).toEqual(['heard']);
  expect(exposure.connections).toBe(1);
});
