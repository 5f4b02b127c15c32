import { type IncomingMessage, request as httpRequest } from 'node:http';

import { describe, expect, test } from 'vitest';

import { Emitter } from '../../../src/base/events.ts';
import { EVENT_NAMES, type EventMap, type EventName } from '../../../src/client/api.ts';
import {
  EVENTS_STREAM_DEFAULTS,
  type EventSink,
  EventsStream,
} from '../../../src/daemon/api/events-stream.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { INCOMING, PEER, PENDING, RELAY } from '../fake-node.ts';
import { startApi } from './api-fixture.ts';

/** A reader whose socket is full when the test says so. */
class FakeSink implements EventSink {
  readonly written: string[] = [];
  ended: string | undefined;
  isDestroyed = false;
  hasRoom = true;
  readonly #listeners = new Map<string, () => void>();

  write(text: string): boolean {
    this.written.push(text);
    return this.hasRoom;
  }

  end(text: string): void {
    this.ended = text;
  }

  destroy(): void {
    this.isDestroyed = true;
    this.emit('close');
  }

  on(event: string, listener: () => void): void {
    this.#listeners.set(event, listener);
  }

  emit(event: 'drain' | 'close' | 'error'): void {
    this.#listeners.get(event)?.();
  }
}

function setUp(settings: Partial<typeof EVENTS_STREAM_DEFAULTS> = {}): {
  events: Emitter<EventMap>;
  clock: ManualClock;
  stream: EventsStream;
  read: (names?: readonly EventName[]) => FakeSink;
} {
  const events = new Emitter<EventMap>();
  const clock = new ManualClock();
  const stream = new EventsStream(events, clock, { ...EVENTS_STREAM_DEFAULTS, ...settings });
  const read = (names: readonly EventName[] = EVENT_NAMES): FakeSink => {
    stream.ensureRoom();
    const sink = new FakeSink();
    stream.add(sink, names);
    return sink;
  };
  return { events, clock, stream, read };
}

