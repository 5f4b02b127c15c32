import { describe, expect, test } from 'vitest';

import { fromHex } from '../../src/base/bytes.ts';
import { Conversation } from '../../src/session/conversation.ts';
import { decodeFrames, FRAME } from '../../src/session/frame.ts';
import { ReceiveKey } from '../../src/session/packet.ts';
import { SessionCounters } from '../../src/session/session-counters.ts';
import { Epoch } from '../../src/session/session-keys.ts';
import { DEFAULT_SESSION_SETTINGS } from '../../src/session/session-settings.ts';
import { ManualClock } from '../support/manual-clock.ts';

const key = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);

/** One end alone: what it is given to read, and the frames that it sends. */
class OneEnd {
  readonly events: string[] = [];
  readonly counters = new SessionCounters();
  readonly sent: string[] = [];
  readonly conversation: Conversation;
  readonly #turns: (() => void)[] = [];

  constructor() {
    const clock = new ManualClock();
    const keys = { initiatorToResponder: key(1), responderToInitiator: key(2) };
    const names = { isInitiator: true, localIndex: 1, remoteIndex: 2, createdMs: 0 };
    const note = (what: string) => () => {
      this.events.push(what);
    };
    this.conversation = new Conversation({
      ...{ id: new Uint8Array(16), isInitiator: true, epoch: new Epoch(keys, names) },
      ...{ peerWindowBytes: 2 ** 22, peerFeatures: [], clock, counters: this.counters },
      settings: DEFAULT_SESSION_SETTINGS,
      defer: (run) => this.#turns.push(run),
      events: {
        message: note('message'),
        datagram: note('datagram'),
        stream: undefined,
        writable: note('writable'),
        wantsKeys: note('wantsKeys'),
        measured: note('measured'),
        ended: (reason) => {
          this.events.push(reason);
          this.conversation.end(reason);
        },
      },
    });
    const opener = new ReceiveKey(key(1));
    this.conversation.begin({
      ...{ kind: 'direct', maxPacketBytes: 2 ** 21 },
      send: (packet) => {
        const plaintext = opener.open(Buffer.from(packet));
        if (typeof plaintext === 'string') throw new Error(plaintext);
        this.sent.push(...decodeFrames(plaintext).map(({ type }) => type.toString(16)));
      },
    });
  }

  read(hex: string): void {
    this.conversation.receive(fromHex(hex.replaceAll(' ', '')));
    for (const run of this.#turns.splice(0)) run();
  }
}

describe('what an authentic peer must not send', () => {
  test.each([
    ['a frame that is cut off', '80 00000020 00'],
    ['an acknowledgement without its window', '01 00000008 0000000000000000'],
    ['an acknowledgement of what was never sent', '01 0000000c 0000000000000001 00000000'],
    ['a RESUME of what was never sent', '02 0000000d 01 0000000000000001 00000000'],
    ['a RESUME that ends early', '02 00000001 01'],
    ['a ping without a token', '03 00000000'],
    ['a pong without a token', '04 00000001 00'],
    ['a path ping without a token', '06 00000000'],
    ['a path pong without a token', '07 00000001 00'],
  ])('%s ends the session', (_what, hex) => {
    const end = new OneEnd();
    end.read(hex);
    expect(end.events).toEqual(['violation']);
    expect(end.counters.drops.get('bad_frame')).toBe(1);
  });

  test('what stands behind it is not read', () => {
    const end = new OneEnd();
    end.read('03 00000000  20 00000001 aa');
    expect(end.events).toEqual(['violation']);
  });
});

describe('what a later version may send', () => {
  test('frames of unknown type are skipped; reliable ones count', () => {
    const end = new OneEnd();
    end.read('1f 00000003 aabbcc  9f 00000008 0000000000000000  80 00000008 0000000000000001');
    expect(end.events).toEqual(['message']);
    expect(end.counters.drops.get('unknown_frame')).toBe(2);
  });
});

test('a flood of pings is answered in part, and counted', () => {
  const end = new OneEnd();
  end.read('03 00000008 0000000000000000'.repeat(1000));
  expect(end.sent).toEqual(Array.from({ length: 256 }, () => FRAME.pong.toString(16)));
  expect(end.counters.drops.get('rate_limited')).toBe(744);
  expect(end.events).toEqual([]);
});

test('many path pings in a packet have one answer', () => {
  const end = new OneEnd();
  end.sent.length = 0;
  end.read('06 00000008 0000000000000001 06 00000008 0000000000000002');
  expect(end.sent).toEqual(['7']);
  expect(end.events).toEqual([]);
});
