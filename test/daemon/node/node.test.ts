import { beforeEach, describe, expect, test } from 'vitest';

import type { OutgoingMessage } from '../../../src/client/api.ts';
import { FakeRelay } from '../fake-relay.ts';
import { type Host, World } from '../world.ts';

let world: World;
let alice: Host;
let bob: Host;
beforeEach(async () => {
  world = new World();
  [alice, bob] = await world.pair();
});

test('two nodes trust each other and talk', async () => {
  expect(alice.node.peers()).toMatchObject([{ id: bob.id, hostname: 'bob', state: 'online' }]);
  const id = await alice.send(bob, 'hello');
  await world.run(200);
  expect(bob.inbox).toEqual(['hello']);
  expect(bob.received).toMatchObject([{ id, data: 'hello', from: { id: alice.id } }]);
  expect(alice.statusOf(id)).toBe('delivered');
  expect(alice.node.peers()).toMatchObject([{ state: 'connected', path: 'relay', queued: 0 }]);
  expect(bob.node.counters()).toMatchObject({ sessionsOpen: 1, inboxMessages: 1 });
});

test('the first message arrives after one trip: it travels in the handshake', async () => {
  await alice.send(bob, 'hello');
  await world.run(world.relay.latencyMs + 10);
  expect(bob.inbox).toEqual(['hello']);
});

test('messages come in the order in which they were sent, whatever their size', async () => {
  const texts = Array.from({ length: 300 }, (_, i) => `${i} ${'x'.repeat((i * 997) % 5000)}`);
  await world.until(
    Promise.all(texts.map(async (data) => alice.node.send({ target: 'bob', type: 'text', data }))),
  );
  await world.run(2000);
  expect(bob.inbox).toEqual(texts);
  expect(alice.node.outbox().total).toBe(0);
});

describe('a reply', () => {
  test('reaches who waits for it, and not the inbox', async () => {
    const sent = alice.node.send({ target: 'bob', type: 'text', data: 'ping', wait_ms: 5000 });
    await world.run(200);
    const question = bob.received[0];
    await bob.send(alice, 'pong', { reply_to: question?.id ?? '' });
    const answer = await world.until(sent);
    expect(answer.reply).toMatchObject({
      data: 'pong',
      correlation_id: question?.correlation_id,
      reply_to: question?.id,
      from: { id: bob.id },
    });
    expect(answer).toMatchObject({ status: 'delivered' });
    expect(alice.inbox).toEqual([]);
    expect(alice.received).toEqual([]);
  });

  test('goes to the inbox when nobody waits any more', async () => {
    const sent = alice.node.send({ target: 'bob', type: 'text', data: 'ping', wait_ms: 1000 });
    await expect(world.until(sent)).rejects.toMatchObject({ code: 'timeout' });
    const question = bob.received[0];
    const reply = await bob.send(alice, 'late', { reply_to: question?.id ?? '' });
    await world.run(200);
    expect(alice.inbox).toEqual(['late']);
    expect(bob.statusOf(reply)).toBe('delivered');
  });

  test('can be given after the message was cleared, and only to one that came', async () => {
    const id = await alice.send(bob, 'question');
    await world.run(200);
    await world.until(bob.node.clearInbox({}));
    await bob.send(alice, 'answer', { reply_to: id });
    await world.run(200);
    expect(alice.received).toMatchObject([{ data: 'answer', reply_to: id }]);
    const unknown = '00000000-0000-7000-8000-000000000000';
    await expect(bob.send(alice, 'answer', { reply_to: unknown })).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(bob.send(alice, 'answer', { reply_to: 'nonsense' })).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });

  test('is not waited for when the caller has gone', async () => {
    const gone = new AbortController();
    const sent = alice.node.send(
      { target: 'bob', type: 'text', data: 'ping', wait_ms: 60_000 },
      gone.signal,
    );
    await world.run(200);
    gone.abort(new Error('gone'));
    await expect(world.until(sent)).rejects.toThrow('gone');
    await bob.send(alice, 'pong', { reply_to: bob.received[0]?.id ?? '' });
    await world.run(200);
    expect(alice.inbox).toEqual(['pong']);
  });

  test('does not come when the node stops', async () => {
    const sent = alice.node.send({ target: 'bob', type: 'text', data: 'x', wait_ms: 60_000 });
    const ended = expect(sent).rejects.toMatchObject({ code: 'not_running' });
    await world.run(200);
    await alice.stop();
    await ended;
  });
});

