import { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { encodeEvent } from '../../../src/client/event-frame.ts';
import { ApiTopics } from '../../../src/daemon/api/api-topics.ts';
import { lonelyTopics } from '../topics/lonely-topics.ts';

test('a program that publishes and does not read the answers is not read either, until it does', async () => {
  const answers: (() => void)[] = [];
  let isReading = false;
  const program = new Duplex({
    read: () => undefined,
    write: (_chunk, _encoding, done) => {
      if (isReading) done();
      else answers.push(done);
    },
  });
  const topics = lonelyTopics();
  let published = 0;
  topics.publish = async () => Promise.resolve(++published);
  new ApiTopics(topics).publish('here', program);
  const events = Buffer.concat(
    Array.from({ length: 100 }, () => encodeEvent('a', Buffer.from('b'))),
  );
  for (let i = 0; i < 500; i++) {
    program.push(Buffer.from(events));
    await turn();
  }
  expect(program.writableLength).toBeLessThan(2 * program.writableHighWaterMark);
  expect(published).toBeLessThan(10_000);
  isReading = true;
  for (const done of answers) done();
  await expect.poll(() => published).toBe(50_000);
});
