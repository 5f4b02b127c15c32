import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import type { IncomingMessage } from '../../src/client/api.ts';
import { PilotClient, PilotError, type ServeFailure } from '../../src/client/client.ts';
import type { EventStream } from '../../src/client/event-stream.ts';
import { replyIdOf, RequestServer } from '../../src/client/serve.ts';
import { FakeDaemon } from './fake-daemon.ts';
import { incoming, outgoing } from './fake-nodes.ts';

let daemon: FakeDaemon;
let client: PilotClient;
let stop: AbortController;
const inbox = new Map<string, IncomingMessage>();

beforeEach(async () => {
  inbox.clear();
  stop = new AbortController();
  daemon = await new FakeDaemon({
    listInbox: ({ query }) => {
      const unread = [...inbox.values()].filter(({ read }) => !read).reverse();
      const messages = unread.slice(0, Number(query.get('limit')));
      return { messages: messages.map((m) => ({ ...m, data: undefined })), total: 0, shown: 0 };
    },
    readInbox: ({ params }) => find(params['id'] ?? ''),
    markInbox: ({ params }) => {
      const message = find(params['id'] ?? '');
      inbox.set(message.id, { ...message, read: true });
      return message;
    },
    sendMessage: ({ body }) => outgoing(String(body['message_id'])),
  }).start();
  client = new PilotClient({ socketPath: daemon.socketPath });
});

afterEach(async () => {
  stop.abort();
  client.close();
  await daemon.stop();
});

function find(id: string): IncomingMessage {
  const message = inbox.get(id);
  if (message === undefined) throw new PilotError('not_found', `no message ${id}`);
  return message;
}

function put(id: string, fields: Partial<IncomingMessage> = {}): IncomingMessage {
  const message = incoming(id, { data: `payload ${id}`, ...fields });
  inbox.set(id, message);
  return message;
}

const isRead = (id: string) => inbox.get(id)?.read;
const replies = () => daemon.callsTo('sendMessage').map(({ body }) => body);

test('answers what waits, oldest first, then what comes; marks each', async () => {
  put('1');
  put('2');
  const handled: string[] = [];
  const served = client.serve(
    (message) => {
      handled.push(message.id);
      return `re: ${message.data ?? ''}`;
    },
    { signal: stop.signal, concurrency: 1 },
  );
  await expect.poll(() => isRead('2')).toBe(true);
  daemon.emit('message.received', put('3'));
  await expect.poll(() => isRead('3')).toBe(true);
  expect(handled).toEqual(['1', '2', '3']);
  expect(replies()).toMatchObject([
    { data: 're: payload 1', reply_to: '1', message_id: replyIdOf('1') },
    { data: 're: payload 2', reply_to: '2', message_id: replyIdOf('2') },
    { data: 're: payload 3', reply_to: '3', message_id: replyIdOf('3') },
  ]);
  expect(daemon.callsTo('readInbox').every(({ query }) => query.get('peek') === 'true')).toBe(true);
  stop.abort();
  await expect(served).resolves.toBeUndefined();
});

test('a reply is no request, and neither is what was read already', async () => {
  put('1', { reply_to: 'x' });
  const handler = vi.fn(() => undefined);
  void client.serve(handler, { signal: stop.signal });
  await expect.poll(() => daemon.subscriberCount).toBe(1);
  daemon.emit('message.received', put('2', { reply_to: 'x' }));
  daemon.emit('message.received', put('3', { read: true }));
  daemon.emit('message.received', put('4'));
  await expect.poll(() => isRead('4')).toBe(true);
  expect(handler).toHaveBeenCalledTimes(1);
  expect(isRead('1')).toBe(false);
  expect(replies()).toEqual([]);
});

test('never more at once than it was told', async () => {
  for (let i = 0; i < 12; i++) put(`m${i}`);
  let most = 0;
  const running = new Set<() => void>();
  void client.serve(
    async () => {
      await new Promise<void>((resolve) => {
        running.add(resolve);
        most = Math.max(most, running.size);
        // All three go on together: with fewer at once none ever would.
        if (running.size === 3) for (const goOn of running) goOn();
      });
      running.clear();
      return 'ok';
    },
    { signal: stop.signal, concurrency: 3 },
  );
  await expect.poll(() => [...inbox.values()].every(({ read }) => read)).toBe(true);
  expect(most).toBe(3);
});

test('what fails is tried again, then left unread', async () => {
  put('bad');
  const failures: ServeFailure[] = [];
  void client.serve(
    () => {
      throw new Error('no');
    },
    { signal: stop.signal, retryDelayMs: 1, onFailure: (failure) => failures.push(failure) },
  );
  await expect.poll(() => failures.length).toBe(3);
  expect(failures.map(({ attempt, retryInMs }) => [attempt, retryInMs])).toEqual([
    [1, 1],
    [2, 2],
    [3, undefined],
  ]);
  daemon.emit('message.received', find('bad'));
  daemon.emit('message.received', put('good'));
  await expect.poll(() => failures.length).toBe(6);
  expect(failures.slice(3).every(({ message }) => message.id === 'good')).toBe(true);
  expect(isRead('bad')).toBe(false);
  expect(replies()).toEqual([]);
});

