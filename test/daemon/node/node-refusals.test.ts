import { beforeEach, describe, expect, test } from 'vitest';

import { type Host, World } from '../world.ts';

let world: World;
let alice: Host;
let bob: Host;
beforeEach(async () => {
  world = new World();
  [alice, bob] = await world.pair();
});

describe('a receiver that cannot keep a message', () => {
  test('for want of room is asked again, then left alone', async () => {
    await bob.stop();
    bob.settings = { ...bob.settings, inbox: { maxMessages: 1, maxBytes: 1000 } };
    bob.start();
    await world.run(1000);
    const ids: string[] = [];
    for (const text of ['1', '2', '3']) ids.push(await alice.send(bob, text));
    await world.run(1500);
    expect(ids.map((id) => alice.node.messageStatus(id))).toMatchObject([
      { status: 'delivered' },
      { status: 'queued', reason: 'inbox_full', attempts: 2 },
      { status: 'queued', attempts: 0 },
    ]);
    await world.until(bob.node.clearInbox({}));
    await world.run(5000);
    expect(bob.inbox).toEqual(['2']);
    await world.run(10_000);
    expect(ids.map((id) => alice.statusOf(id))).toEqual([
      'delivered',
      'delivered',
      'dead: inbox_full',
    ]);
    expect(bob.node.counters().drops.get('inbox_full')).toBeGreaterThanOrEqual(3);
  });

  test('for want of disk lives on, and keeps order when it has some again', async () => {
    await alice.send(bob, 'before');
    await world.run(200);
    bob.storage.isFull = true;
    const texts = Array.from({ length: 50 }, (_, i) => String(i));
    for (const text of texts) await alice.send(bob, text);
    await world.run(500);
    expect(bob.inbox).toEqual(['before']);
    bob.storage.isFull = false;
    await world.run(10_000);
    expect(bob.inbox).toEqual(['before', ...texts]);
    expect(bob.node.counters().drops.get('inbox_unavailable')).toBeGreaterThanOrEqual(1);
  });

  test('because it allows less refuses for good', async () => {
    await bob.stop();
    bob.settings = { ...bob.settings, send: { ...bob.settings.send, maxPayloadBytes: 1024 } };
    bob.start();
    await world.run(1000);
    const large = await alice.send(bob, 'x'.repeat(1025));
    const small = await alice.send(bob, 'small');
    await world.run(500);
    expect(alice.statusOf(large)).toBe('dead: too_large');
    expect(alice.statusOf(small)).toBe('delivered');
  });
});

describe('what cannot be sent', () => {
  test.each([
    ['a payload over the limit', { data: 'x'.repeat(257 * 1024) }],
    ['no JSON', { type: 'json', data: '{"a":' }],
    ['no base64', { type: 'binary', data: 'ä', encoding: 'base64' }],
    ['no UTF-8', { data: '//4=', encoding: 'base64' }],
    ['an expiry beyond 30 days', { data: '', expires_ms: 31 * 86_400_000 }],
    ['a broken id', { data: '', message_id: 'x' }],
    ['to itself', { data: '', target: 'alice' }],
    ['to an address of another network', { data: '', target: '7:0007.0000.0001' }],
    ['to what is no target', { data: '', target: 'Not A Name' }],
  ] as const)('%s', async (_what, request) => {
    const sent = alice.node.send({ target: 'bob', type: 'text', ...request });
    await expect(world.until(sent)).rejects.toMatchObject({ code: 'invalid_argument' });
    expect(alice.node.outbox().total).toBe(0);
  });

  test.each([
    ['a node that nobody knows', 'nobody', 'not_found'],
    ['a node that is not trusted', 'carol', 'trust_required'],
  ])('%s', async (_what, target, code) => {
    const carol = world.host('carol');
    carol.start();
    await world.run(500);
    const sent = alice.node.send({ target, type: 'text', data: '' });
    await expect(world.until(sent)).rejects.toMatchObject({ code });
  });

  test('relay_fallback false, where no direct path is looked for', async () => {
    await alice.stop();
    alice.settings = { ...alice.settings, paths: { ...alice.settings.paths, mayRelay: false } };
    alice.start();
    await world.run(1000);
    for (const call of [alice.send(bob, 'x'), world.until(alice.node.ping({ target: 'bob' }))]) {
      await expect(call).rejects.toMatchObject({ code: 'connection_failed' });
    }
    expect(alice.node.counters()).toMatchObject({ outboxMessages: 0 });
    expect(bob.inbox).not.toContain('x');
  });

  test('to a full disk', async () => {
    alice.storage.isFull = true;
    await expect(alice.send(bob, 'x')).rejects.toMatchObject({ code: 'unavailable' });
    alice.storage.isFull = false;
    await alice.send(bob, 'y');
    await world.run(200);
    expect(bob.inbox.at(-1)).toBe('y');
  });

  test('to a full disk is told at once to who waits for a confirmation and a reply', async () => {
    bob.goOffline();
    await world.run(500);
    alice.storage.isFull = true;
    const startMs = world.clock.monotonic();
    const waits = { wait_ms: 60_000, confirm_ms: 60_000 };
    await expect(alice.send(bob, 'x', waits)).rejects.toMatchObject({ code: 'unavailable' });
    expect(world.clock.monotonic() - startMs).toBeLessThan(1000);
  });
});

