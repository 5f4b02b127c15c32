import { randomBytes } from 'node:crypto';

import { afterEach, expect, test } from 'vitest';

import type { Endpoint } from '../../../src/base/endpoint.ts';
import { systemClock } from '../../../src/base/system-clock.ts';
import { UdpPort } from '../../../src/daemon/links/udp-port.ts';
import { silentLog } from '../../../src/daemon/log/log.ts';
import { LocalNetwork } from '../../../src/daemon/paths/local-network.ts';
import { UdpUnderlay } from '../../../src/daemon/paths/udp-underlay.ts';
import type { UnderlayLink } from '../../../src/daemon/paths/underlay.ts';
import {
  decodeStunMessage,
  encodeBindingRequest,
  encodeBindingResponse,
} from '../../../src/ice/stun-message.ts';
import { until } from '../links/until.ts';

const opened: UdpUnderlay[] = [];

function open(families: readonly ('v4' | 'v6')[] = ['v4']): UdpUnderlay {
  const underlay = new UdpUnderlay({
    ...{ clock: systemClock, random: randomBytes, port: 0, interfaces: 'loopback' as const },
    families,
  });
  opened.push(underlay);
  return underlay;
}

function endpointOf(underlay: UdpUnderlay): Endpoint {
  return { host: '127.0.0.1', port: underlay.port.portOf('v4') ?? 0 };
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map(async (underlay) => underlay.close()));
});

test('there is a base for each family, with the port of its socket', () => {
  const underlay = open();
  const port = underlay.port.portOf('v4');
  expect(port).toBeGreaterThan(0);
  expect(underlay.bases).toEqual([{ name: 'v4', family: 'v4', port }]);
});

test('STUN goes to the router, with where it came from', async () => {
  const [alice, bob] = [open(), open()];
  const transactionId = randomBytes(12);
  const mapped: (Endpoint | undefined)[] = [];
  alice.router.expect(transactionId, 'v4', endpointOf(bob), ({ message, from, base }) => {
    expect(from).toEqual(endpointOf(bob));
    expect(base).toBe('v4');
    mapped.push(message.xorMappedAddress);
  });
  alice.send(encodeBindingRequest(transactionId), 'v4', endpointOf(bob));
  await until('the request is there', () => bob.router.dropped.not_for_us === 1);
  bob.send(encodeBindingResponse(transactionId, endpointOf(alice)), 'v4', endpointOf(alice));
  await until('the answer is there', () => mapped.length === 1);
  expect(mapped).toEqual([endpointOf(alice)]);
});

test('rubbish is counted, and what cannot be sent is lost', async () => {
  const [alice, bob] = [open(), open()];
  alice.send(Buffer.from('hello'), 'v6', endpointOf(bob));
  alice.send(Buffer.from('hello'), 'no such base', endpointOf(bob));
  alice.send(Buffer.from('hello'), 'punch-7', endpointOf(bob));
  alice.send(Buffer.from('hello'), 'v4', { host: 'a name', port: 1 });
  alice.send(Buffer.from('rubbish'), 'v4', endpointOf(bob));
  await until('the rubbish is there', () => bob.router.dropped.malformed > 0);
  expect(bob.router.dropped.malformed).toBe(1);
  expect(bob.port.counters.datagramsReceived).toBe(1);
});

test('a link carries packets between two underlays, and ends at both', async () => {
  const [alice, bob] = [open(), open()];
  const ids = [alice.newStreamId(), bob.newStreamId()] as const;
  const packets: string[] = [];
  const ends: string[] = [];
  const connect = (from: UdpUnderlay, to: UdpUnderlay, at: 0 | 1): UnderlayLink =>
    from.openLink(
      { base: 'v4', remote: endpointOf(to), localId: ids[at], remoteId: ids[at === 0 ? 1 : 0] },
      {
        packet: (packet) => packets.push(Buffer.from(packet).toString()),
        closed: (reason) => ends.push(reason),
      },
    );
  const links = [connect(alice, bob, 0), connect(bob, alice, 1)] as const;
  links[0].send(Buffer.from('over there'));
  await until('the packet is there', () => packets.length === 1);
  expect(packets).toEqual(['over there']);
  await links[0].close();
  await until('the other end is told', () => ends.length === 1);
  expect(ends).toEqual(['peer_closed']);
});

test('a network over real sockets finds what a server on this host sees', async () => {
  const underlay = open();
  const server = new UdpPort({
    ...{ port: 0, interfaces: 'loopback' as const, families: ['v4'] as const },
    datagram: (bytes, base, from) => {
      const { transactionId } = decodeStunMessage(bytes);
      server.send(encodeBindingResponse(transactionId, from), base, from);
    },
  });
  const network = new LocalNetwork({
    ...{ clock: systemClock, random: randomBytes, log: silentLog, underlay },
    router: underlay.router,
    interfaces: {
      watch: () => ({
        current: [{ name: 'lo', host: '127.0.0.1', family: 4, internal: true }],
        stop: () => undefined,
      }),
    },
    configured: [{ host: 'server.example', port: server.portOf('v4') ?? 0 }],
    relayStunServers: () => [],
    resolve: async () => Promise.resolve(['127.0.0.1']),
    gatherer: { allowLoopback: true },
  });
  network.start();
  await until('it is gathered', () => network.isGathered);
  await network.stop();
  await server.close();
  expect(network.candidates.map(({ endpoint }) => endpoint)).toEqual([endpointOf(underlay)]);
  expect(network.natReport).toMatchObject({ udp: true, bases: [{ behindNat: false }] });
});

test.each([
  ['v6', '::1'],
  ['v4', '::1'],
  ['punch-0', '127.0.0.1'],
  ['no such base', '127.0.0.1'],
  ['v4', 'a name'],
])('a link from %s to %s cannot be', (base, host) => {
  const link = { base, remote: { host, port: 1 }, localId: 1, remoteId: 2 };
  const handlers = { packet: () => undefined, closed: () => undefined };
  expect(() => open().openLink(link, handlers)).toThrow(
    expect.objectContaining({ code: 'unavailable' }),
  );
});
