import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';

import { fromHex, toHex, utf8 } from '../../src/base/bytes.ts';
import { appendFingerprint } from '../../src/ice/stun-integrity.ts';
import { encodeBindingRequest, encodeBindingResponse } from '../../src/ice/stun-message.ts';
import { type StunDatagram, StunRouter } from '../../src/ice/stun-router.ts';

const ID = fromHex('b7e7a701bc34d686fa87dfae');
const SERVER = { host: '192.0.2.1', port: 3478 };
const MAPPED = { host: '198.51.100.7', port: 4711 };

let router: StunRouter;
let got: StunDatagram[];
const keep = (datagram: StunDatagram): void => {
  got.push(datagram);
};
beforeEach(() => {
  router = new StunRouter();
  got = [];
});

/** A Binding request with USERNAME and, unless left out, FINGERPRINT. */
function request(username: string, withFingerprint = true): Uint8Array {
  const value = Buffer.from(username);
  const bare = Buffer.concat([
    encodeBindingRequest(ID),
    Buffer.from([0x00, 0x06, 0, value.length]),
    value,
    Buffer.alloc(-value.length & 3),
  ]);
  bare.writeUInt16BE(bare.length - 20, 2);
  return withFingerprint ? appendFingerprint(bare) : bare;
}

describe('responses', () => {
  const response = encodeBindingResponse(ID, MAPPED);

  test('go to who waits for the id', () => {
    router.expect(ID, 'v4', SERVER, keep);
    router.receive(response, 'v4', SERVER);
    expect(got).toMatchObject([{ bytes: response, base: 'v4', from: SERVER }]);
    expect(got[0]?.message.xorMappedAddress).toEqual(MAPPED);
  });

  test('the source may be written in another way', () => {
    router.expect(ID, 'v6', { host: '2001:db8:0::1', port: 1 }, keep);
    router.receive(response, 'v6', { host: '2001:DB8::1', port: 1 });
    router.expect(fromHex('00'.repeat(12)), 'v4', SERVER, keep);
    const other = encodeBindingResponse(new Uint8Array(12), MAPPED);
    router.receive(other, 'v4', { host: '::ffff:192.0.2.1', port: 3478 });
    expect(got).toHaveLength(2);
  });

  test.each([
    ['another address', 'v4', { host: '192.0.2.2', port: 3478 }],
    ['another port', 'v4', { host: '192.0.2.1', port: 3479 }],
    ['another socket of ours', 'punch-1', SERVER],
  ])('%s is dropped', (_, base, from) => {
    router.expect(ID, 'v4', SERVER, keep);
    router.receive(response, base, from);
    expect(got).toEqual([]);
    expect(router.dropped.wrong_source).toBe(1);
  });

  test('nobody waits, or no longer', () => {
    router.receive(response, 'v4', SERVER);
    const cancel = router.expect(ID, 'v4', SERVER, keep);
    cancel();
    cancel();
    router.receive(response, 'v4', SERVER);
    expect(got).toEqual([]);
    expect(router.dropped.unknown_transaction).toBe(2);
  });

  test('each is handed on until cancelled: the first may be forged', () => {
    const cancel = router.expect(ID, 'v4', SERVER, keep);
    router.receive(response, 'v4', SERVER);
    router.receive(response, 'v4', SERVER);
    cancel();
    router.receive(response, 'v4', SERVER);
    expect(got).toHaveLength(2);
  });

  test('an old cancel does not end a new wait', () => {
    const old = router.expect(ID, 'v4', SERVER, keep);
    old();
    router.expect(ID, 'v4', SERVER, keep);
    old();
    router.receive(response, 'v4', SERVER);
    expect(got).toHaveLength(1);
  });

  test('one id is waited for once', () => {
    router.expect(ID, 'v4', SERVER, keep);
    expect(() => router.expect(ID, 'v4', SERVER, keep)).toThrow(RangeError);
  });

  test('error responses too', () => {
    router.expect(ID, 'v4', SERVER, keep);
    router.receive(fromHex(`011100082112a442${toHex(ID)}0009000400000457`), 'v4', SERVER);
    expect(got[0]?.message).toMatchObject({ class: 'error', errorCode: { code: 487 } });
  });
});

