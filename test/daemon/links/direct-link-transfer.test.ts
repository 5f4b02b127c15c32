import { createHash, randomBytes } from 'node:crypto';

import { expect, test } from 'vitest';

import { DirectPair, endpointOf, sendAll } from './direct-ends.ts';
import { until } from './until.ts';

/** The promise is about 200 MB (`PILOT_TRANSFER_MB=200`); the switches are the same with fewer. */
const TRANSFER_MB = Number(process.env['PILOT_TRANSFER_MB'] ?? 20);
const BODY_BYTES = 64 * 1024;

function* bodies(count: number, hash: { update(bytes: Uint8Array): unknown }): Iterable<Buffer> {
  const body = randomBytes(BODY_BYTES);
  for (let i = 0; i < count; i++) {
    const next = Buffer.from(body);
    next.writeUInt32BE(i, 0);
    hash.update(next);
    yield next;
  }
}

test(`${TRANSFER_MB} MB while links and paths change: once, in order, memory bounded`, async () => {
  const pair = await new DirectPair().open();
  const { alice, bob } = pair;
  const [extra] = bob.port.openExtra(1);
  if (extra === undefined) throw new Error('no socket');
  const count = Math.ceil((TRANSFER_MB * 1e6) / BODY_BYTES);
  const steps = [
    () => {
      pair.connect('v6');
    },
    () => {
      pair.connect('v4', extra);
    },
    () => {
      alice.link?.changeRemote('v4', endpointOf(bob.port, 'v4'));
      bob.link?.changeRemote('v4', endpointOf(alice.port, 'v4'));
    },
    () => {
      pair.connect('v4');
      pair.connect('v6');
    },
    () => {
      alice.session.setLink(undefined);
      bob.session.setLink(undefined);
      pair.connect('v4');
    },
  ];
  let highestBytes = 0;
  bob.onMessage = () => {
    if (bob.receivedMessages % 50 === 0) {
      const { rss } = process.memoryUsage();
      highestBytes = Math.max(highestBytes, rss);
    }
    const due = Math.floor((bob.receivedMessages * (steps.length + 1)) / count);
    if (due > done && done < steps.length) steps[done++]?.();
  };
  let done = 0;
  const baseBytes = process.memoryUsage().rss;
  const sent = createHash('sha256');
  await sendAll(alice, bodies(count, sent));
  await until('the last message', () => bob.receivedMessages >= count, 60_000);
  expect(done).toBe(steps.length);
  expect(bob.receivedMessages).toBe(count);
  expect(bob.received.digest('hex')).toBe(sent.digest('hex'));
  await pair.stop();
  expect(highestBytes - baseBytes).toBeLessThan(150 * 2 ** 20);
}, 120_000);
