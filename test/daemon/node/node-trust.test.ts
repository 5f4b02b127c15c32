import { beforeEach, describe, expect, test } from 'vitest';

import { encodeAppMessage } from '../../../src/daemon/messages/app-message.ts';
import { newUuid } from '../../../src/daemon/messages/uuid-bytes.ts';
import { Metrics } from '../../../src/daemon/metrics.ts';
import type { Identity } from '../../../src/identity/identity.ts';
import { sealEnvelope } from '../../../src/session/envelope.ts';
import { FakeRelay } from '../fake-relay.ts';
import { TrustSide } from '../trust/trust-side.ts';
import { DAY_MS, type Host, World } from '../world.ts';

let world: World;
let alice: Host;
let bob: Host;
beforeEach(async () => {
  world = new World();
  [alice, bob] = [world.host('alice'), world.host('bob')];
  alice.start();
  bob.start();
  await world.run(1000);
});

const trusts = (one: Host, other: Host): boolean =>
  one.node.trusted().some(({ id, mutual }) => id === other.id && mutual);

describe('asking', () => {
  test('by hostname, and being approved while waiting', async () => {
    const asked = alice.node.requestTrust({
      ...{ target: 'bob', justification: 'let us talk', wait_ms: 5000 },
    });
    await world.run(500);
    expect(bob.node.pendingTrust()).toMatchObject([
      { id: alice.id, hostname: 'alice', justification: 'let us talk' },
    ]);
    await world.until(bob.node.approveTrust({ target: 'alice' }));
    await expect(world.until(asked)).resolves.toMatchObject({ id: bob.id, status: 'trusted' });
    expect(trusts(bob, alice)).toBe(true);
  });

  test('and nobody answers', async () => {
    const asked = alice.node.requestTrust({ target: bob.id, wait_ms: 1000 });
    await expect(world.until(asked)).resolves.toMatchObject({ status: 'pending' });
    expect(alice.node.trusted()).toMatchObject([{ id: bob.id, mutual: false, approved_at: 0 }]);
    const sent = alice.node.send({ target: 'bob', type: 'text', data: 'x' });
    await expect(world.until(sent)).rejects.toMatchObject({ code: 'trust_required' });
  });

  test('and being rejected while waiting', async () => {
    const asked = alice.node.requestTrust({ target: 'bob', wait_ms: 5000 });
    const ended = expect(asked).rejects.toMatchObject({ code: 'permission_denied' });
    await world.run(500);
    await world.until(bob.node.rejectTrust({ target: alice.id, reason: 'not today' }));
    await world.run(500);
    await ended;
    expect(alice.trustChanges.at(-1)).toMatchObject({ reason: 'rejected: not today' });
    await world.trust(alice, bob);
    expect(trusts(alice, bob)).toBe(true);
  });

  test('both at once', async () => {
    await world.until(
      Promise.all([
        alice.node.requestTrust({ target: 'bob' }),
        bob.node.requestTrust({ target: 'alice' }),
      ]),
    );
    await world.run(500);
    expect([trusts(alice, bob), trusts(bob, alice)]).toEqual([true, true]);
  });

  test('who is offline, over restarts of both', async () => {
    await bob.stop();
    await world.until(alice.node.requestTrust({ target: 'bob' }));
    await world.run(500);
    await alice.stop();
    bob.start();
    await world.run(1000);
    await world.until(bob.node.approveTrust({ target: alice.id }));
    await world.run(500);
    await bob.stop();
    alice.start();
    await world.run(1000);
    expect(trusts(alice, bob)).toBe(true);
    await alice.send(bob, 'hello');
    await world.run(500);
    bob.start();
    await world.run(1000);
    expect(bob.inbox).toEqual(['hello']);
  });

  test('before any relay is there', async () => {
    world.relay.goDown();
    await world.run(100);
    const asked = alice.node.requestTrust({ target: 'bob' });
    await expect(world.until(asked)).rejects.toMatchObject({ code: 'connection_failed' });
  });

  test('again, after the request was lost, a day later', async () => {
    await bob.stop();
    await world.until(alice.node.requestTrust({ target: 'bob' }));
    await world.run(500);
    world.relay.mailboxes.clear();
    world.clock.advance(DAY_MS + 3_600_000);
    await world.run(1000);
    bob.start();
    await world.run(1000);
    expect(bob.node.pendingTrust()).toHaveLength(1);
  });

  test('over a relay that comes later', async () => {
    const second = new FakeRelay('wss://second.example/', world.clock);
    await alice.stop();
    await bob.stop();
    alice.relays = [world.relay, second];
    bob.relays = [second];
    second.goDown();
    alice.start();
    bob.start();
    await world.run(1000);
    await world.until(alice.node.requestTrust({ target: bob.id }));
    await world.run(500);
    expect(bob.node.pendingTrust()).toEqual([]);
    second.goUp();
    await world.run(1000);
    expect(bob.node.pendingTrust()).toHaveLength(1);
    await world.until(bob.node.approveTrust({ target: alice.id }));
    await world.run(500);
    await alice.send(bob, 'hello');
    await world.run(500);
    expect(bob.inbox).toEqual(['hello']);
  });

  test.each([
    ['oneself', { target: 'alice' }, 'invalid_argument'],
    ['in two lines', { target: 'bob', justification: 'a\nb' }, 'invalid_argument'],
    ['a broken Node ID', { target: 'pilot1qqqq' }, 'invalid_argument'],
    ['nobody', { target: 'nobody' }, 'not_found'],
  ])('%s', async (_what, request, code) => {
    await expect(world.until(alice.node.requestTrust(request))).rejects.toMatchObject({ code });
  });

  test('of a node that approves by itself', async () => {
    const carol = world.host('carol', {
      trust: { autoApprove: true, maxPending: 4, requestsPerSourceHour: 16 },
    });
    carol.start();
    await world.run(500);
    const asked = alice.node.requestTrust({ target: 'carol', wait_ms: 5000 });
    await expect(world.until(asked)).resolves.toMatchObject({ status: 'trusted' });
    await carol.send(alice, 'welcome');
    await world.run(300);
    expect(alice.inbox).toEqual(['welcome']);
  });

  test('and being answered before the request is on disk', async () => {
    bob.settings = { ...bob.settings, trust: { ...bob.settings.trust, autoApprove: true } };
    await bob.stop();
    bob.start();
    await world.run(1000);
    alice.storage.isHeld = true;
    const asked = alice.node.requestTrust({ target: bob.id, wait_ms: 60_000 });
    await world.run(1000);
    alice.storage.release();
    expect(await world.until(asked, 1000)).toMatchObject({ status: 'trusted' });
  });

  test('under the hostname of another node', async () => {
    const mallory = world.host('bob');
    mallory.start();
    await world.run(1000);
    expect(mallory.node.warnings()[0]).toContain('bob');
    await world.until(mallory.node.requestTrust({ target: 'alice' }));
    await world.run(500);
    expect(alice.node.pendingTrust()).toMatchObject([{ id: mallory.id, hostname: '' }]);
  });
});

