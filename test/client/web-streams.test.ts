import { Duplex } from 'node:stream';

import { expect, test } from 'vitest';

import { webStreams } from '../../src/client/web-streams.ts';

/** One whose end never leaves. */
function stuck(): Duplex {
  return new Duplex({
    read: () => undefined,
    write: (_chunk, _encoding, done) => {
      done();
    },
    final: () => undefined,
  }).on('error', () => undefined);
}

test.each([
  ['an error', new Error('reset')],
  ['no error', undefined],
])('a stream that breaks with %s before its end has left was not closed', async (_name, error) => {
  const duplex = stuck();
  const writer = webStreams(duplex).writable.getWriter();
  const closed = expect(writer.close()).rejects.toThrow(/./);
  // The stream's own promise says so, too.
  const told = expect(writer.closed).rejects.toThrow(/./);
  await new Promise((turn) => setImmediate(turn));
  duplex.destroy(error);
  await Promise.all([closed, told]);
});

test('a stream that ends is closed', async () => {
  const duplex = new Duplex({
    read: () => undefined,
    final: (done) => {
      done();
    },
  });
  const writer = webStreams(duplex).writable.getWriter();
  await expect(writer.close()).resolves.toBeUndefined();
});
