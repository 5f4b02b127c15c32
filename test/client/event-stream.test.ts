import { PassThrough } from 'node:stream';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { PilotClient } from '../../src/client/client.ts';
import { EventStream } from '../../src/client/event-stream.ts';
import { FakeDaemon } from './fake-daemon.ts';
import { BOB_AS_PEER, incoming, outgoing } from './fake-nodes.ts';

let daemon: FakeDaemon;
let client: PilotClient;

beforeEach(async () => {
  daemon = await new FakeDaemon().start();
  client = new PilotClient({ socketPath: daemon.socketPath });
});

afterEach(async () => {
  client.close();
  await daemon.stop();
});

test('what happens after subscribe() is in the stream, in order', async () => {
  const events = await client.subscribe();
  daemon.emit('message.received', incoming('1', { data: 'a\nb' }));
  daemon.emitRaw('event: of.a.newer.daemon\ndata: {}\n\n');
  daemon.emit('peer.changed', BOB_AS_PEER);
  const seen = [];
  for await (const event of events) {
    seen.push(event);
    if (seen.length === 2) break;
  }
  expect(seen).toEqual([
    { type: 'message.received', data: incoming('1', { data: 'a\nb' }) },
    { type: 'peer.changed', data: BOB_AS_PEER },
  ]);
});

test('only the types asked for, typed by them', async () => {
  const events = await client.subscribe(['message.status', 'trust.changed']);
  expect(daemon.callsTo('events')[0]?.query.get('types')).toBe('message.status,trust.changed');
  daemon.emit('message.received', incoming('1'));
  daemon.emit('message.status', outgoing('2'));
  for await (const event of events) {
    if (event.type === 'message.status') expect(event.data.message_id).toBe('2');
    break;
  }
  expect.assertions(2);
});

test('messages() gives messages', async () => {
  const messages = client.messages();
  const first = messages.next();
  await expect.poll(() => daemon.subscriberCount).toBe(1);
  daemon.emit('message.received', incoming('1', { data: 'hi' }));
  await expect(first).resolves.toEqual({ done: false, value: incoming('1', { data: 'hi' }) });
  await messages.return();
  await expect.poll(() => daemon.subscriberCount).toBe(0);
});

describe('ends', () => {
  test('with connection_failed when the daemon goes', async () => {
    const events = (await client.subscribe())[Symbol.asyncIterator]();
    const next = events.next();
    await daemon.die();
    await expect(next).rejects.toMatchObject({ code: 'connection_failed' });
  });

  test('with the reason of the signal, while waiting and between events', async () => {
    const reason = new Error('enough');
    const stop = new AbortController();
    const waiting = (await client.subscribe(undefined, { signal: stop.signal }))[
      Symbol.asyncIterator
    ]();
    const next = waiting.next();
    const slow = (await client.subscribe(undefined, { signal: stop.signal }))[
      Symbol.asyncIterator
    ]();
    daemon.emit('message.received', incoming('1'));
    await next;
    await slow.next();
    const last = waiting.next();
    stop.abort(reason);
    await expect(last).rejects.toBe(reason);
    await expect(slow.next()).rejects.toBe(reason);
    await expect.poll(() => daemon.subscriberCount).toBe(0);
  });

  test('when what comes is not JSON', async () => {
    const events = (await client.subscribe())[Symbol.asyncIterator]();
    daemon.emitRaw('event: peer.changed\ndata: {\n\n');
    await expect(events.next()).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringContaining('malformed') as string,
    });
  });

  test('when the daemon is silent, though a slow reader is not blamed on it', async () => {
    const response = new PassThrough();
    const events = new EventStream(response as never, undefined, 20)[Symbol.asyncIterator]();
    response.write(`event: message.received\ndata: ${JSON.stringify(incoming('1'))}\n\n`);
    await events.next();
    await new Promise((resolve) => setTimeout(resolve, 40));
    response.write(`event: message.received\ndata: ${JSON.stringify(incoming('2'))}\n\n`);
    await expect(events.next()).resolves.toMatchObject({ value: { data: { id: '2' } } });
    await expect(events.next()).rejects.toMatchObject({ code: 'connection_failed' });
  });
});
