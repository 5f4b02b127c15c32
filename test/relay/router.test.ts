import { describe, expect, test } from 'vitest';

import { toHex } from '../../src/base/bytes.ts';
import { dataFrame } from '../../src/relay/protocol.ts';
import { type Attachment, LocalRouter, type Port } from '../../src/relay/router.ts';

const keyOf = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);

class TestPort implements Port {
  readonly key: Uint8Array;
  readonly attachment: Attachment;
  readonly got: string[] = [];
  /** As a connection whose buffer is full. */
  endsWhenTold = false;

  constructor(router: LocalRouter, fill: number) {
    this.key = keyOf(fill);
    this.attachment = router.attach(this);
  }

  deliver(frame: Buffer): void {
    this.got.push(toHex(frame));
  }

  presence(peer: Uint8Array, online: boolean): void {
    this.got.push(`${peer[0] ?? ''} ${online ? 'on' : 'off'}`);
    if (this.endsWhenTold) this.attachment.detach();
  }

  watch(...fills: number[]): boolean {
    return this.attachment.watch(fills.map(keyOf), []);
  }

  unwatch(...fills: number[]): void {
    this.attachment.watch([], fills.map(keyOf));
  }

  send(to: number, packet: number[] = [1]): boolean {
    return this.attachment.forward(Buffer.from(dataFrame(keyOf(to), Uint8Array.from(packet))));
  }
}

function scene(maxWatch = 10): { router: LocalRouter; a: TestPort; b: TestPort } {
  const router = new LocalRouter(maxWatch);
  return { router, a: new TestPort(router, 1), b: new TestPort(router, 2) };
}

describe('two that watch each other', () => {
  test('are told once, whoever is first', () => {
    const { a, b } = scene();
    a.watch(2);
    expect([a.got, b.got]).toEqual([[], []]);
    b.watch(1);
    b.watch(1);
    a.watch(2);
    expect([a.got, b.got]).toEqual([['2 on'], ['1 on']]);
  });

  test('reach each other, with the sender named', () => {
    const { a, b } = scene();
    a.watch(2);
    b.watch(1);
    expect(a.send(2, [5, 6])).toBe(true);
    expect(b.got.at(-1)).toBe(toHex(dataFrame(keyOf(1), Uint8Array.of(5, 6))));
  });

  test('meet also when the second comes later', () => {
    const { router, a } = scene();
    a.watch(3);
    const c = new TestPort(router, 3);
    c.watch(1);
    expect([a.got, c.got]).toEqual([['3 on'], ['1 on']]);
  });

  test('part when one unwatches, leaves, or leaves twice', () => {
    const { a, b } = scene();
    a.watch(2);
    b.watch(1);
    a.unwatch(2);
    a.watch(2);
    b.attachment.detach();
    b.attachment.detach();
    expect(a.got).toEqual(['2 on', '2 off', '2 on', '2 off']);
    expect(b.got).toEqual(['1 on', '1 off', '1 on']);
    expect(a.send(2)).toBe(false);
    expect(b.send(1)).toBe(false);
  });
});

describe('nothing passes', () => {
  test('to the unknown, the one-sided either way, and oneself', () => {
    const { a, b } = scene();
    a.watch(2, 1);
    expect(a.send(2)).toBe(false);
    expect(b.send(1)).toBe(false);
    expect(a.send(9)).toBe(false);
    expect(a.send(1)).toBe(false);
    expect([a.got, b.got]).toEqual([[], []]);
  });

  test('and the frame is as it was', () => {
    const { a } = scene();
    const frame = Buffer.from(dataFrame(keyOf(2), Uint8Array.of(1)));
    a.attachment.forward(frame);
    expect(toHex(frame)).toBe(toHex(dataFrame(keyOf(2), Uint8Array.of(1))));
  });
});

test('a full watch list takes no more until there is room', () => {
  const { a } = scene(2);
  expect(a.watch(5, 6)).toBe(true);
  expect(a.watch(5)).toBe(true);
  expect(a.watch(7)).toBe(false);
  a.unwatch(5);
  expect(a.watch(7)).toBe(true);
});

test('a newcomer under the same key has to wait for the old one to leave', () => {
  const { router, a } = scene();
  expect(() => new TestPort(router, 1)).toThrow('attached already');
  a.attachment.detach();
  const again = new TestPort(router, 1);
  a.attachment.detach();
  again.watch(2);
  expect(again.got).toEqual([]);
});

describe('a port that ends while it is told', () => {
  test('leaves nothing of itself behind, whichever side it is', () => {
    for (const ending of ['a', 'b'] as const) {
      const { a, b } = scene();
      const [gone, left] = ending === 'a' ? [a, b] : [b, a];
      gone.endsWhenTold = true;
      a.watch(2, 9);
      b.watch(1, 9);
      expect(left.send(gone.key[0] ?? 0)).toBe(false);
      expect(left.got.at(-1)).toBe(`${gone.key[0] ?? 0} off`);
    }
  });

  test('watches nobody any more with the rest of its list', () => {
    const { router, a, b } = scene();
    const c = new TestPort(router, 3);
    b.watch(1);
    c.watch(1);
    a.endsWhenTold = true;
    a.watch(2, 3);
    expect(c.got).toEqual([]);
    expect([b.send(1), c.send(1)]).toEqual([false, false]);
  });
});
