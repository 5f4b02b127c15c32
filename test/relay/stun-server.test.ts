import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';

import { concatBytes, fromHex } from '../../src/base/bytes.ts';
import type { Endpoint } from '../../src/base/endpoint.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { appendFingerprint } from '../../src/ice/stun-integrity.ts';
import {
  decodeStunMessage,
  encodeBindingRequest,
  encodeBindingResponse,
} from '../../src/ice/stun-message.ts';
import {
  bindStunServer,
  type BoundStunServer,
  StunServer,
  type StunServerSettings,
} from '../../src/relay/stun-server.ts';
import { ManualClock } from '../support/manual-clock.ts';

const ID = fromHex('000102030405060708090a0b');
const REQUEST = encodeBindingRequest(ID);
const ASKER: Endpoint = { host: '192.0.2.7', port: 4000 };

interface Sent {
  readonly bytes: Uint8Array;
  readonly to: Endpoint;
}

function setUp(settings?: Partial<StunServerSettings>): {
  server: StunServer;
  sent: Sent[];
  clock: ManualClock;
} {
  const sent: Sent[] = [];
  const clock = new ManualClock();
  const server = new StunServer({
    socket: { send: (bytes, to) => sent.push({ bytes, to }) },
    clock,
    settings: {
      perNetwork: { perSecond: 1, burst: 2 },
      total: { perSecond: 100, burst: 100 },
      maxNetworks: 10,
      ...settings,
    },
  });
  return { server, sent, clock };
}

describe('answers', () => {
  test.each([
    ['IPv4', { host: '192.0.2.7', port: 4000 }, '192.0.2.7', 32],
    ['IPv6', { host: '2001:db8::7', port: 4000 }, '2001:db8::7', 44],
    ['IPv4 on a dual-stack socket', { host: '::ffff:192.0.2.7', port: 4000 }, '192.0.2.7', 32],
    ['link-local with a zone', { host: 'fe80::1%eth0', port: 4000 }, 'fe80::1', 44],
  ])('%s', (_, from, host, bytes) => {
    const { server, sent } = setUp();
    server.receive(REQUEST, from);
    expect(sent).toHaveLength(1);
    expect(sent[0]?.to).toEqual(from);
    expect(sent[0]?.bytes).toHaveLength(bytes);
    expect(decodeStunMessage(sent[0]?.bytes ?? new Uint8Array())).toMatchObject({
      class: 'success',
      transactionId: ID,
      xorMappedAddress: { host, port: 4000 },
      software: undefined,
    });
    expect(server.counters.answered).toBe(1);
  });

  test('a request with attributes that need no understanding, and a right fingerprint', () => {
    const { server, sent } = setUp();
    const software = fromHex('8022000470696c6f');
    const request = concatBytes(fromHex('00010008'), REQUEST.slice(4), software);
    server.receive(appendFingerprint(request), ASKER);
    expect(sent).toHaveLength(1);
  });
});

describe('keeps silent and counts', () => {
  const header = REQUEST.slice(4);
  const wrongFingerprint = appendFingerprint(REQUEST);
  wrongFingerprint[27] = (wrongFingerprint[27] ?? 0) ^ 1;
  test.each([
    ['nothing', new Uint8Array(), 'not_stun'],
    ['another protocol', new Uint8Array(40).fill(0x77), 'not_stun'],
    [
      'no magic cookie (RFC 3489)',
      concatBytes(REQUEST.slice(0, 4), new Uint8Array(16)),
      'not_stun',
    ],
    ['a truncated attribute', concatBytes(fromHex('00010004'), header), 'malformed'],
    ['a wrong fingerprint', wrongFingerprint, 'malformed'],
    ['a response', encodeBindingResponse(ID, ASKER), 'not_a_binding_request'],
    ['an indication', concatBytes(fromHex('00110000'), header), 'not_a_binding_request'],
    ['an error', concatBytes(fromHex('01110000'), header), 'not_a_binding_request'],
    ['a TURN Allocate', concatBytes(fromHex('00030000'), header), 'not_a_binding_request'],
    [
      'CHANGE-REQUEST',
      concatBytes(fromHex('00010008'), header, fromHex('0003000400000006')),
      'unknown_attribute',
    ],
  ] as const)('%s', (_, datagram, outcome) => {
    const { server, sent } = setUp();
    server.receive(datagram, ASKER);
    expect(sent).toEqual([]);
    expect(server.counters[outcome]).toBe(1);
  });

  test('a source port of 0, to which nothing can be sent', () => {
    const { server, sent } = setUp();
    server.receive(REQUEST, { ...ASKER, port: 0 });
    expect(sent).toEqual([]);
  });

  test('random datagrams never throw and are counted once each', () => {
    const { server } = setUp({ perNetwork: { perSecond: 0, burst: 1e9 } });
    let count = 0;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (bytes, framed) => {
        server.receive(framed ? concatBytes(REQUEST.slice(0, 8), bytes) : bytes, ASKER);
        count += 1;
      }),
    );
    expect(Object.values(server.counters).reduce((sum, value) => sum + value, 0)).toBe(count);
  });
});