test('who is approved can be written to at once, also before it has heard of it', async () => {
  await world.until(alice.node.requestTrust({ target: 'bob' }));
  await world.run(300);
  // What is told over the mailbox comes late; the session comes first.
  const delayed = world.relay.mailboxes.get(alice.key);
  const approved = bob.node.approveTrust({ target: 'alice' });
  world.relay.refusePut = 'unavailable';
  await world.until(approved);
  await bob.send(alice, 'first');
  await world.run(3000);
  world.relay.refusePut = undefined;
  expect(delayed?.size ?? 0).toBe(0);
  expect(trusts(alice, bob)).toBe(true);
  expect(alice.inbox).toEqual(['first']);
});

describe('revoking', () => {
  beforeEach(async () => {
    await world.trust(alice, bob);
    await alice.send(bob, 'hello');
    await world.run(200);
  });

  test('cuts the session at once, and what waits is dead', async () => {
    expect(bob.node.counters().sessionsOpen).toBe(1);
    const waiting = alice.node.send({ target: 'bob', type: 'text', data: 'x', wait_ms: 60_000 });
    const ended = expect(waiting).rejects.toMatchObject({ code: 'trust_required' });
    await world.run(100);
    world.relay.latencyMs = 1000;
    const sent = await alice.send(bob, 'late');
    await world.until(alice.node.revokeTrust({ target: 'bob' }));
    await ended;
    expect(alice.statusOf(sent)).toBe('dead: untrusted');
    expect(alice.node.counters().sessionsOpen).toBe(0);
    expect(alice.node.peers()).toEqual([]);
    world.relay.latencyMs = 5;
    await world.run(3000);
    expect(bob.node.trusted()).toEqual([]);
    expect(bob.trustChanges.at(-1)).toMatchObject({ reason: 'revoked by the other side' });
    await expect(bob.send(alice, 'x')).rejects.toMatchObject({ code: 'trust_required' });
  });

  test('is heard later by who was away, and what it wrote meanwhile is refused', async () => {
    await alice.stop();
    const sent = await bob.send(alice, 'late');
    await world.run(1000);
    expect(bob.statusOf(sent)).toBe('stored');
    await bob.stop();
    alice.start();
    await world.until(alice.node.revokeTrust({ target: 'bob' }));
    await world.run(1000);
    bob.start();
    await world.run(1000);
    expect(bob.node.trusted()).toEqual([]);
    expect(bob.statusOf(sent)).toBe('dead: untrusted');
    expect(alice.inbox).toEqual([]);
  });

  test('and trusting again begins anew', async () => {
    await world.until(bob.node.revokeTrust({ target: 'alice' }));
    await world.run(500);
    expect(alice.node.trusted()).toEqual([]);
    await world.trust(alice, bob);
    await alice.send(bob, 'again');
    await world.run(200);
    expect(bob.inbox).toEqual(['hello', 'again']);
  });

  test('a peer that has forgotten us says so', async () => {
    await bob.stop();
    bob.storage = new (bob.storage.constructor as new () => typeof bob.storage)();
    bob.start();
    await world.run(1000);
    const sent = await alice.send(bob, 'x');
    await world.run(2000);
    expect(alice.statusOf(sent)).toBe('dead: trust_required');
    await world.trust(alice, bob);
    await alice.send(bob, 'y');
    await world.run(300);
    expect(bob.inbox).toEqual(['y']);
  });
});

