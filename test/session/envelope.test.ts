import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { utf8 } from '../../src/base/bytes.ts';
import { encodeCbor } from '../../src/base/cbor.ts';
import { WireError } from '../../src/base/wire-error.ts';
import { Identity } from '../../src/identity/identity.ts';
import { x25519FromEd25519 } from '../../src/identity/x25519.ts';
import { MAX_BATCH_ITEMS, openBatch, signBatch } from '../../src/session/batch.ts';
import {
  initiationFrom,
  MAX_ENVELOPE_BYTES,
  MAX_ENVELOPE_ITEM_BYTES,
  openEnvelope,
  sealEnvelope,
} from '../../src/session/envelope.ts';
import { IkInitiator } from '../../src/session/noise.ts';
import { noisePrologue, staticKeyPair } from '../../src/session/static-key.ts';
import { x25519KeyPair } from '../../src/session/x25519.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { text, TwoEnds, twoIdentities } from './two-ends.ts';

const [alice, bob] = twoIdentities(5);
const NOW_MS = Date.UTC(2026, 5, 1);

function seal(items: readonly Uint8Array[], from = alice, to = bob, seed = 6): Uint8Array {
  const random = seededRandom(seed);
  return sealEnvelope({ identity: from, recipient: to.chain, items, nowMs: NOW_MS, random });
}

describe('an envelope', () => {
  test('opens to what was put in, for its recipient', () => {
    const letter = openEnvelope(bob, seal([utf8('one'), utf8('two')]));
    expect(letter.items.map(text)).toEqual(['one', 'two']);
    expect(letter.sender.firstKey).toEqual(alice.firstKey);
    expect(letter.sentAtMs).toBe(NOW_MS);
    expect(letter.id).toHaveLength(16);
  });

  test('carries a rotated sender and reaches a rotated recipient', () => {
    const from = alice.rotate(seededRandom(7), 1);
    const to = bob.rotate(seededRandom(8), 1);
    const letter = openEnvelope(to, seal([utf8('x')], from, to));
    expect(letter.sender.currentKey).toEqual(from.currentKey);
    expect(letter.sender.extends(alice.chain)).toBe(true);
    expect(() => openEnvelope(bob, seal([utf8('x')], from, to))).toThrow(WireError);
  });

  test('is for nobody else', () => {
    expect(() => openEnvelope(alice, seal([utf8('x')]))).toThrow(WireError);
  });

  test('the largest one fits its limit, and no larger one is made', () => {
    const half = new Uint8Array(MAX_ENVELOPE_ITEM_BYTES / 2);
    const packet = seal([half, half]);
    expect(packet.length).toBeLessThanOrEqual(MAX_ENVELOPE_BYTES);
    expect(openEnvelope(bob, packet).items).toHaveLength(2);
    expect(() => seal([half, half, Uint8Array.of(1)])).toThrow(RangeError);
    expect(() => openEnvelope(bob, new Uint8Array(MAX_ENVELOPE_BYTES + 1))).toThrow(WireError);
  });

  test('holds at most 256 items', () => {
    const items = Array.from({ length: MAX_BATCH_ITEMS }, () => utf8('x'));
    expect(openEnvelope(bob, seal(items)).items).toHaveLength(MAX_BATCH_ITEMS);
    expect(() => seal([...items, utf8('x')])).toThrow(RangeError);
  });

  test('by somebody who has only our own key does not pass for another sender', () => {
    // With bob's secret, Noise's `ss` and `es` can be computed for any static key of a sender: this one
    // has everything right but the signature of alice.
    const thief = Identity.create(seededRandom(9), 0);
    const batch = signBatch(thief, bob.firstKey, {
      id: new Uint8Array(16),
      atMs: NOW_MS,
      items: [utf8('give me your money')],
    });
    const noise = new IkInitiator({
      prologue: noisePrologue('pilot/1 envelope', bob.firstKey),
      static: staticKeyPair(alice),
      remoteStatic: x25519FromEd25519(bob.currentKey),
      ephemeral: x25519KeyPair(seededRandom(10)(32)),
    });
    const payload = encodeCbor({ chain: alice.chain.encode(), batch });
    const packet = Buffer.concat([Uint8Array.of(5, 1, 0, 0), noise.writeMessage1(payload)]);
    expect(() => openEnvelope(bob, packet)).toThrow(/signature/);
  });

  test('every change of a byte, and every cut, is refused with WireError', () => {
    const packet = seal([utf8('one')]);
    fc.assert(
      fc.property(fc.nat(packet.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Uint8Array.from(packet);
        changed[at] = (changed[at] ?? 0) ^ flip;
        expect(() => openEnvelope(bob, changed)).toThrow(WireError);
        expect(() => openEnvelope(bob, packet.subarray(0, at))).toThrow(WireError);
      }),
    );
  });
});

describe('a batch', () => {
  const signed = signBatch(alice, bob.firstKey, {
    id: new Uint8Array(16),
    atMs: NOW_MS,
    items: [utf8('one'), new Uint8Array(0)],
  });

  test('opens for its recipient and its sender only', () => {
    expect(openBatch(signed, alice.currentKey, bob.firstKey).items.map(text)).toEqual(['one', '']);
    expect(() => openBatch(signed, bob.currentKey, bob.firstKey)).toThrow(/signature/);
    expect(() => openBatch(signed, alice.currentKey, alice.firstKey)).toThrow(/somebody else/);
  });

  test('a count above 256 is refused', () => {
    const changed = Uint8Array.from(signed);
    changed[16 + 8 + 32] = 2;
    expect(() => openBatch(changed, alice.currentKey, bob.firstKey)).toThrow(/items/);
  });

  test('random changes fail with WireError', () => {
    fc.assert(
      fc.property(
        fc.nat(signed.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.uint8Array({ maxLength: 3 }),
        (at, flip, more) => {
          const changed = Uint8Array.from([...signed, ...more]);
          changed[at] = (changed[at] ?? 0) ^ flip;
          expect(() => openBatch(changed, alice.currentKey, bob.firstKey)).toThrow(WireError);
        },
      ),
    );
  });
});

describe('who an initiation is from', () => {
  test('is known from the packet alone', () => {
    const ends = new TwoEnds();
    ends.low.session.open();
    const [packet] = ends.lowLink.sent;
    if (packet === undefined) throw new Error('nothing was sent');
    const chain = initiationFrom(ends.high.identity, packet);
    expect(chain.firstKey).toEqual(ends.low.identity.firstKey);
    expect(() => initiationFrom(ends.low.identity, packet)).toThrow(/mac1/);
    expect(() => initiationFrom(ends.high.identity, packet.subarray(0, 60))).toThrow(WireError);
    expect(() => initiationFrom(bob, seal([]))).toThrow(WireError);
  });
});
