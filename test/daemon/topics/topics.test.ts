import { PassThrough } from 'node:stream';

import { expect, test } from 'vitest';

import { decodeControl, encodeControl } from '../../../src/client/event-control.ts';
import { encodeEvent, EventFrameReader } from '../../../src/client/event-frame.ts';
import { EventBudget } from '../../../src/daemon/topics/event-budget.ts';
import { EventOutlet } from '../../../src/daemon/topics/event-outlet.ts';
import type { TopicEvent, Topics } from '../../../src/daemon/topics/topics.ts';
import { joinedTopics } from './joined-topics.ts';

function to(target: string, topic: string, payload: Uint8Array, retain = false): TopicEvent {
  return { target, topic, payload, retain };
}

/** What a program reads: topics, and what is said beside them. */
class Program {
  readonly stream = new PassThrough();
  readonly outlet = new EventOutlet(this.stream, {
    budget: new EventBudget(2 ** 25),
    tells: true,
  });
  readonly #reader = new EventFrameReader();

  constructor() {
    // As the program's connection in the daemon: told by itself.
    this.stream.on('error', () => undefined);
  }

  /** The next so many. */
  async next(count: number): Promise<string[]> {
    const got: string[] = [];
    while (got.length < count) {
      const event = this.#reader.next();
      if (event === undefined) {
        const piece = this.stream.read() as Buffer | null;
        if (piece === null) await new Promise((resolve) => this.stream.once('readable', resolve));
        else this.#reader.push(piece);
        continue;
      }
      const { topic, payload } = event;
      got.push(
        topic === '' ? (decodeControl(payload)?.kind ?? '?') : `${topic}=${String(payload)}`,
      );
    }
    return got;
  }
}

async function subscribed(topics: Topics, topic: string, retained = false): Promise<Program> {
  const program = new Program();
  const signal = new AbortController().signal;
  await topics.subscribe({ target: 'broker', topic, retained, signal }, program.outlet);
  expect(await program.next(1)).toEqual(['ok']);
  return program;
}

test('an event goes to all programs of a peer over one stream for each topic', async () => {
  const { joined, topics } = await joinedTopics();
  const programs = await Promise.all([1, 2, 3].map(async () => subscribed(topics, 'jobs/#')));
  expect(joined.ports[1].openCount).toBe(1);
  expect(await topics.publish(to('broker', 'jobs/eu', Buffer.from('hi')))).toBe(1);
  for (const program of programs) expect(await program.next(1)).toEqual(['jobs/eu=hi']);
});

test("the broker's own programs take part", async () => {
  const { topics, broker } = await joinedTopics();
  const program = await subscribed(topics, '*');
  await broker.publish(to('self', 'from/here', Buffer.from('1')));
  expect(await program.next(1)).toEqual(['from/here=1']);
  const own = new Program();
  const signal = new AbortController().signal;
  await broker.subscribe({ target: 'self', topic: 'a', retained: false, signal }, own.outlet);
  await topics.publish(to('broker', 'a', Buffer.from('2')));
  expect(await own.next(2)).toEqual(['ok', 'a=2']);
});

test('the last event of each topic comes first to who asks for it', async () => {
  const { topics } = await joinedTopics();
  await topics.publish(to('broker', 'a/1', Buffer.from('old'), true));
  await topics.publish(to('broker', 'a/1', Buffer.from('new'), true));
  await topics.publish(to('broker', 'a/1', Buffer.from('passing')));
  await topics.publish(to('broker', 'a/2', Buffer.from('x'), true));
  await topics.publish(to('broker', 'a/2', Buffer.alloc(0), true));
  const program = await subscribed(topics, 'a/+', true);
  await topics.publish(to('broker', 'a/3', Buffer.from('y')));
  expect(await program.next(2)).toEqual(['a/1=new', 'a/3=y']);
});

test('a lost stream is made again, and the program told of the gap', async () => {
  const { joined, topics } = await joinedTopics();
  const program = await subscribed(topics, 'a');
  for (const stream of joined.ports[1].streams.open.values()) stream.destroy();
  expect(await program.next(1)).toEqual(['gap']);
  await topics.publish(to('broker', 'a', Buffer.from('again')));
  expect(await program.next(1)).toEqual(['a=again']);
});

test('a stream that nobody needs any more ends', async () => {
  const { joined, topics } = await joinedTopics();
  const program = new Program();
  const signal = new AbortController().signal;
  const request = { target: 'broker', topic: 'a', retained: false, signal };
  const leave = await topics.subscribe(request, program.outlet);
  const [stream] = joined.ports[1].streams.open.values();
  const closed = new Promise((resolve) => stream?.once('close', resolve));
  leave();
  await closed;
  expect(joined.ports[1].openCount).toBe(0);
});

test('a broker that is turned off refuses the first subscription', async () => {
  const { service, topics } = await joinedTopics();
  service.stop();
  await expect(subscribed(topics, 'a')).rejects.toMatchObject({ code: 'connection_refused' });
  await expect(topics.publish(to('broker', 'a', Buffer.alloc(1)))).rejects.toMatchObject({
    code: 'connection_refused',
  });
});

test('bad topics and payloads are refused before they leave', async () => {
  const { topics } = await joinedTopics();
  const long = 't'.repeat(1025);
  for (const topic of ['', long, 'a/+', '*']) {
    await expect(topics.publish(to('broker', topic, Buffer.alloc(1)))).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  }
  for (const topic of ['', long, 'a/#/b']) {
    await expect(subscribed(topics, topic)).rejects.toMatchObject({ code: 'invalid_argument' });
  }
  const tooLarge = Buffer.alloc(16 * 2 ** 20 + 1);
  await expect(topics.publish(to('broker', 'a', tooLarge))).rejects.toMatchObject({
    code: 'invalid_argument',
  });
});