describe('a repeated send with the same id', () => {
  const message_id = '0193f5a2-7c1e-7b3a-9d2f-5e8c4a1b6d70';

  test('gives the same answer, and one message', async () => {
    const ids = await Promise.all([
      alice.send(bob, 'once', { message_id }),
      alice.send(bob, 'once', { message_id: message_id.toUpperCase() }),
    ]);
    await world.run(200);
    ids.push(await alice.send(bob, 'once', { message_id }));
    await world.run(200);
    expect(new Set(ids)).toEqual(new Set([message_id]));
    expect(bob.inbox).toEqual(['once']);
  });

  test('gets the reply that the first call did not live to get', async () => {
    const first = new AbortController();
    const request = {
      target: 'bob',
      type: 'text',
      data: 'x',
      message_id,
      wait_ms: 60_000,
    } as const;
    const lost = alice.node.send(request, first.signal);
    const ended = expect(lost).rejects.toThrow();
    await world.run(200);
    first.abort();
    await ended;
    await bob.send(alice, 'reply', { reply_to: message_id });
    await world.run(200);
    expect(alice.inbox).toEqual(['reply']);
    const again = await world.until(alice.node.send(request));
    expect(again.reply).toMatchObject({ data: 'reply', reply_to: message_id });
    expect(alice.inbox).toEqual([]);
  });

  test('is refused for another node', async () => {
    const carol = world.host('carol');
    carol.start();
    await world.run(1000);
    await world.trust(alice, carol);
    await alice.send(bob, 'once', { message_id });
    await expect(alice.send(carol, 'once', { message_id })).rejects.toMatchObject({
      code: 'conflict',
    });
  });
});

describe('a peer that is away', () => {
  test('finds its messages at the relay', async () => {
    await bob.stop();
    const ids = await Promise.all(['1', '2', '3'].map(async (text) => alice.send(bob, text)));
    expect(ids.map((id) => alice.statusOf(id))[0]).toMatch(/^(queued|stored)/);
    await world.run(1000);
    expect(ids.map((id) => alice.statusOf(id))).toEqual(['stored', 'stored', 'stored']);
    bob.start();
    await world.run(2000);
    expect(bob.inbox).toEqual(['1', '2', '3']);
    expect(ids.map((id) => alice.statusOf(id))).toEqual(['delivered', 'delivered', 'delivered']);
    expect([...world.relay.mailboxes.values()].map(({ size }) => size)).toEqual([0, 0]);
  });

  test('and its answers find us when we are away, too', async () => {
    await bob.stop();
    const id = await alice.send(bob, 'hello');
    await world.run(1000);
    await alice.stop();
    bob.start();
    await world.run(2000);
    expect(bob.inbox).toEqual(['hello']);
    await bob.stop();
    alice.start();
    await world.run(2000);
    expect(alice.statusOf(id)).toBe('delivered');
  });

  test('is waited for with an envelope at a time, so that order holds', async () => {
    await bob.stop();
    const texts = Array.from({ length: 200 }, (_, i) => String(i));
    await world.until(
      Promise.all(
        texts.map(async (data) => alice.node.send({ target: 'bob', type: 'text', data })),
      ),
    );
    const before = world.relay.puts;
    await world.run(2000);
    expect(world.relay.puts - before).toBeGreaterThanOrEqual(4);
    bob.start();
    await world.run(3000);
    expect(bob.inbox).toEqual(texts);
  });

  test('is confirmed as stored to who wants to know', async () => {
    await bob.stop();
    const request = { target: 'bob', type: 'text', data: 'x', confirm_ms: 5000 } as const;
    const sent = await world.until(alice.node.send(request));
    expect(sent.status).toBe('stored');
    bob.start();
    await world.run(2000);
    await expect(world.until(alice.node.send(request))).resolves.toMatchObject({
      status: 'delivered',
    });
  });

  test('without a relay there is nothing but waiting', async () => {
    world.relay.goDown();
    await world.run(100);
    const id = await alice.send(bob, 'x');
    await world.run(1000);
    expect(alice.statusOf(id)).toBe('queued: no relay is online');
    world.relay.goUp();
    await world.run(2000);
    expect(alice.statusOf(id)).toBe('delivered');
  });

  test('a message expires where it waits', async () => {
    world.relay.goDown();
    await world.run(100);
    const id = await alice.send(bob, 'x', { expires_ms: 5000 });
    const sent = alice.node.send({
      ...{ target: 'bob', type: 'text', data: 'y', expires_ms: 5000, wait_ms: 60_000 },
    });
    const ended = expect(sent).rejects.toMatchObject({ code: 'expired' });
    await world.run(7000);
    await ended;
    expect(alice.statusOf(id)).toBe('dead: expired');
    world.relay.goUp();
    await world.run(2000);
    expect(bob.inbox).toEqual([]);
    const again = await world.until(alice.node.retryOutbox(id));
    expect(again.status).not.toBe('dead');
    await world.run(500);
    expect(bob.inbox).toEqual(['x']);
  });
});