describe('rate', () => {
  test('a network of /24 shares one bucket, which fills again', () => {
    const { server, sent, clock } = setUp();
    for (let host = 1; host <= 5; host++) {
      server.receive(REQUEST, { host: `192.0.2.${host}`, port: 4000 });
    }
    expect(sent).toHaveLength(2);
    expect(server.counters.network_limited).toBe(3);
    server.receive(REQUEST, { host: '192.0.3.1', port: 4000 });
    expect(sent).toHaveLength(3);
    clock.advance(1_000);
    server.receive(REQUEST, { host: '192.0.2.200', port: 4000 });
    expect(sent).toHaveLength(4);
  });

  test('so does a network of /56', () => {
    const { server, sent } = setUp();
    for (const low of ['00', '01', '7f', 'ff']) {
      server.receive(REQUEST, { host: `2001:db8:0:12${low}::1`, port: 4000 });
    }
    expect(sent).toHaveLength(2);
    server.receive(REQUEST, { host: '2001:db8:0:1300::1', port: 4000 });
    expect(sent).toHaveLength(3);
  });

  test('mapped and plain IPv4 are the same network', () => {
    const { server, sent } = setUp();
    for (const host of ['192.0.2.1', '::ffff:192.0.2.1', '::ffff:192.0.2.9', '192.0.2.9']) {
      server.receive(REQUEST, { host, port: 4000 });
    }
    expect(sent).toHaveLength(2);
  });

  test('all networks together have a limit', () => {
    const { server, sent } = setUp({ total: { perSecond: 1, burst: 3 } });
    for (let net = 0; net < 5; net++) server.receive(REQUEST, { host: `10.0.${net}.1`, port: 1 });
    expect(sent).toHaveLength(3);
    expect(server.counters.total_limited).toBe(2);
  });

  test('only so many networks are remembered', () => {
    const { server, sent } = setUp({ perNetwork: { perSecond: 0, burst: 1 }, maxNetworks: 2 });
    const ask = (net: number): void => {
      server.receive(REQUEST, { host: `10.0.${net}.1`, port: 1 });
    };
    for (const net of [1, 2, 3]) ask(net);
    ask(3);
    expect(sent).toHaveLength(3);
    ask(1);
    expect(sent).toHaveLength(4);
  });
});

describe('on real sockets', () => {
  let bound: BoundStunServer | undefined;
  let client: Socket | undefined;
  afterEach(async () => {
    client?.close();
    await bound?.close();
    bound = undefined;
    client = undefined;
  });

  async function ask(to: Endpoint): Promise<Endpoint | undefined> {
    client = createSocket(to.host.includes(':') ? 'udp6' : 'udp4');
    client.bind(0, to.host);
    await once(client, 'listening');
    const answer = once(client, 'message', { signal: AbortSignal.timeout(5_000) });
    client.send(REQUEST, to.port, to.host);
    const [bytes] = (await answer) as [Buffer];
    return decodeStunMessage(bytes).xorMappedAddress;
  }

  test('a socket on loopback learns its own address', async () => {
    bound = await bindStunServer({ host: '127.0.0.1', port: 0 }, systemClock);
    expect(await ask(bound.endpoint)).toEqual({
      host: '127.0.0.1',
      port: client?.address().port,
    });
    expect(bound.server.counters.answered).toBe(1);
  });

  test('IPv4 through a dual-stack socket is answered as IPv4', async () => {
    bound = await bindStunServer({ host: '::', port: 0 }, systemClock);
    expect(await ask({ host: '127.0.0.1', port: bound.endpoint.port })).toEqual({
      host: '127.0.0.1',
      port: client?.address().port,
    });
  });

  test('a place that is taken is a PilotError, and closing twice is closing once', async () => {
    const first = await bindStunServer({ host: '127.0.0.1', port: 0 }, systemClock);
    await expect(bindStunServer(first.endpoint, systemClock)).rejects.toMatchObject({
      code: 'unavailable',
      hint: expect.stringContaining('--stun') as unknown,
    });
    await first.close();
    await first.close();
  });
});
