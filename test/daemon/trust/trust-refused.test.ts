import { beforeEach, describe, expect, test } from 'vitest';

import type { TrustItem } from '../../../src/daemon/messages/app-message.ts';
import { StoreError } from '../../../src/daemon/store/storage.ts';
import type { TrustSettings } from '../../../src/daemon/trust/trust.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { carry, TrustSide } from './trust-side.ts';

const SETTINGS: TrustSettings = { autoApprove: false, maxPending: 4, requestsPerSourceHour: 3 };

let alice: TrustSide;
let bob: TrustSide;
beforeEach(() => {
  const clock = new ManualClock();
  alice = new TrustSide('alice', 1, SETTINGS, clock);
  bob = new TrustSide('bob', 2, SETTINGS, clock);
});

function owed(from: TrustSide, to: TrustSide): TrustItem {
  const item = from.owedTo(to);
  if (item === undefined) throw new Error(`${from.name} owes ${to.name} nothing`);
  return item;
}

describe('changes that a disk refuses one after the other', () => {
  let refusals: (() => void)[];

  function refuseByHand(side: TrustSide): void {
    refusals = [];
    side.storage.commit = async () =>
      new Promise((_resolve, reject) => {
        refusals.push(() => {
          reject(new StoreError('disk full'));
        });
      });
  }

  async function refuse(...changes: Promise<unknown>[]): Promise<void> {
    for (const [i, change] of changes.entries()) {
      refusals[i]?.();
      await expect(change).rejects.toMatchObject({ name: 'StoreError' });
    }
  }

  test('end trust that has learned something since, and say so', async () => {
    await alice.trust.ask(bob.identity.chain, 'hello');
    await carry(alice, bob);
    await bob.trust.approve(alice.key);
    const acceptance = owed(bob, alice);
    refuseByHand(alice);
    const accepted = alice.trust.hear(bob.identity.chain, acceptance);
    const denied = alice.trust.denyHostname(bob.key);
    await refuse(accepted, denied);
    expect(alice.stateOf(bob)).toBe('asked');
    expect(alice.events.slice(1)).toEqual([
      'asked > trusted: accepted by the other side',
      'trusted > asked: the change could not be written to disk',
    ]);
  });

  test('are told once, when none is in force any more', async () => {
    await alice.trust.ask(bob.identity.chain, 'hello');
    refuseByHand(bob);
    const asked = carry(alice, bob);
    const approved = bob.trust.approve(alice.key);
    const revoked = bob.trust.revoke(alice.key);
    const askedBack = bob.trust.ask(alice.identity.chain, '');
    await refuse(asked, approved, revoked, askedBack);
    expect(bob.store.get(alice.key)).toBeUndefined();
    expect(bob.events).toEqual([
      'none > pending: asked for trust',
      'pending > trusted: approved',
      'trusted > none: revoked',
      'none > asked: ',
      'asked > none: the change could not be written to disk',
    ]);
  });
});

test('a request that the disk refuses again and again is none of many', async () => {
  await alice.trust.ask(bob.identity.chain, 'hello');
  const request = owed(alice, bob);
  bob.storage.isFull = true;
  for (let i = 0; i < 2 * SETTINGS.requestsPerSourceHour; i++) {
    await expect(bob.trust.hear(alice.identity.chain, request)).rejects.toMatchObject({
      name: 'StoreError',
    });
  }
  bob.storage.isFull = false;
  await bob.trust.hear(alice.identity.chain, request);
  expect(bob.stateOf(alice)).toBe('pending');
  expect(bob.drops).toEqual([]);
});