const textOf = (name: EventName, data: unknown): string =>
  `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

/** What happens in one turn of the event loop is written at its end. */
async function turn(): Promise<void> {
  await Promise.resolve();
}

const countOf = ({ written }: FakeSink): number => written.join('').split('\n\n').length - 1;

test('a reader gets the events it asked for, as server-sent events, those of one turn in one write', async () => {
  const { events, read } = setUp();
  const all = read();
  const some = read(['peer.changed']);
  events.emit('relay.changed', RELAY);
  events.emit('peer.changed', PEER);
  await turn();
  expect(all.written).toEqual([textOf('relay.changed', RELAY) + textOf('peer.changed', PEER)]);
  expect(some.written).toEqual([textOf('peer.changed', PEER)]);
});

test('events that nobody reads are not listened to', () => {
  const { events, stream, read } = setUp();
  expect(events.isHeard('peer.changed')).toBe(false);
  const [first, second] = [read(['peer.changed']), read(['peer.changed'])];
  expect([events.isHeard('peer.changed'), events.isHeard('relay.changed')]).toEqual([true, false]);
  first.emit('close');
  expect(events.isHeard('peer.changed')).toBe(true);
  second.emit('close');
  expect(events.isHeard('peer.changed')).toBe(false);
  read();
  stream.stop();
  expect(EVENT_NAMES.filter((name) => events.isHeard(name))).toEqual([]);
});

test('a comment keeps an idle stream alive', () => {
  const { clock, read } = setUp();
  const sink = read();
  clock.advance(45_000);
  expect(sink.written).toEqual([':\n\n', ':\n\n', ':\n\n']);
});

describe('a slow reader', () => {
  test('gets everything in order once it drains, and no comment meanwhile', async () => {
    const { events, clock, read } = setUp();
    const sink = read();
    const texts = [0, 1, 2, 3, 4].map((queued) => textOf('peer.changed', { ...PEER, queued }));
    sink.hasRoom = false;
    events.emit('peer.changed', { ...PEER, queued: 0 });
    await turn();
    for (let i = 1; i < 5; i++) events.emit('peer.changed', { ...PEER, queued: i });
    await turn();
    clock.advance(60_000);
    expect(sink.written).toEqual(texts.slice(0, 1));
    sink.hasRoom = true;
    sink.emit('drain');
    expect(sink.written.join('')).toBe(texts.join(''));
    events.emit('relay.changed', RELAY);
    await turn();
    expect(sink.written.at(-1)).toBe(textOf('relay.changed', RELAY));
  });

  test('is disconnected with a comment at 1,000 events, and holds nobody up', async () => {
    const { events, clock, stream, read } = setUp();
    const slow = read();
    const quick = read();
    slow.hasRoom = false;
    // One in the socket, 1,000 in the queue.
    events.emit('peer.changed', PEER);
    await turn();
    for (let i = 0; i < 1000; i++) events.emit('peer.changed', PEER);
    expect(slow.ended).toBeUndefined();
    events.emit('peer.changed', PEER);
    expect(slow.ended).toBe(': disconnected: too far behind\n\n');
    await turn();
    expect(countOf(slow)).toBe(1);
    expect(countOf(quick)).toBe(1002);
    expect(stream.readers).toBe(1);
    events.emit('peer.changed', PEER);
    await turn();
    slow.emit('drain');
    expect(countOf(slow)).toBe(1);
    expect(slow.isDestroyed).toBe(false);
    clock.advance(5000);
    expect(slow.isDestroyed).toBe(true);
  });

  test('is disconnected by bytes as well: payloads are large', async () => {
    const { events, read } = setUp();
    const sink = read();
    sink.hasRoom = false;
    const large = { ...INCOMING, data: 'x'.repeat(1024 * 1024) };
    events.emit('message.received', large);
    await turn();
    for (let i = 0; i < 31; i++) events.emit('message.received', large);
    expect(sink.ended).toBeUndefined();
    events.emit('message.received', large);
    expect(sink.ended).toBe(': disconnected: too far behind\n\n');
  });

  test('regains its whole allowance by draining', async () => {
    const { events, read } = setUp({ maxQueuedEvents: 2, maxQueuedChars: 2000 });
    const sink = read();
    for (let round = 0; round < 5; round++) {
      sink.hasRoom = false;
      events.emit('trust.requested', PENDING);
      await turn();
      for (let i = 0; i < 2; i++) events.emit('trust.requested', PENDING);
      sink.hasRoom = true;
      sink.emit('drain');
    }
    expect(sink.ended).toBeUndefined();
    expect(countOf(sink)).toBe(15);
  });

  test('may have more in one turn than its queue takes, while its socket has room', () => {
    const { events, read } = setUp({ maxQueuedEvents: 2 });
    const sink = read();
    for (let i = 0; i < 10; i++) events.emit('peer.changed', PEER);
    expect(sink.ended).toBeUndefined();
    expect(countOf(sink)).toBe(8);
  });
});

test('a reader that goes away is forgotten', () => {
  const { events, stream, read } = setUp();
  const sink = read();
  sink.emit('error');
  sink.emit('close');
  events.emit('relay.changed', RELAY);
  expect(stream.readers).toBe(0);
  expect(sink.written).toEqual([]);
});

test('there is room for so many readers', () => {
  const { read } = setUp({ maxReaders: 2 });
  const first = read();
  read();
  expect(() => read()).toThrow(expect.objectContaining({ code: 'unavailable' }) as Error);
  first.emit('close');
  expect(read().written).toEqual([]);
});

test('stopping tells every reader, leaves no listener and no timer', () => {
  const { events, clock, stream, read } = setUp();
  const sink = read();
  stream.stop();
  stream.stop();
  expect(sink.ended).toBe(': disconnected: the daemon is stopping\n\n');
  events.emit('relay.changed', RELAY);
  clock.advance(60_000);
  expect(sink.written).toEqual([]);
  expect(clock.pendingTimers).toBe(0);
});

describe('over the socket', () => {
  async function open(socketPath: string, query = ''): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        { socketPath, path: `/v1/events${query}`, agent: false },
        resolve,
      );
      request.on('error', reject);
      request.end();
    });
  }

  async function textUntil(response: IncomingMessage, end: string): Promise<string> {
    let text = '';
    for await (const chunk of response) {
      text += String(chunk);
      if (text.endsWith(end)) break;
    }
    return text;
  }

  test('the head comes at once and nothing is missed after it', async () => {
    const { node, socketPath } = await startApi();
    const response = await open(socketPath, '?types=relay.changed,message.received');
    expect(response.statusCode).toBe(200);
    expect(response.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    node.events.emit('peer.changed', PEER);
    node.events.emit('message.received', { ...INCOMING, data: 'two\nlines' });
    node.events.emit('relay.changed', RELAY);
    const last = textOf('relay.changed', RELAY);
    expect(await textUntil(response, last)).toBe(
      textOf('message.received', { ...INCOMING, data: 'two\nlines' }) + last,
    );
  });

  test('the stream ends with a comment when the daemon stops', async () => {
    const { server, socketPath } = await startApi();
    const response = await open(socketPath);
    const [text] = await Promise.all([textUntil(response, 'stopping\n\n'), server.stop()]);
    expect(text).toBe(': disconnected: the daemon is stopping\n\n');
  });

  test('a reader that does not read is cut off and the daemon keeps what it holds', async () => {
    const { node, socketPath } = await startApi();
    const response = await open(socketPath);
    const closed = new Promise<void>((resolve) => {
      response.on('close', resolve);
      response.on('error', () => undefined);
    });
    const event = { ...INCOMING, data: 'x'.repeat(1024) };
    // The kernel takes some hundred kilobytes, the queue a thousand events.
    for (let i = 0; i < 3000; i++) node.events.emit('message.received', event);
    let received = '';
    response.on('data', (chunk: Buffer) => (received += chunk.toString())).resume();
    await closed;
    expect(received.match(/^event: /gm)?.length).toBeLessThan(3000);
    expect(received.slice(received.lastIndexOf('\n\n', received.length - 3) + 2)).toBe(
      ': disconnected: too far behind\n\n',
    );
  });
});
