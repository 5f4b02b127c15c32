import { describe, expect, test } from 'vitest';

import { Epoch, PREVIOUS_KEYS_LIFE_MS, SessionKeys } from '../../src/session/session-keys.ts';
import { ManualClock } from '../support/manual-clock.ts';

const settings = { rekeyAfterMs: 600_000, rejectAfterMs: 900_000, rekeyAfterPackets: 4 };

function setUp(): { clock: ManualClock; keys: SessionKeys; epoch: (index: number) => Epoch } {
  const clock = new ManualClock();
  const epoch = (localIndex: number): Epoch =>
    new Epoch(
      { initiatorToResponder: new Uint8Array(32), responderToInitiator: new Uint8Array(32) },
      { isInitiator: true, localIndex, remoteIndex: 0, createdMs: clock.monotonic() },
    );
  return { clock, keys: new SessionKeys(clock, settings, epoch(1)), epoch };
}

describe('the keys of a session', () => {
  test('new ones seal, those before open for a minute', () => {
    const { clock, keys, epoch } = setUp();
    keys.install(epoch(2));
    expect(keys.sealing?.localIndex).toBe(2);
    expect([keys.find(1)?.localIndex, keys.find(2)?.localIndex]).toEqual([1, 2]);
    clock.advance(PREVIOUS_KEYS_LIFE_MS);
    expect([keys.find(1)?.localIndex, keys.find(2)?.localIndex]).toEqual([undefined, 2]);
  });

  test('late ones open and do not seal', () => {
    const { keys, epoch } = setUp();
    keys.installLate(epoch(3));
    expect(keys.sealing?.localIndex).toBe(1);
    expect(keys.find(3)?.localIndex).toBe(3);
  });

  test('erased ones neither seal nor open', () => {
    const { clock, keys } = setUp();
    const epoch = keys.current;
    clock.advance(900_000);
    expect([keys.current, keys.sealing, keys.find(1)]).toEqual([undefined, undefined, undefined]);
    expect(() => epoch?.send.seal([], 0)).toThrow('erased');
    expect(epoch?.receive.open(Buffer.alloc(32))).toBe('unauthentic');
    expect(clock.pendingTimers).toBe(0);
  });

  test('are due after their number of packets, and stop at twice that', () => {
    const { keys } = setUp();
    const seal = (count: number): void => {
      for (let i = 0; i < count; i++) keys.current?.send.seal([], 0);
    };
    seal(3);
    expect(keys.isRekeyDue(true)).toBe(false);
    seal(1);
    expect([keys.isRekeyDue(true), keys.isRekeyDue(false)]).toEqual([true, false]);
    seal(2);
    expect(keys.isRekeyDue(false)).toBe(true);
    expect(keys.sealing).toBeDefined();
    seal(2);
    expect(keys.sealing).toBeUndefined();
    expect(keys.find(1)).toBeDefined();
  });

  test('are due for the initiator at 10 minutes, for its peer at 12.5', () => {
    const { clock, keys } = setUp();
    clock.advance(600_000);
    expect([keys.isRekeyDue(true), keys.isRekeyDue(false)]).toEqual([true, false]);
    clock.advance(150_000);
    expect(keys.isRekeyDue(false)).toBe(true);
  });
});
