import { expect, test } from 'vitest';

import { toHex } from '../../../src/base/bytes.ts';
import { RelaySet } from '../../../src/daemon/relays/relay-set.ts';
import { unreachableFrame } from '../../../src/relay/protocol.ts';
import { online, type Scene } from '../../relay/support/client-scene.ts';

const PEER = new Uint8Array(32).fill(9);
const HELD_MS = 30_000;

class Run {
  readonly scene: Scene = online();
  readonly relays = new RelaySet([this.scene.client], this.scene.clock);

  constructor() {
    this.relays.start();
    this.relays.watch([PEER]);
    this.present();
  }

  get hasRoute(): boolean {
    return this.relays.routeTo(toHex(PEER), PEER) !== undefined;
  }

  present(): void {
    this.scene.relay.last.say({ t: 'presence', key: PEER, online: true });
  }

  unreachable(): void {
    this.scene.relay.last.frame(unreachableFrame(PEER));
  }
}

test('a peer that a relay did not reach has no route there for a while, each time anew', () => {
  const run = new Run();
  expect(run.hasRoute).toBe(true);
  run.unreachable();
  expect(run.hasRoute).toBe(false);
  run.scene.clock.advance(HELD_MS / 2);
  run.present();
  expect(run.hasRoute).toBe(true);
  run.unreachable();
  run.scene.clock.advance(HELD_MS - 1);
  expect(run.hasRoute).toBe(false);
  run.scene.clock.advance(1);
  expect(run.hasRoute).toBe(true);
});

test('a relay that contradicts itself again and again leaves nothing behind', async () => {
  const run = new Run();
  const timers = run.scene.clock.pendingTimers;
  for (let i = 0; i < 1000; i++) {
    run.unreachable();
    run.present();
  }
  expect(run.scene.clock.pendingTimers).toBe(timers);
  run.unreachable();
  await run.relays.stop();
  expect(run.scene.clock.pendingTimers).toBe(0);
});
