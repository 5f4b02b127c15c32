import { Duplex } from 'node:stream';

import { describe, expect, test } from 'vitest';

import { FramedDuplex } from '../../src/client/framed-duplex.ts';
import { STREAM_FRAME, streamFrame, StreamFrameReader } from '../../src/client/stream-framing.ts';
import { eventually } from '../support/processes.ts';
import { seededRandom } from '../support/seeded-random.ts';

/** The other end of the socket, in frames. */
class FarEnd {
  /** What the duplex writes to and reads from. */
  readonly socket: Duplex;
  readonly frames: string[] = [];
  dataBytes = 0;
  isPaused = false;
  readonly #waiting: (() => void)[] = [];

  constructor() {
    const reader = new StreamFrameReader((kind, body) => {
      if (kind === STREAM_FRAME.data) this.dataBytes += body.length;
      const last = this.frames.at(-1);
      // Heads and pieces come apart.
      if (kind === STREAM_FRAME.data && last?.startsWith('0 ') === true) {
        this.frames[this.frames.length - 1] = `${last}${body.toString('latin1')}`;
      } else {
        this.frames.push(`${kind} ${body.toString('latin1')}`);
      }
    });
    this.socket = new Duplex({
      allowHalfOpen: true,
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        const take = (): void => {
          reader.push(chunk);
          done();
        };
        if (this.isPaused) this.#waiting.push(take);
        else take();
      },
    });
  }

  say(kind: number, body = ''): void {
    this.socket.push(streamFrame(kind, body));
  }

  goOn(): void {
    this.isPaused = false;
    for (const take of this.#waiting.splice(0)) take();
  }

  /** The socket is gone. */
  cut(): void {
    this.socket.destroy();
  }
}

const CUT = new Error('cut');

function pair(head: Buffer = Buffer.alloc(0)): { far: FarEnd; duplex: FramedDuplex } {
  const far = new FarEnd();
  const duplex = new FramedDuplex(far.socket, {
    head,
    errorOf: (body) => new Error(`reset: ${String(body)}`),
    cut: () => CUT,
    failureOf: (error) => error?.message ?? 'no reason',
  });
  return { far, duplex };
}

