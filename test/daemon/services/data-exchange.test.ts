import { once } from 'node:events';

import { expect, test } from 'vitest';

import type { PeerStream } from '../../../src/daemon/streams/stream-duplex.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { exchangeFixture } from './exchange-fixture.ts';

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');
const ascii = (text: string): string => Buffer.from(text).toString('hex');

function frame(type: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(type);
  head.writeUInt32BE(payload.length, 4);
  return Buffer.concat([head, payload]);
}

function tagged(header: string, type: number, payload: string): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(Buffer.byteLength(header));
  const inner = Buffer.alloc(4);
  inner.writeUInt32BE(type);
  return frame(10, Buffer.concat([head, Buffer.from(header), inner, Buffer.from(payload)]));
}

/** The payload of the next TEXT frame. */
async function answer(stream: PeerStream): Promise<string> {
  for (;;) {
    const head = stream.read(8) as Buffer | null;
    if (head === null) {
      await once(stream, 'readable');
      continue;
    }
    expect(head.readUInt32BE()).toBe(1);
    for (;;) {
      const text = stream.read(head.readUInt32BE(4)) as Buffer | null;
      if (text !== null) return text.toString();
      await once(stream, 'readable');
    }
  }
}

async function asked(stream: PeerStream, bytes: Uint8Array): Promise<string> {
  stream.write(bytes);
  return answer(stream);
}

test('a TEXT frame of an original client, byte by byte', async () => {
  const fixture = await exchangeFixture();
  const stream = await fixture.dial();
  // Header and payload in writes of their own, as the February release has it.
  stream.write(hex('00000001 00000005'));
  stream.write(hex(ascii('hello')));
  await once(stream, 'readable');
  const bytes = stream.read() as Buffer;
  expect(bytes.toString('hex')).toBe(`0000000100000010${ascii('ACK TEXT 5 bytes')}`);
  expect(fixture.messages).toMatchObject([{ type: 'text', id: undefined, replyTo: '' }]);
});

test('every kind of message, one after the other on one stream', async () => {
  const fixture = await exchangeFixture();
  const stream = await fixture.dial();
  expect(await asked(stream, frame(2, Buffer.from([1, 2])))).toBe('ACK BINARY 2 bytes');
  expect(await asked(stream, frame(3, Buffer.from('{}')))).toBe('ACK JSON 2 bytes');
  expect(await asked(stream, frame(1, Buffer.alloc(0)))).toBe('ACK TEXT 0 bytes');
  const id = 'ba7816bf8f01cfea414140de5dae2223';
  const header = `{"message_id":"${id}","reply_to":"any:name"}`;
  expect(await asked(stream, tagged(header, 1, 'hi'))).toBe('ACK TEXT 2 bytes');
  expect(fixture.messages.at(-1)).toMatchObject({
    id: 'ba7816bf-8f01-cfea-4141-40de5dae2223',
    replyTo: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab]/) as string,
  });
  fixture.acceptance = 'duplicate';
  expect(await asked(stream, tagged(header, 1, 'hi'))).toBe('ACK TEXT 2 bytes (duplicate)');
  fixture.acceptance = 'inbox_full';
  expect(await asked(stream, tagged(header, 1, 'hi'))).toBe('ERR TEXT save failed: inbox full');
});

test('who finishes its half gets the answer, then the end', async () => {
  const fixture = await exchangeFixture();
  const stream = await fixture.dial();
  stream.end(frame(1, Buffer.from('last')));
  expect(await answer(stream)).toBe('ACK TEXT 4 bytes');
  stream.resume();
  await once(stream, 'end');
});