describe('requests', () => {
  test('go to the agent of the first fragment', () => {
    router.register('ours', keep);
    router.register('other', () => {
      throw new Error('not its request');
    });
    router.receive(request('ours:theirs'), 'v4', SERVER);
    expect(got).toMatchObject([{ base: 'v4', from: SERVER, message: { username: 'ours:theirs' } }]);
  });

  test.each([
    ['unknown_username', 'another generation', () => request('gone:theirs')],
    ['unknown_username', 'the fragments swapped', () => request('theirs:ours')],
    ['unknown_username', 'a longer fragment', () => request('oursx:theirs')],
    ['unknown_username', 'an empty name', () => request('')],
    ['unknown_username', 'an object member as name', () => request('constructor:x')],
    ['wrong_fingerprint', 'no FINGERPRINT', () => request('ours:theirs', false)],
    ['wrong_fingerprint', 'a wrong FINGERPRINT', () => flipLast(request('ours:theirs'))],
    ['not_for_us', 'no USERNAME', () => encodeBindingRequest(ID)],
    ['not_for_us', 'an indication', () => fromHex(`001100002112a442${toHex(ID)}`)],
    ['malformed', 'not STUN', () => utf8('hello, this is no STUN at all')],
    ['malformed', 'nothing', () => new Uint8Array()],
    ['malformed', 'a wrong length', () => request('ours:theirs').subarray(0, -4)],
    ['malformed', 'PRIORITY of two bytes', () => withShortPriority()],
  ] as const)('%s: %s', (reason, _, bytes) => {
    router.register('ours', keep);
    router.receive(bytes(), 'v4', SERVER);
    expect(got).toEqual([]);
    expect(router.dropped[reason]).toBe(1);
  });

  test('after cancel nobody has the name', () => {
    const cancel = router.register('ours', keep);
    expect(() => router.register('ours', keep)).toThrow(RangeError);
    cancel();
    cancel();
    router.receive(request('ours:theirs'), 'v4', SERVER);
    expect(got).toEqual([]);
    router.register('ours', keep);
    router.receive(request('ours:theirs'), 'v4', SERVER);
    expect(got).toHaveLength(1);
  });
});

test('fuzz: nothing that comes in makes it throw, and every datagram is counted or handed on', () => {
  const attributes = fc.array(
    fc.tuple(
      fc.constantFrom('0006', '0008', '0020', '0024', '8028'),
      fc.uint8Array({ maxLength: 9 }),
    ),
    { maxLength: 4 },
  );
  const framed = fc
    .tuple(fc.constantFrom('0001', '0101', '0111'), attributes)
    .map(([type, list]) => {
      const body = list
        .map(([attribute, value]) => {
          const length = value.length.toString(16).padStart(4, '0');
          return attribute + length + toHex(value) + '00'.repeat(-value.length & 3);
        })
        .join('');
      const length = (body.length / 2).toString(16).padStart(4, '0');
      return fromHex(`${type}${length}2112a442${toHex(ID)}${body}`);
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), framed), (bytes) => {
      const fresh = new StunRouter();
      const handed: StunDatagram[] = [];
      fresh.register('', (datagram) => handed.push(datagram));
      fresh.expect(ID, 'v4', SERVER, (datagram) => handed.push(datagram));
      fresh.receive(bytes, 'v4', SERVER);
      const dropped = Object.values(fresh.dropped).reduce((sum, count) => sum + count, 0);
      expect(handed.length + dropped).toBe(1);
    }),
    { numRuns: 500 },
  );
});

function flipLast(bytes: Uint8Array): Uint8Array {
  const flipped = bytes.slice();
  flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1;
  return flipped;
}

function withShortPriority(): Uint8Array {
  const bytes = Buffer.concat([request('ours:theirs', false), fromHex('0024000201020000')]);
  bytes.writeUInt16BE(bytes.length - 20, 2);
  return appendFingerprint(bytes);
}