/** Other than `once` of Node: an error before it is no reason to give up. */
async function soon(what: Duplex, event: string): Promise<void> {
  let hasCome = false;
  what.once(event, () => {
    hasCome = true;
  });
  await eventually(`'${event}'`, () => hasCome || undefined);
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

async function textOf(duplex: FramedDuplex): Promise<string> {
  let text = '';
  for await (const chunk of duplex.iterator({ destroyOnReturn: false })) text += String(chunk);
  return text;
}

describe('both ways', () => {
  test('what is written leaves as DATA, the end as END; what comes is read up to its END', async () => {
    const { far, duplex } = pair();
    duplex.write('one ');
    duplex.write('two');
    duplex.end();
    await soon(duplex, 'finish');
    expect(far.frames).toEqual(['0 one two', '1 ']);
    far.say(STREAM_FRAME.data, 'still ');
    far.say(STREAM_FRAME.data, 'here');
    far.say(STREAM_FRAME.end);
    expect(await textOf(duplex)).toBe('still here');
    expect(duplex.errored).toBeNull();
    expect(far.frames).toEqual(['0 one two', '1 ']);
  });

  test('what came right behind the upgrade is read first', async () => {
    const { far, duplex } = pair(streamFrame(STREAM_FRAME.data, 'early, '));
    far.say(STREAM_FRAME.data, 'late');
    far.say(STREAM_FRAME.end);
    expect(await textOf(duplex)).toBe('early, late');
  });

  test('a write of megabytes goes out in frames that a head can name, and whole', async () => {
    const { far, duplex } = pair();
    const bytes = Buffer.from(seededRandom(8)(3 * 2 ** 20 + 5));
    duplex.end(bytes);
    await soon(duplex, 'finish');
    expect(far.dataBytes).toBe(bytes.length);
    expect(far.frames[0]).toBe(`0 ${bytes.toString('latin1')}`);
  });

  test('a write is done when it has left, not before', async () => {
    const { far, duplex } = pair();
    far.isPaused = true;
    let isDone = false;
    duplex.write('x', () => {
      isDone = true;
    });
    await turn();
    expect(isDone).toBe(false);
    far.goOn();
    await turn();
    expect(isDone).toBe(true);
  });

  test('who does not read stops the socket; who reads again starts it', async () => {
    const { far, duplex } = pair();
    const piece = 'x'.repeat(64 * 1024);
    for (let i = 0; i < 4; i++) far.say(STREAM_FRAME.data, piece);
    await turn();
    expect(far.socket.isPaused()).toBe(true);
    expect(duplex.readableLength).toBeLessThanOrEqual(2 * piece.length);
    far.say(STREAM_FRAME.end);
    expect(await textOf(duplex)).toHaveLength(4 * piece.length);
  });
});

describe('ends before the end', () => {
  test('a RESET is an error of its words, and is not answered', async () => {
    const { far, duplex } = pair();
    const failed = soon(duplex, 'close');
    far.say(STREAM_FRAME.data, 'half');
    far.say(STREAM_FRAME.reset, 'why');
    await failed;
    expect(duplex.errored).toMatchObject({ message: 'reset: why' });
    expect(far.frames).toEqual([]);
  });

  test('a RESET counts after END, too: the other half is still ours', async () => {
    const { far, duplex } = pair();
    far.say(STREAM_FRAME.end);
    expect(await textOf(duplex)).toBe('');
    far.say(STREAM_FRAME.reset, 'late');
    await soon(duplex, 'close');
    expect(duplex.errored).toMatchObject({ message: 'reset: late' });
  });

  test.each<[string, Error | undefined, string]>([
    ['without a reason', undefined, '2 no reason'],
    ['with an error', new Error('too much'), '2 too much'],
  ])('destroyed %s it tells the other side', async (_what, error, frame) => {
    const { far, duplex } = pair();
    duplex.destroy(error);
    await turn();
    expect(far.frames).toEqual([frame]);
    expect(far.socket.writableEnded).toBe(true);
  });

  test('destroyed after both ends it tells nothing', async () => {
    const { far, duplex } = pair();
    duplex.end();
    far.say(STREAM_FRAME.end);
    expect(await textOf(duplex)).toBe('');
    await turn();
    duplex.destroy();
    expect(far.frames).toEqual(['1 ']);
    expect(duplex.errored).toBeNull();
  });

  test('a socket that closes is a cut, unless both halves are over', async () => {
    const half = pair();
    half.far.say(STREAM_FRAME.end);
    expect(await textOf(half.duplex)).toBe('');
    half.far.cut();
    await soon(half.duplex, 'close');
    expect(half.duplex.errored).toBe(CUT);

    const whole = pair();
    whole.duplex.end();
    whole.far.say(STREAM_FRAME.end);
    expect(await textOf(whole.duplex)).toBe('');
    whole.far.cut();
    await turn();
    expect(whole.duplex.errored).toBeNull();
  });

  test('a frame that is too long for its kind ends it', async () => {
    const { far, duplex } = pair();
    const closed = soon(duplex, 'close');
    far.socket.push(Buffer.from('02ffffff', 'hex'));
    await closed;
    expect(duplex.errored).toMatchObject({ name: 'WireError' });
  });

  test('what comes behind END is dropped, and so are frames of a later release', async () => {
    const { far, duplex } = pair();
    far.say(99, 'later');
    far.say(STREAM_FRAME.data, 'kept');
    far.say(STREAM_FRAME.end);
    far.say(STREAM_FRAME.data, 'dropped');
    expect(await textOf(duplex)).toBe('kept');
    expect(duplex.errored).toBeNull();
  });
});