test('a ping measures the round trip, and opens a session for it', async () => {
  const roundTrips: number[] = [];
  alice.node.onRoundTrip = (rttMs) => roundTrips.push(rttMs);
  const pong = await world.until(alice.node.ping({ target: 'bob' }));
  expect(pong).toMatchObject({ id: bob.id, path: 'relay' });
  expect(pong.rtt_ms).toBeGreaterThanOrEqual(4 * world.relay.latencyMs - 10);
  expect(roundTrips).toHaveLength(1);
  await bob.stop();
  await world.run(100);
  await expect(world.until(alice.node.ping({ target: 'bob' }))).rejects.toMatchObject({
    code: 'connection_failed',
  });
});

test('the outbox can be looked at and emptied', async () => {
  world.relay.goDown();
  await world.run(100);
  const id = await alice.send(bob, 'x');
  const events: OutgoingMessage[] = [];
  alice.node.events.on('message.status', (message) => events.push(message));
  expect(alice.node.outbox()).toMatchObject({
    messages: [{ message_id: id, to: { id: bob.id }, status: 'queued', bytes: 1 }],
    total: 1,
  });
  await expect(world.until(alice.node.dropOutbox(id))).resolves.toMatchObject({
    status: 'dead',
    reason: 'dropped',
  });
  expect(alice.node.outbox().total).toBe(0);
  expect(events).toMatchObject([{ message_id: id, status: 'dead' }]);
  expect(() => alice.node.messageStatus('nothing')).toThrow('no message');
});

test('start and stop may be called twice', async () => {
  alice.node.start();
  const { node } = alice;
  await node.stop();
  await node.stop();
  expect(world.relay.ports.has(alice.key)).toBe(false);
});

test('a peer that has moved to another relay finds its messages there', async () => {
  const second = new FakeRelay('wss://second.example/', world.clock);
  await alice.stop();
  alice.relays = [world.relay, second];
  alice.start();
  await world.run(1000);
  await bob.stop();
  bob.relays = [second];
  bob.start();
  await world.run(1000);
  await bob.stop();
  await world.run(100);
  const id = await alice.send(bob, 'hello');
  await world.run(1000);
  expect(alice.statusOf(id)).toBe('stored');
  bob.start();
  await world.run(1000);
  expect(bob.inbox).toEqual(['hello']);
});

test('a session moves to another relay when its own goes away, and loses nothing', async () => {
  const second = new FakeRelay('wss://second.example/', world.clock);
  for (const host of [alice, bob]) {
    await host.stop();
    host.relays = [world.relay, second];
    host.start();
  }
  await world.run(1000);
  const texts = Array.from({ length: 40 }, (_, i) => String(i));
  for (const [i, text] of texts.entries()) {
    if (i === 10) world.relay.goDown();
    if (i === 25) world.relay.goUp();
    if (i === 30) second.goDown();
    await alice.send(bob, text);
    await world.run(50);
  }
  await world.run(2000);
  expect(bob.inbox).toEqual(texts);
});