test('a TRACE is answered with times, 64 bits of them', async () => {
  const fixture = await exchangeFixture();
  const stream = await fixture.dial();
  const text = await asked(stream, frame(5, hex(`00000001 17f0000000000001 ${ascii('hi')}`)));
  expect(text).toMatch(/^\{"sent_at_ns":1724878657282899969,"received_at_ns":\d{19},/);
  expect(JSON.parse(text)).toMatchObject({ inner_ack: 'ACK TEXT 2 bytes' });
});

test.each([
  ['a type of a later version', frame(99, Buffer.from('abc')), 'ERR UNKNOWN(99) not supported'],
  ['a retired one', frame(8, Buffer.from('abc')), 'ERR UNKNOWN(8) not supported'],
  ['too large', frame(1, Buffer.alloc(1001)), 'ERR TEXT save failed: larger than 1000 bytes'],
  [
    'much too large',
    frame(2, Buffer.alloc(500_000)),
    'ERR BINARY save failed: larger than 1000 bytes',
  ],
  ['no header', frame(10, hex('0000 00000001')), 'ERR TAGGED save failed: a header of 0 bytes'],
  ['half a header', frame(10, hex('0400 7b7d')), 'ERR TAGGED save failed: needs 1024 bytes, has 2'],
  [
    'a header that is no JSON',
    tagged('{', 1, ''),
    'ERR TAGGED save failed: the header is no JSON object',
  ],
  [
    'a bad id',
    tagged('{"message_id":"a b"}', 1, ''),
    'ERR TAGGED save failed: an id of other characters',
  ],
  ['a file in an envelope', tagged('{}', 4, ''), 'ERR TAGGED not supported'],
  ['half a TRACE', frame(5, hex('00000001')), 'ERR TRACE save failed: too short'],
])('%s is answered, and the stream goes on', async (_what, bytes, expected) => {
  const fixture = await exchangeFixture();
  const stream = await fixture.dial();
  expect(await asked(stream, bytes)).toBe(expected);
  expect(await asked(stream, frame(1, Buffer.from('x')))).toBe('ACK TEXT 1 bytes');
});

test.each([
  ['a frame of 4 GiB', hex('00000001 ffffffff')],
  ['a chunk of more than 1 MiB', hex('00000007 00200000')],
  ['a FILESTREAM frame without an id', hex('00000007 00000001 01')],
  ['a FILE frame shorter than its name', frame(4, hex('0005 61'))],
  ['a frame of a sender that only receivers have', frame(7, hex(`01${'ba'.repeat(3)}`))],
])('%s ends the stream', async (_what, bytes) => {
  const fixture = await exchangeFixture();
  const stream = await fixture.dial();
  stream.write(bytes);
  stream.resume();
  const [error] = (await once(stream, 'error')) as [Error];
  expect(error.message).toContain('protocol_error');
});

test('FILE frames are stored by their names; content is not counted with the name', async () => {
  const fixture = await exchangeFixture();
  const stream = await fixture.dial();
  const file = (name: string, content: Uint8Array): Buffer => {
    const head = Buffer.alloc(2);
    head.writeUInt16BE(Buffer.byteLength(name));
    return frame(4, Buffer.concat([head, Buffer.from(name), content]));
  };
  const bytes = seededRandom(5)(300_000);
  expect(await asked(stream, file('a.bin', bytes))).toBe('ACK FILE 300000 bytes');
  expect(await asked(stream, file('a.bin', Buffer.from('b')))).toBe('ACK FILE 1 bytes');
  expect(await asked(stream, file('../x', bytes))).toBe(
    'ERR FILE save failed: bad_name: a name with a slash, a backslash or NUL',
  );
  expect(await asked(stream, file('', Buffer.alloc(0)))).toMatch(/^ERR FILE save failed: bad_name/);
  const [first, second, ...more] = Object.keys(fixture.tree());
  expect([first, second, more]).toEqual([
    expect.stringMatching(/^a-\d{8}-\d{6}\.\d{3}\.bin$/),
    'a.bin',
    [],
  ]);
  expect(fixture.tree()['a.bin']).toBe(Buffer.from(bytes).toString('latin1'));
});

test('half a FILE frame leaves nothing behind', async () => {
  const fixture = await exchangeFixture();
  const stream = await fixture.dial();
  stream.end(hex('00000004 00000064 0001 61 6263'));
  stream.resume();
  await once(stream, 'error');
  expect(fixture.tree()).toEqual({});
});
