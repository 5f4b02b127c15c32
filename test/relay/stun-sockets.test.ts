import { createSocket } from 'node:dgram';
import { once } from 'node:events';

import { afterEach, describe, expect, onTestFinished, test } from 'vitest';

import { fromHex } from '../../src/base/bytes.ts';
import type { Endpoint } from '../../src/base/endpoint.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { encodeChangeRequest, readStunDiscovery } from '../../src/ice/stun-discovery.ts';
import { decodeStunMessage, encodeBindingRequest } from '../../src/ice/stun-message.ts';
import { bindStunServer, type BoundStunServer } from '../../src/relay/stun-sockets.ts';

const ID = fromHex('000102030405060708090a0b');

let bound: BoundStunServer | undefined;
afterEach(async () => {
  await bound?.close();
  bound = undefined;
});

async function start(...hosts: string[]): Promise<readonly Endpoint[]> {
  bound = await bindStunServer(
    hosts.map((host) => ({ host, port: 0 })),
    systemClock,
  );
  return bound.endpoints;
}

interface Answer {
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
  /** The asker. */
  readonly own: Endpoint;
}

async function ask(to: Endpoint, request = encodeBindingRequest(ID)): Promise<Answer> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  onTestFinished(() => {
    socket.close();
  });
  await once(socket, 'listening');
  const answer = once(socket, 'message', { signal: AbortSignal.timeout(5_000) });
  socket.send(request, to.port, to.host);
  const [bytes, { address, port }] = (await answer) as [Buffer, { address: string; port: number }];
  const own = { host: '127.0.0.1', port: socket.address().port };
  return { bytes, from: { host: address, port }, own };
}

describe('one address', () => {
  test('a socket on loopback learns its own address', async () => {
    const [endpoint = { host: '', port: 0 }] = await start('127.0.0.1');
    const { bytes, own } = await ask(endpoint);
    expect(decodeStunMessage(bytes).xorMappedAddress).toEqual(own);
    expect(bytes).toHaveLength(32);
    expect(bound?.server.counters.answered).toBe(1);
  });

  test('IPv4 through a dual-stack socket is answered as IPv4', async () => {
    const [endpoint] = await start('::');
    const { bytes, own } = await ask({ host: '127.0.0.1', port: endpoint?.port ?? 0 });
    expect(decodeStunMessage(bytes).xorMappedAddress).toEqual(own);
  });

  test('one of each family', async () => {
    const [v4 = { host: '', port: 0 }, v6] = await start('127.0.0.1', '::1');
    expect(v6?.host).toBe('::1');
    expect((await ask(v4)).bytes).toHaveLength(32);
  });
});

describe('two addresses', () => {
  test('answers come from where they were asked to, as they say themselves', async () => {
    const [one = { host: '', port: 0 }, two = one] = await start('127.0.0.1', '127.0.0.2');
    expect([one.host, two.host]).toEqual(['127.0.0.1', '127.0.0.2']);
    for (const [change, from] of [
      [{ address: false, port: false }, one],
      [
        { address: false, port: true },
        { host: one.host, port: two.port },
      ],
      [
        { address: true, port: false },
        { host: two.host, port: one.port },
      ],
      [{ address: true, port: true }, two],
    ] as const) {
      const answer = await ask(one, encodeChangeRequest(ID, change));
      expect(answer.from).toEqual(from);
      expect(readStunDiscovery(answer.bytes)).toMatchObject({
        responseOrigin: from,
        otherAddress: two,
      });
      expect(decodeStunMessage(answer.bytes).xorMappedAddress).toEqual(answer.own);
    }
  });
});

describe('a place that is taken', () => {
  test('is a PilotError, and closing twice is closing once', async () => {
    const [taken = { host: '', port: 0 }] = await start('127.0.0.1');
    await expect(bindStunServer([taken], systemClock)).rejects.toMatchObject({
      code: 'unavailable',
      hint: expect.stringContaining('--stun') as unknown,
    });
    await bound?.close();
    await bound?.close();
  });

  test('leaves none of the others bound', async () => {
    const [taken = { host: '', port: 0 }] = await start('127.0.0.2');
    const free = createSocket('udp4').bind(0, '127.0.0.1');
    await once(free, 'listening');
    const first = { host: '127.0.0.1', port: free.address().port };
    free.close();
    await once(free, 'close');
    const places = [first, taken];
    await expect(bindStunServer(places, systemClock)).rejects.toMatchObject({
      code: 'unavailable',
    });
    const again = createSocket('udp4').bind(first.port, first.host);
    await once(again, 'listening');
    again.close();
  });
});
