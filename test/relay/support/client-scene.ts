import { expect } from 'vitest';

import { Identity } from '../../../src/identity/identity.ts';
import { RelayClient, type RelayClientOptions } from '../../../src/relay/client.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { MemoryRelay } from './memory-relay.ts';

export interface Scene {
  readonly clock: ManualClock;
  readonly relay: MemoryRelay;
  readonly client: RelayClient;
  readonly failures: string[];
}

/** A client and a relay under a clock that the test moves; not started yet. */
export function scene(options: Partial<RelayClientOptions> = {}): Scene {
  const clock = new ManualClock();
  const relay = new MemoryRelay();
  const random = seededRandom(3);
  const identity = Identity.create(random, clock.now());
  const { dial } = relay;
  const url = 'ws://relay.test/';
  const client = new RelayClient({ url, identity, clock, random, dial, ...options });
  const failures: string[] = [];
  client.on('offline', ({ code }) => failures.push(code));
  return { clock, relay, client, failures };
}

/** The same, logged in. */
export function online(options: Partial<RelayClientOptions> = {}): Scene {
  const made = scene(options);
  made.client.start();
  made.relay.last.accept();
  expect(made.client.state).toBe('online');
  return made;
}