test('an original client: its first event subscribes, the others are published, none comes back', async () => {
  const { joined, topics } = await joinedTopics();
  const program = await subscribed(topics, 'a');
  const original = await joined.ports[0].dial('broker', 1002);
  original.write(Buffer.from('000161' + '00000000' + '000161' + '00000002' + '6869', 'hex'));
  expect(await program.next(1)).toEqual(['a=hi']);
  const came = new Promise<Buffer>((resolve) => original.once('data', resolve));
  await topics.publish(to('broker', 'a', Buffer.from('yo')));
  expect((await came).toString('hex')).toBe('00016100000002796f');
});

test.each([
  ['a topic of 1,025 bytes', Buffer.from('0401', 'hex')],
  ['a payload of 4 GiB', Buffer.from('000161ffffffff', 'hex')],
  ['a control that is none', encodeEvent('', Buffer.from([0xff]))],
  ['a control that a broker says', encodeControl({ kind: 'gap' })],
  ['a filter that is none', encodeControl({ kind: 'subscribe', filter: 'a/#/b' })],
])('%s ends the stream as malformed, and no other', async (_name, bytes) => {
  const { joined, topics } = await joinedTopics();
  const program = await subscribed(topics, 'a');
  const hostile = await joined.ports[0].dial('broker', 1002);
  const ended = new Promise((resolve) => hostile.once('close', resolve));
  hostile.write(bytes);
  await ended;
  expect(hostile.resetCode).toBe('malformed');
  await topics.publish(to('broker', 'a', Buffer.from('on')));
  expect(await program.next(1)).toEqual(['a=on']);
});

test('a subscriber that never reads holds up nobody; it is told how many it lost', async () => {
  const { joined, topics, broker } = await joinedTopics();
  const reader = await subscribed(topics, 'a');
  const never = await joined.ports[0].dial('broker', 1002);
  never.write(encodeControl({ kind: 'subscribe', filter: 'a' }));
  const ok = new Promise((resolve) => never.once('readable', resolve));
  await ok;
  const payload = Buffer.alloc(256 * 1024);
  for (let i = 0; i < 100; i++) {
    await broker.publish(to('self', 'a', payload));
    expect((await reader.next(1))[0]?.length).toBe(2 + payload.length);
  }
  const kinds: string[] = [];
  const frames = new EventFrameReader();
  while (!kinds.includes('dropped')) {
    const piece = never.read() as Buffer | null;
    if (piece === null) await new Promise((resolve) => never.once('readable', resolve));
    else frames.push(piece);
    for (const { topic, payload: said } of frames) {
      kinds.push(topic === '' ? (decodeControl(said)?.kind ?? '?') : 'event');
    }
  }
  expect(kinds[0]).toBe('ok');
  expect(kinds.filter((kind) => kind === 'event').length).toBeLessThan(100);
}, 30_000);

test('a publisher that is too fast is read from more slowly; nothing is lost', async () => {
  const { topics } = await joinedTopics({ perSecond: 200, burst: 10 });
  const program = await subscribed(topics, 'a');
  const startedMs = performance.now();
  const all = Array.from({ length: 50 }, (_, i) => String(i));
  const reached = await Promise.all(
    all.map(async (text) => topics.publish(to('broker', 'a', Buffer.from(text)))),
  );
  expect(performance.now() - startedMs).toBeGreaterThan(150);
  expect(reached).toEqual(all.map(() => 1));
  expect(await program.next(50)).toEqual(all.map((text) => `a=${text}`));
});

test('what a publisher sent before its end is published, however slowly it is read', async () => {
  const { joined, topics } = await joinedTopics({ perSecond: 200, burst: 10 });
  const program = await subscribed(topics, 'a');
  const all = Array.from({ length: 50 }, (_, i) => String(i));
  const publisher = await joined.ports[0].dial('broker', 1002);
  const frames = all.map((text) => encodeEvent('a', Buffer.from(text)));
  publisher.write(Buffer.concat([encodeControl({ kind: 'publish' }), ...frames.slice(0, 30)]));
  // From here on it is not read for a while; what follows comes with its end.
  const first = await program.next(10);
  publisher.end(Buffer.concat(frames.slice(30)));
  let taken = 0;
  const reader = new EventFrameReader();
  for await (const piece of publisher) {
    reader.push(piece as Buffer);
    for (const { payload } of reader) {
      const control = decodeControl(payload);
      if (control?.kind === 'taken') taken += control.subscribers.length;
    }
  }
  expect(taken).toBe(50);
  const rest = await program.next(40);
  expect([...first, ...rest]).toEqual(all.map((text) => `a=${text}`));
});

test('who asks and ends its half is answered', async () => {
  const { joined } = await joinedTopics();
  const stream = await joined.ports[0].dial('broker', 1002);
  stream.end(encodeControl({ kind: 'durable', filter: 'a', id: new Uint8Array(16) }));
  const reader = new EventFrameReader();
  for await (const piece of stream) reader.push(piece as Buffer);
  expect(decodeControl(reader.next()?.payload ?? Buffer.alloc(0))).toEqual({
    kind: 'ok',
    count: 0,
  });
});
