import { describe, expect, test } from 'vitest';

import { PilotError } from '../../src/base/pilot-error.ts';
import { Interrupted } from '../../src/cli/io.ts';
import type { JoinedPorts } from '../daemon/joined-ports.ts';
import { joinedTopics } from '../daemon/topics/joined-topics.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { twoDaemons, until, type User } from './two-daemons.ts';

/** Alice's commands reach bob's broker by any name but `self`; bob's reach it as `self`. */
async function withBroker(): Promise<Awaited<ReturnType<typeof twoDaemons>>> {
  return twoDaemons(async (joined: JoinedPorts) => {
    const { topics, broker } = await joinedTopics(undefined, joined);
    return [{ topics }, { topics: broker }];
  });
}

/** Publishes until somebody has subscribed: the command under test says nothing of that. */
async function reached(user: User, target: string, topic: string, data: string): Promise<void> {
  for (let tries = 0; tries < 1000; tries++) {
    const { json } = await user.run(['publish', target, topic, '--data', data, '--json']);
    if (json.data?.['subscribers'] !== 0) return;
  }
  throw new Error('nobody subscribed');
}

describe('subscribe', () => {
  test('with --count one answer: text, bytes that are none, and what was retained', async () => {
    const { alice, bob } = await withBroker();
    await bob.run(['publish', 'self', 'jobs/eu', '--data', 'last', '--retain']);
    const argv = ['subscribe', 'bob', 'jobs/#', '--count', '3', '--retained', '--json'];
    const running = alice.start(argv);
    await reached(bob, 'self', 'jobs/us', 'hello');
    await bob.run(['publish', 'self', 'jobs/us', '--data', '-'], { stdin: Buffer.from([0xff]) });
    expect((await running.finished).json.data).toEqual({
      events: [
        { topic: 'jobs/eu', data: 'last', bytes: 4, retained: true },
        { topic: 'jobs/us', data: 'hello', bytes: 5 },
        { topic: 'jobs/us', data: '/w==', data_encoding: 'base64', bytes: 1 },
      ],
      ...{ missing: 0, gaps: 0, timeout: false },
    });
  });

  test('without --count a line each, until Ctrl-C; a lost stream is a gap', async () => {
    const { alice, bob, ports } = await withBroker();
    const stop = new AbortController();
    const json = alice.start(['subscribe', 'bob', '*', '--json'], { signal: stop.signal });
    await reached(bob, 'self', 'a', '1');
    await until(() => json.text() !== '');
    for (const stream of ports[1].streams.open.values()) stream.destroy();
    await until(() => json.text().includes('gap'));
    await reached(bob, 'self', 'a', '2');
    await until(() => json.text().split('\n').length === 4);
    stop.abort(new Interrupted('SIGINT'));
    const { code, stdout, stderr } = await json.finished;
    expect({ code, stderr }).toEqual({ code: 130, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { topic: 'a', data: '1', bytes: 1 },
      { gap: true },
      { topic: 'a', data: '2', bytes: 1 },
    ]);
  });

  test('for people: one line, whatever the peer wrote; the gap as a note', async () => {
    const { alice, bob, ports } = await withBroker();
    const running = alice.start(['subscribe', 'bob', 'a/+', '--count', '2']);
    await reached(bob, 'self', 'a/b', 'x\n\u001b[2J');
    await until(() => running.text() !== '');
    for (const stream of ports[1].streams.open.values()) stream.destroy();
    await until(() => running.errorText() !== '');
    await reached(bob, 'self', 'a/b', 'y');
    expect(await running.finished).toMatchObject({
      ...{ code: 0, stdout: 'a/b: x\\n\\u001b[2J\na/b: y\n' },
      stderr: 'note:  the broker was not reachable for a while: events may be missing here\n',
    });
  });

  test('the time is up: what came is the result, and the broker is rid of us', async () => {
    const { alice, ports } = await withBroker();
    const argv = ['subscribe', 'bob', 'a', '--count', '1', '--timeout', '50ms', '--json'];
    expect(await alice.run(argv)).toMatchObject({
      code: 0,
      json: { data: { events: [], timeout: true } },
    });
    await until(() => ports[1].openCount === 0);
  });

  test.each([
    [['subscribe', 'bob', 'a/#/b'], '# is for the end of a topic'],
    [['subscribe', 'bob', ''], 'a topic has at least one byte'],
    [['subscribe', 'bob', 'é'.repeat(512) + 'x'], 'the topic has 1025 bytes'],
    [['publish', 'bob', '', '--data', 'x'], 'a topic has at least one byte'],
    [['publish', 'bob', 'é'.repeat(512) + 'x', '--data', 'x'], 'the topic has 1025 bytes'],
    [['publish', 'bob', 'a/+', '--data', 'x'], 'an event has no wildcards in its topic'],
    [['publish', 'bob', 'a'], 'there is nothing to send'],
  ])('refused: %j', async (argv, message) => {
    const { alice } = await withBroker();
    const { code, failure } = await alice.run([...argv, '--json']);
    expect(code).toBe(1);
    expect(failure).toMatchObject({ code: 'invalid_argument' });
    expect(failure['message']).toContain(message);
  });

  test('events of megabytes come whole; more than 16 MiB do not leave', async () => {
    const { alice, bob } = await withBroker();
    const large = seededRandom(4)(3_000_000);
    const running = alice.start(['subscribe', 'bob', 'big', '--count', '2', '--json']);
    await reached(bob, 'self', 'big', '-');
    const published = await bob.run(['publish', 'self', 'big', '--data', '-'], { stdin: large });
    expect(published).toMatchObject({ stdout: 'published: 3000000 bytes to 1 subscribers\n' });
    const { events } = (await running.finished).json.data as { events: { data: string }[] };
    expect(Buffer.from(events[1]?.data ?? '', 'base64').equals(large)).toBe(true);
    const tooLarge = Buffer.alloc(16 * 2 ** 20 + 1);
    const ran = await alice.run(['publish', 'bob', 'big', '--data', '-', '--json'], {
      stdin: tooLarge,
    });
    expect(ran).toMatchObject({ code: 1, failure: { code: 'invalid_argument' } });
  });
});

describe('broadcast', () => {
  const node = (i: number): { id: string } => ({ id: `node-${i}` });

  test('to nodes with a tag: one result each, and exit code 1 when one failed', async () => {
    const { alice } = await withBroker();
    const { node: fake } = alice.daemon;
    const names = { node_id: 1, address: '0:0000.0000.0010', hostname: '' };
    const tagged = [1, 2].map((i) => ({ ...names, ...node(i), tags: ['gpu'], online: true }));
    fake.findTagged = async (tag) => Promise.resolve(tag === 'gpu' ? tagged : []);
    const { send } = fake;
    fake.send = async (request, signal) => {
      if (request.target === 'node-2') throw new PilotError('unavailable', 'the outbox is full');
      return send.call(fake, request, signal);
    };
    const { code, json } = await alice.run(['broadcast', 'gpu', 'hello', '--json']);
    expect(code).toBe(1);
    expect(json.data).toMatchObject({ group: 'gpu', sent: 1, failed: 1, total: 2 });
    expect(json.data?.['results']).toMatchObject([
      { to_id: 'node-1' },
      { to_id: 'node-2', status: 'failed', error: 'the outbox is full', code: 'unavailable' },
    ]);
    const nobody = await alice.run(['broadcast', 'cpu', 'hello', '--json']);
    expect(nobody).toMatchObject({ code: 1, failure: { code: 'not_found' } });
  });
});
