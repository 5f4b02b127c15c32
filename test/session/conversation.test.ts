import { describe, expect, test } from 'vitest';

import { fromHex } from '../../src/base/bytes.ts';
import { Conversation } from '../../src/session/conversation.ts';
import { decodeFrames, FRAME } from '../../src/session/frame.ts';
import { ReceiveKey } from '../../src/session/packet.ts';
import { SessionCounters } from '../../src/session/session-counters.ts';
import { Epoch } from '../../src/session/session-keys.ts';
import { DEFAULT_SESSION_SETTINGS } from '../../src/session/session-settings.ts';
import type { SessionStream } from '../../src/session/stream.ts';
import { ManualClock } from '../support/manual-clock.ts';

const key = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);

/** One end alone: what it is given to read, and the frames that it sends. */
class OneEnd {
  readonly events: string[] = [];
  readonly counters = new SessionCounters();
  readonly sent: string[] = [];
  readonly conversation: Conversation;
  readonly #turns: (() => void)[] = [];

  constructor(stream?: (stream: SessionStream) => void) {
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
        stream,
        writable: note('writable'),
        wantsKeys: note('wantsKeys'),
        measured: note('measured'),
        ended: (reason, code) => {
          this.events.push(code === undefined ? reason : `${reason}: ${code}`);
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

  /** Frames without length and number, which are the next ones. */
  readReliable(...frames: readonly string[]): void {
    for (const [i, frame] of frames.entries()) {
      const [type = '', ...fields] = frame.split(' ');
      const body = `${i.toString(16).padStart(16, '0')}${fields.join('')}`;
      this.read(`${type} ${(body.length / 2).toString(16).padStart(8, '0')} ${body}`);
    }
  }
}

describe('what an authentic peer must not send', () => {
  test.each([
    ['a frame that is cut off', '80 00000020 00', 'malformed_frame'],
    [
      'an acknowledgement without its window',
      '01 00000008 0000000000000000',
      'bad_acknowledgement',
    ],
    [
      'an acknowledgement of what was never sent',
      '01 0000000c 0000000000000001 00000000',
      'bad_acknowledgement',
    ],
    [
      'a RESUME of what was never sent',
      '02 0000000d 01 0000000000000001 00000000',
      'bad_acknowledgement',
    ],
    ['a RESUME that ends early', '02 00000001 01', 'bad_acknowledgement'],
    ['a ping without a token', '03 00000000', 'malformed_frame'],
    ['a pong without a token', '04 00000001 00', 'malformed_frame'],
    ['a path ping without a token', '06 00000000', 'malformed_frame'],
    ['a path pong without a token', '07 00000001 00', 'malformed_frame'],
  ])('%s ends the session', (_what, hex, code) => {
    const end = new OneEnd();
    end.read(hex);
    expect(end.events).toEqual([`violation: ${code}`]);
    expect(end.counters.drops.get('bad_frame')).toBe(1);
  });

  test('what stands behind it is not read', () => {
    const end = new OneEnd();
    end.read('03 00000000  20 00000001 aa');
    expect(end.events).toEqual(['violation: malformed_frame']);
  });
});

describe('CLOSE', () => {
  test.each([
    ['empty: it is over', '05 00000000', 'peer_closed'],
    ['with the rule that we broke', '05 00000003 61 62 63', 'peer_closed: abc'],
    ['with something else, which says nothing', '05 00000003 41 0a 00', 'peer_closed'],
    ['with more than a code has', `05 00000041 ${'61'.repeat(65)}`, 'peer_closed'],
  ])('%s', (_what, hex, event) => {
    const end = new OneEnd();
    end.read(hex);
    expect(end.events).toEqual([event]);
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

describe('streams', () => {
  const ID = '0000000000000001';
  /** Reliable frames one behind the other; a stream is offered, and taken, before them. */
  const taken = (...frames: readonly string[]): OneEnd => {
    const end = new OneEnd((stream) => {
      stream.accept();
    });
    end.readReliable(`90 ${ID} 0007 c350 00010000`, ...frames);
    return end;
  };

  test.each([
    ['window_exceeded', 'bytes beyond the window', `92 ${ID} ${'00'.repeat(64 * 1024 + 1)}`],
    ['stream_not_open', 'a second ACCEPT of ours', `91 ${ID} 00010000`],
    [
      'bad_stream_id',
      'a stream of an id that we give out',
      '90 0000000000000002 0007 c350 00010000',
    ],
    ['bad_stream_id', 'the same id again', `90 ${ID} 0007 c350 00010000`],
    ['unknown_stream', 'bytes for a stream that never was', '92 0000000000000003 00'],
    ['unknown_stream', 'an end of one of ours that never was', '94 0000000000000000'],
    ['credit_too_large', 'a window that no number holds', `93 ${ID} ffffffff`],
    ['malformed_frame', 'an OPEN that ends early', '90 0000000000000003 0007'],
    ['malformed_frame', 'a code that is none', `95 ${ID} 0a`],
    ['malformed_frame', 'a code that is too long', `95 ${ID} ${'61'.repeat(65)}`],
  ])('%s: %s', (code, _what, frame) => {
    expect(taken(frame).events).toEqual([`violation: ${code}`]);
  });

  test('data_after_end: bytes after the end, and a second end', () => {
    for (const late of [`92 ${ID} 00`, `94 ${ID}`]) {
      const { events } = taken(`92 ${ID} 00`, `94 ${ID}`, late);
      expect(events).toEqual(['violation: data_after_end']);
    }
  });

  test('stream_not_open: bytes, an end and a window before the stream was taken', () => {
    for (const early of ['92 %s 00', '94 %s', '93 %s 00000001']) {
      const end = new OneEnd(() => undefined);
      end.readReliable(`90 ${ID} 0007 c350 00010000`, early.replace('%s', ID));
      expect(end.events).toEqual(['violation: stream_not_open']);
    }
  });

  test('what crosses a reset is skipped, and a later frame of unknown type too', () => {
    const end = taken(`95 ${ID} 61`, `92 ${ID} 00`, `93 ${ID} 00000001`, `94 ${ID}`, `9e ${ID}`);
    expect(end.events).toEqual([]);
  });

  test('fields behind the known ones are ignored', () => {
    expect(taken(`93 ${ID} 00000001 ffff`, `94 ${ID} ff`).events).toEqual([]);
  });

  test('streams that are refused faster than refusals can leave are a violation', () => {
    const end = new OneEnd((stream) => {
      stream.reset('connection_refused');
    });
    let frames = '';
    for (let i = 0; i < 4000; i++) {
      const id = (2 * i + 1).toString(16).padStart(16, '0');
      frames += `90 00000018 ${i.toString(16).padStart(16, '0')} ${id} 0007 c350 00010000`;
    }
    end.read(frames);
    expect(end.events).toEqual(['violation: refusals_unread']);
  });

  test('without an owner for them their frames are unknown ones', () => {
    const end = new OneEnd();
    end.read(`90 00000018 ${'0'.repeat(16)} ${ID} 0007 c350 00010000`);
    expect(end.events).toEqual([]);
    expect(end.counters.drops.get('unknown_frame')).toBe(1);
  });
});
