import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { concatBytes, fromHex, toHex } from '../../src/base/bytes.ts';
import type { Endpoint } from '../../src/base/endpoint.ts';
import { encodeChangeRequest, readStunDiscovery } from '../../src/ice/stun-discovery.ts';
import { appendFingerprint } from '../../src/ice/stun-integrity.ts';
import {
  decodeStunMessage,
  encodeBindingRequest,
  encodeBindingResponse,
} from '../../src/ice/stun-message.ts';
import {
  type StunInlet,
  type StunOutlet,
  StunServer,
  type StunServerSettings,
} from '../../src/relay/stun-server.ts';
import { ManualClock } from '../support/manual-clock.ts';

const ID = fromHex('000102030405060708090a0b');
const REQUEST = encodeBindingRequest(ID);
const ASKER: Endpoint = { host: '192.0.2.7', port: 4000 };

interface Sent {
  readonly via: Endpoint;
  readonly bytes: Uint8Array;
  readonly to: Endpoint;
}

const [A1, A2, B1, B2] = [
  { host: '203.0.113.1', port: 3478 },
  { host: '203.0.113.1', port: 3479 },
  { host: '203.0.113.2', port: 3478 },
  { host: '203.0.113.2', port: 3479 },
] as const;

/** A server with one address, whose four sockets at two addresses a test may name instead. */
function setUp(settings?: Partial<StunServerSettings>): {
  server: { receive(bytes: Uint8Array, from: Endpoint, at?: Endpoint): void } & Pick<
    StunServer,
    'counters'
  >;
  sent: Sent[];
  clock: ManualClock;
} {
  const sent: Sent[] = [];
  const clock = new ManualClock();
  const server = new StunServer(clock, {
    perNetwork: { perSecond: 1, burst: 2 },
    total: { perSecond: 100, burst: 100 },
    maxNetworks: 10,
    ...settings,
  });
  const outlet = (endpoint: Endpoint): StunOutlet => ({
    endpoint,
    send: (bytes, to) => sent.push({ via: endpoint, bytes, to }),
  });
  const [a1, a2, b1, b2] = [outlet(A1), outlet(A2), outlet(B1), outlet(B2)];
  const inlets = new Map<Endpoint, StunInlet>([
    [A1, { outlet: a1, others: { port: a2, address: b1, both: b2 } }],
    [A2, { outlet: a2, others: { port: a1, address: b2, both: b1 } }],
    [B1, { outlet: b1, others: { port: b2, address: a1, both: a2 } }],
    [B2, { outlet: b2, others: { port: b1, address: a2, both: a1 } }],
  ]);
  const single: StunInlet = { outlet: a1, others: undefined };
  return {
    server: {
      counters: server.counters,
      receive: (bytes, from, at) => {
        server.receive(bytes, from, at === undefined ? single : (inlets.get(at) ?? single));
      },
    },
    sent,
    clock,
  };
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

describe('with two addresses (RFC 5780, 6.1)', () => {
  test.each([
    [{ address: false, port: false }, A1, A1, B2],
    [{ address: false, port: true }, A1, A2, B2],
    [{ address: true, port: false }, A1, B1, B2],
    [{ address: true, port: true }, A1, B2, B2],
    [{ address: false, port: true }, A2, A1, B1],
    [{ address: true, port: false }, B1, A1, A2],
    [{ address: true, port: true }, B2, A1, A1],
  ])('%o at %o is answered from %o, which names %o', (change, at, via, other) => {
    const { server, sent } = setUp();
    server.receive(encodeChangeRequest(ID, change), ASKER, at);
    expect(sent).toMatchObject([{ via, to: ASKER }]);
    const bytes = sent[0]?.bytes ?? new Uint8Array();
    expect(bytes).toHaveLength(68);
    expect(readStunDiscovery(bytes)).toMatchObject({ responseOrigin: via, otherAddress: other });
    expect(decodeStunMessage(bytes)).toMatchObject({
      class: 'success',
      transactionId: ID,
      xorMappedAddress: ASKER,
      mappedAddress: ASKER,
    });
  });

  test('a plain request is told of the other address', () => {
    const { server, sent } = setUp();
    server.receive(REQUEST, ASKER, A2);
    expect(sent).toMatchObject([{ via: A2, to: ASKER }]);
    expect(readStunDiscovery(sent[0]?.bytes ?? REQUEST).otherAddress).toEqual(B1);
  });

  test('all four sockets share a network’s allowance', () => {
    const { server, sent } = setUp();
    for (const at of [A1, A2, B1, B2]) server.receive(REQUEST, ASKER, at);
    expect(sent).toHaveLength(2);
  });

  test('a CHANGE-REQUEST of another length is malformed', () => {
    const { server, sent } = setUp();
    const change = fromHex('0003000200060000');
    server.receive(concatBytes(fromHex('00010008'), REQUEST.slice(4), change), ASKER, A1);
    expect(sent).toEqual([]);
    expect(server.counters.malformed).toBe(1);
  });
});

describe('420 for what must be understood and is not (RFC 8489, 6.3.1)', () => {
  const change = fromHex('0003000400000006');
  // RESPONSE-PORT would be a way to make others get answers.
  const responsePort = fromHex('0027000400500000');
  test.each([
    ['CHANGE-REQUEST with one address', [change], undefined, '0003'],
    ['RESPONSE-PORT', [responsePort], A1, '0027'],
    ['both', [change, responsePort], undefined, '00030027'],
    ['both with two addresses', [change, responsePort], A1, '0027'],
  ])('%s', (_, attributes, at, types) => {
    const { server, sent } = setUp();
    const body = concatBytes(...attributes);
    const head = fromHex(`000100${body.length.toString(16).padStart(2, '0')}`);
    const request = concatBytes(head, REQUEST.slice(4), body);
    server.receive(request, ASKER, at);
    const bytes = sent[0]?.bytes ?? new Uint8Array();
    expect(sent).toMatchObject([{ via: A1, to: ASKER }]);
    expect(decodeStunMessage(bytes).errorCode?.code).toBe(420);
    expect(toHex(bytes.slice(32)).slice(0, types.length)).toBe(types);
    expect(bytes.length).toBeLessThanOrEqual(1.5 * request.length);
    expect(server.counters).toMatchObject({ answered: 0, unknown_attribute: 1 });
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
