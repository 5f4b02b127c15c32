import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { expect, test } from 'vitest';

import { Sandbox } from '../support/sandbox.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { startTwoNodes } from '../support/two-nodes.ts';

test('a stream between two daemons carries megabytes, and says when nothing listens', async () => {
  await Sandbox.run(async (sandbox) => {
    const { alice, bob } = await startTwoNodes(sandbox);
    const [client, server] = [alice.client(), bob.client()];
    const target = await bob.nodeId();
    await expect(client.dial(target, 4000)).rejects.toMatchObject({ code: 'connection_refused' });
    const listener = await server.listen(4000);
    const taken = listener[Symbol.asyncIterator]().next();
    const stream = await client.dial(target, 4000);
    const { value: theirs } = await taken;
    if (theirs === undefined) throw new Error('the listener ended');
    const bytes = seededRandom(11)(8_000_000);
    const hash = createHash('sha256');
    theirs.on('data', (chunk: Buffer) => hash.update(chunk));
    theirs.once('end', () => theirs.end('got it'));
    let answer = '';
    stream.on('data', (chunk: Buffer) => {
      answer += chunk.toString();
    });
    await Promise.all([once(stream, 'end'), pipeline(Readable.from([bytes]), stream)]);
    expect(answer).toBe('got it');
    expect(hash.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
    client.close();
    server.close();
  });
}, 60_000);