test.each(['not_found', 'connection_failed'] as const)(
  'a handler that fails with %s fails its request alone',
  async (code) => {
    put('bad');
    const failures: ServeFailure[] = [];
    const served = client.serve(
      ({ id }) => {
        if (id === 'bad') throw new PilotError(code, 'of what the handler asked for');
        return 'ok';
      },
      { signal: stop.signal, retryDelayMs: 1, onFailure: (failure) => failures.push(failure) },
    );
    await expect.poll(() => failures.at(-1)?.attempt).toBe(3);
    daemon.emit('message.received', put('good'));
    await expect.poll(() => isRead('good')).toBe(true);
    expect(isRead('bad')).toBe(false);
    stop.abort();
    await expect(served).resolves.toBeUndefined();
  },
);

test('a reply that the daemon refuses is a failure of the request', async () => {
  put('1');
  daemon.handlers.sendMessage = () => {
    throw new PilotError('trust_required', 'not any more');
  };
  const failures: ServeFailure[] = [];
  void client.serve(() => 'x', {
    signal: stop.signal,
    attempts: 1,
    onFailure: (failure) => failures.push(failure),
  });
  await expect.poll(() => failures.length).toBe(1);
  expect(failures[0]).toMatchObject({ error: { code: 'trust_required' }, retryInMs: undefined });
  expect(isRead('1')).toBe(false);
});

test('a message that is cleared meanwhile is forgotten', async () => {
  put('1');
  const served = client.serve(
    (message) => {
      inbox.delete(message.id);
      return 'x';
    },
    { signal: stop.signal, onFailure: ({ error }) => expect.fail(String(error)) },
  );
  await expect.poll(() => daemon.callsTo('markInbox').length).toBe(1);
  stop.abort();
  await served;
});

describe('the end', () => {
  test('a crash between reply and mark runs the handler again, under the same reply id', async () => {
    put('1');
    daemon.handlers.markInbox = ({ socket }) => {
      socket.destroy();
    };
    await expect(client.serve(() => 'x')).rejects.toMatchObject({ code: 'connection_failed' });
    delete daemon.handlers.markInbox;
    daemon.handlers.markInbox = ({ params }) => {
      inbox.delete(params['id'] ?? '');
      return {};
    };
    void client.serve(() => 'y', { signal: stop.signal });
    await expect.poll(() => inbox.size).toBe(0);
    expect(replies().map(({ message_id: id }) => id)).toEqual([replyIdOf('1'), replyIdOf('1')]);
  });

  test('the daemon goes: running handlers are awaited, then it rejects', async () => {
    put('1');
    let settled = false;
    const served = client.serve(async (_, { signal }) => {
      await daemon.die();
      expect(signal.aborted).toBe(false);
      settled = true;
      return 'x';
    });
    await expect(served).rejects.toMatchObject({
      code: expect.stringMatching(/^(connection_failed|not_running)$/) as string,
    });
    expect(settled).toBe(true);
  });

  test('no daemon at all', async () => {
    await daemon.die();
    await expect(client.serve(() => 'x')).rejects.toMatchObject({ code: 'not_running' });
  });

  test('aborted while a handler runs: it sees the signal and is awaited', async () => {
    put('1');
    const served = client.serve(
      async (_, { signal }) => {
        const seen = new Promise((resolve) => {
          signal.addEventListener('abort', resolve);
        });
        stop.abort();
        await seen;
        return 'last words';
      },
      { signal: stop.signal },
    );
    await served;
    expect(replies()).toMatchObject([{ data: 'last words' }]);
    expect(isRead('1')).toBe(true);
  });
});

test('reply ids are UUIDv8 and differ', () => {
  expect(replyIdOf('a')).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  expect(replyIdOf('a')).not.toBe(replyIdOf('b'));
});

test('when what waits cannot be listed, nothing stays connected', async () => {
  daemon.handlers = {
    ...daemon.handlers,
    listInbox: () => {
      throw new PilotError('unavailable', 'not now');
    },
  };
  await expect(client.serve(() => undefined, {})).rejects.toMatchObject({ code: 'unavailable' });
  await expect.poll(() => daemon.subscriberCount).toBe(0);
});

test('all that waits is answered, also more than is listed at once', async () => {
  const unread = new Set(Array.from({ length: 12_000 }, (_, i) => `m${i}`));
  let handled = 0;
  let close = (): void => undefined;
  const closed = new Promise<void>((resolve) => {
    close = resolve;
  });
  const events = {
    close,
    async *[Symbol.asyncIterator]() {
      await closed;
      yield* [];
    },
  };
  const server = new RequestServer(
    {
      subscribe: async () => Promise.resolve(events as unknown as EventStream<'message.received'>),
      unread: async (limit) => {
        // Newest first.
        const messages = [...unread].reverse().slice(0, limit);
        const listed = messages.map((id) => incoming(id));
        return Promise.resolve({ messages: listed, total: unread.size, shown: listed.length });
      },
      peek: async (id) => Promise.resolve(incoming(id)),
      reply: async () => Promise.resolve(),
      markRead: async (id) => Promise.resolve(unread.delete(id)),
    },
    () => {
      handled += 1;
      return undefined;
    },
  );
  const served = server.run(stop.signal);
  await expect.poll(() => unread.size, { timeout: 4000 }).toBe(0);
  expect(handled).toBe(12_000);
  stop.abort();
  await served;
});
