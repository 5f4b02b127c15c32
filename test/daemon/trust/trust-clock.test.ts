import { beforeEach, describe, expect, test } from 'vitest';

import { silentLog } from '../../../src/daemon/log/log.ts';
import { Postman } from '../../../src/daemon/relays/postman.ts';
import type { TrustSettings } from '../../../src/daemon/trust/trust.ts';
import { TrustCourier } from '../../../src/daemon/trust/trust-courier.ts';
import { decodeNodeRecord } from '../../../src/identity/node-record.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { carry, TrustSide } from './trust-side.ts';

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;
const SETTINGS: TrustSettings = { autoApprove: false, maxPending: 4, requestsPerSourceHour: 3 };

let clock: ManualClock;
let alice: TrustSide;
let bob: TrustSide;

async function ask(from: TrustSide, to: TrustSide): Promise<void> {
  const node = decodeNodeRecord(to.record);
  await from.trust.ask(node.chain, 'hello', node);
}

const states = (): string => `${alice.stateOf(bob)} ${bob.stateOf(alice)}`;

describe('a node whose clock was a year ahead when it asked', () => {
  beforeEach(async () => {
    clock = new ManualClock();
    bob = new TrustSide('bob', 2, SETTINGS, clock);
    const early = new TrustSide('alice', 1, SETTINGS, new ManualClock(clock.now() + YEAR_MS));
    await ask(early, bob);
    await carry(early, bob);
    expect(bob.drops).toEqual(['replayed']);
    // The same host and disk, its clock set right.
    alice = new TrustSide('alice', 1, SETTINGS, clock);
    alice.storage = early.storage;
    alice.restart();
  });

  test('is heard when it asks again', async () => {
    await ask(alice, bob);
    await carry(alice, bob);
    expect(states()).toBe('asked pending');
  });

  test('asks again by itself, as others do after a day', async () => {
    const { identity, store, trust } = alice;
    const deps = { identity, clock, random: seededRandom(3) };
    const courier = new TrustCourier({
      ...{ ...deps, log: silentLog, store, trust, postman: new Postman(deps) },
      online: () => [],
    });
    courier.start();
    clock.advance(HOUR_MS);
    courier.stop();
    await carry(alice, bob);
    expect(states()).toBe('asked pending');
  });
});