describe('a relay that does not keep an envelope', () => {
  test('because the mailbox is full is asked again, then left alone', async () => {
    await bob.stop();
    await world.run(100);
    world.relay.refusePut = 'mailbox_full';
    const id = await alice.send(bob, 'x');
    await world.run(60_000);
    expect(alice.statusOf(id)).toBe('dead: mailbox_full');
  });

  test('because too many come at a time costs nothing but time', async () => {
    await bob.stop();
    await world.run(100);
    world.relay.refusePut = 'rate_limited';
    const id = await alice.send(bob, 'x');
    await world.run(20_000);
    expect(alice.node.messageStatus(id)).toMatchObject({ status: 'queued', attempts: 0 });
    world.relay.refusePut = undefined;
    await world.run(60_000);
    expect(alice.statusOf(id)).toBe('stored');
  });

  test('because it is too large gets smaller ones, and none that is too large alone', async () => {
    await bob.stop();
    await world.run(100);
    world.relay.maxEnvelopeBytes = 5000;
    const texts = ['a', 'b', 'c'].map((letter) => letter.repeat(2000));
    const ids: string[] = [];
    for (const text of texts) ids.push(await alice.send(bob, text));
    ids.push(await alice.send(bob, 'd'.repeat(6000)), await alice.send(bob, 'e'));
    await world.run(3000);
    expect(ids.map((id) => alice.node.messageStatus(id).status)).toEqual([
      ...['stored', 'stored', 'stored'],
      // What follows it waits with it.
      ...['queued', 'queued'],
    ]);
    bob.start();
    await world.run(3000);
    expect(bob.inbox).toEqual([...texts, 'd'.repeat(6000), 'e']);
  });
});

test('a peer that does not answer handshakes gets envelopes', async () => {
  world.relay.losesPackets = true;
  const id = await alice.send(bob, 'hello');
  await world.run(8000);
  expect(bob.inbox).toEqual(['hello']);
  // The answer needs no session either.
  expect(alice.statusOf(id)).toBe('delivered');
});

test('the inbox is listed by sender, age and what is unread', async () => {
  const carol = world.host('carol');
  carol.start();
  await world.run(500);
  await world.trust(carol, bob);
  await alice.send(bob, 'from alice');
  await world.run(5000);
  await carol.send(bob, 'from carol');
  await world.run(200);
  const texts = (query: Parameters<typeof bob.node.inbox>[0]): (string | undefined)[] =>
    bob.node.inbox(query).messages.map(({ preview }) => preview);
  expect(texts({})).toEqual(['from carol', 'from alice']);
  expect(texts({ from: 'alice' })).toEqual(['from alice']);
  expect(texts({ from: carol.id })).toEqual(['from carol']);
  expect(texts({ since: '2s' })).toEqual(['from carol']);
  expect(bob.node.inbox({ limit: 1 })).toMatchObject({ shown: 1, total: 2 });
  const [newest] = bob.node.inbox({}).messages;
  const peeked = await world.until(bob.node.readInbox(newest?.id ?? '', { peek: true }));
  expect(peeked).toMatchObject({ data: 'from carol', read: false });
  await expect(world.until(bob.node.markInboxRead(newest?.id ?? ''))).resolves.toMatchObject({
    read: true,
  });
  expect(texts({ unread: true })).toEqual(['from alice']);
  expect(() => bob.node.inbox({ from: 'nobody' })).toThrow('does not know');
  await expect(bob.node.readInbox('nothing')).rejects.toMatchObject({ code: 'not_found' });
  await expect(world.until(bob.node.clearInbox({ before: '2s' }))).resolves.toEqual({
    cleared: 1,
    remaining: 1,
  });
});
