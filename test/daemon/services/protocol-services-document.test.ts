import { once } from 'node:events';
import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import type { PeerStream } from '../../../src/daemon/streams/stream-duplex.ts';
import { exchangeFixture } from './exchange-fixture.ts';

const page = readFileSync('docs/protocol-services.md', 'utf8');

/** The bytes behind a word in the page's vectors. */
function vector(name: string): Buffer {
  const match = new RegExp(`^${name} +((?:[0-9a-f ]+\n? *)+)`, 'm').exec(page);
  return Buffer.from((match?.[1] ?? '').replace(/\s/g, ''), 'hex');
}

async function expectNext(stream: PeerStream, bytes: Buffer): Promise<void> {
  let read: Buffer | null = null;
  while ((read = stream.read(bytes.length) as Buffer | null) === null) {
    await once(stream, 'readable');
  }
  expect(read.toString('hex')).toBe(bytes.toString('hex'));
}

test('the service answers as the page says, byte by byte', async () => {
  const fixture = await exchangeFixture();
  const stream = await fixture.dial();
  stream.write(vector('TEXT'));
  await expectNext(stream, vector('answer'));
  stream.write(vector('INIT'));
  await expectNext(stream, vector('INIT-ACK'));
  stream.write(vector('CHUNK'));
  await expectNext(stream, vector('ACK'));
  stream.write(vector('DONE'));
  await expectNext(stream, vector('COMPLETE'));
  expect(fixture.tree()).toEqual({ 'd/e/a.txt': 'abc' });
});