describe('a stranger', () => {
  async function leave(identity: Identity, items: readonly Uint8Array[]): Promise<void> {
    const port = world.relay.port(identity.firstKey);
    port.start();
    await world.run(50);
    const { clock, random } = world;
    const body = sealEnvelope({
      ...{ identity, recipient: bob.identity.chain, items, nowMs: clock.now(), random },
    });
    const put = port.put({
      ...{ to: bob.identity.firstKey, id: random(16), body, expiresAtMs: clock.now() + DAY_MS },
    });
    await world.until(put);
    await world.run(200);
    port.die();
  }

  const message = (): Uint8Array =>
    encodeAppMessage({
      kind: 'message',
      id: newUuid(world.clock, world.random),
      correlationId: newUuid(world.clock, world.random),
      ...{ replyTo: '', type: 'text', payload: new Uint8Array(3), run: 1 },
      sentAtMs: world.clock.now(),
      expiresAtMs: world.clock.now() + DAY_MS,
    });

  test('gets no message in, and is told a few times', async () => {
    const { identity } = world.host('stranger');
    for (let i = 0; i < 5; i++) await leave(identity, [message(), message()]);
    expect(bob.inbox).toEqual([]);
    expect(bob.node.counters().drops.get('untrusted')).toBe(10);
    const mailbox = world.relay.mailboxes.get(world.relay.port(identity.firstKey).url);
    expect(mailbox).toBeUndefined();
    const answers = [...world.relay.mailboxes.values()].reduce((sum, { size }) => sum + size, 0);
    expect(answers).toBe(2);
  });

  test('that answers what nobody asked is counted, and stays one', async () => {
    const { identity } = world.host('stranger');
    const atMs = world.clock.now();
    const { record } = new TrustSide('stranger', 9, bob.settings.trust, world.clock);
    await leave(identity, [
      encodeAppMessage({ kind: 'accept', record, atMs }),
      encodeAppMessage({ kind: 'revoke', atMs }),
    ]);
    expect(bob.node.trusted()).toEqual([]);
    const metrics = await new Metrics(bob.node, ['drops'], '1.2.3').text();
    expect(metrics).toContain('pilot_drops_total{reason="unsolicited"} 2\n');
  });

  test('that sends rubbish does no harm', async () => {
    const { identity } = world.host('stranger');
    await leave(identity, [Uint8Array.of(1, 2, 3)]);
    await leave(identity, []);
    expect(bob.node.counters().drops.get('malformed_envelope')).toBe(1);
    await world.trust(alice, bob);
  });
});
