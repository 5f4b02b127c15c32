import { expect, test } from 'vitest';

import type { Identity } from '../../src/identity/identity.ts';
import { DEFAULT_LIMITS } from '../../src/relay/limits.ts';
import type { EnvelopePut } from '../../src/relay/mailbox.ts';
import { MemoryDirectory } from '../../src/relay/memory-directory.ts';
import { MemoryMailbox } from '../../src/relay/memory-mailbox.ts';
import {
  logIn,
  newClient,
  newIdentity,
  next,
  PATIENCE_MS,
  refusal,
  startRelay,
} from './support/relay-fixture.ts';

const full = async (): Promise<never> => Promise.reject(new Error('no space left on device'));
const envelope = (to: Uint8Array): Omit<EnvelopePut, 'from' | 'atMs'> => ({
  to,
  id: new Uint8Array(16),
  body: new Uint8Array(10),
  expiresAtMs: Date.now() + 60_000,
});

test('a full disk refuses envelopes, and takes them again when there is room', async () => {
  const mailbox = new MemoryMailbox(DEFAULT_LIMITS);
  const put = mailbox.put.bind(mailbox);
  mailbox.put = full;
  const relay = await startRelay({ mailbox });
  const { client } = await logIn(relay);
  const bob = newIdentity();
  await expect(client.put(envelope(bob.firstKey))).rejects.toMatchObject({ code: 'unavailable' });
  expect(client.state).toBe('online');
  expect(relay.server.counters.drops.get('store_failed')).toBe(1);
  mailbox.put = put;
  await client.put(envelope(bob.firstKey));
});

test('an envelope that cannot be removed comes again, and nothing breaks', async () => {
  const mailbox = new MemoryMailbox(DEFAULT_LIMITS);
  mailbox.take = full;
  mailbox.sweep = full;
  const relay = await startRelay({ mailbox });
  const { client } = await logIn(relay);
  const bob = newIdentity();
  await client.put(envelope(bob.firstKey));
  await deliverTo(relay, bob);
  await deliverTo(relay, bob);
});

test('metrics that cannot be read are an error to who asks, and the relay lives on', async () => {
  const mailbox = new MemoryMailbox(DEFAULT_LIMITS);
  const size = mailbox.size.bind(mailbox);
  mailbox.size = full;
  const { port } = await startRelay({ mailbox });
  const metrics = `http://127.0.0.1:${port}/metrics`;
  expect((await fetch(metrics, { signal: AbortSignal.timeout(PATIENCE_MS) })).status).toBe(500);
  mailbox.size = size;
  expect((await fetch(metrics)).status).toBe(200);
});

async function deliverTo(relay: { readonly url: string }, identity: Identity): Promise<void> {
  const receiver = newClient(relay, { identity });
  const envelope = next(receiver, 'envelope');
  receiver.start();
  const { from, id } = await envelope;
  receiver.taken(from, id);
  expect(await receiver.lookup({ hostname: 'nobody' })).toBeUndefined();
  await receiver.stop();
}

test('a mailbox that cannot be read does not keep a node from logging in', async () => {
  const mailbox = new MemoryMailbox(DEFAULT_LIMITS);
  mailbox.list = full;
  const { client } = await logIn(await startRelay({ mailbox }));
  expect(await client.lookup({ hostname: 'nobody' })).toBeUndefined();
});

test('a directory that cannot be read refuses logins for now, and lookups', async () => {
  const directory = new MemoryDirectory({ maxRecords: 10, nameIdleMs: 1 });
  const find = directory.find.bind(directory);
  const relay = await startRelay({ directory });
  const { client } = await logIn(relay);
  directory.find = full;
  await expect(client.lookup({ hostname: 'a' })).rejects.toMatchObject({ code: 'unavailable' });
  expect(await refusal(relay)).toBe('busy');
  directory.find = find;
  directory.touch = full;
  await logIn(relay);
});
