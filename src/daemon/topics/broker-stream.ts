/** Streams of this node to the broker of another one. */
import type { Clock } from '../../base/clock.ts';
import { PilotError } from '../../base/pilot-error.ts';
import { decodeControl, encodeControl, type EventControl } from '../../client/event-control.ts';
import { type EventFrame, EventFrameReader } from '../../client/event-frame.ts';
import type { PeerStream } from '../streams/stream-duplex.ts';

/** How long a broker may take to answer on an open stream. */
export const ANSWER_MS = 15_000;
/** And with all that it retains, over a slow link. */
const ASK_MS = 60_000;
/** Twice what a broker of ours retains. */
const MAX_ANSWER_BYTES = 16 * 2 ** 20;

export interface BrokerStreamHandlers {
  readonly control: (control: EventControl) => void;
  readonly event: (event: EventFrame) => void;
  /** It is over; undefined: the broker ended it. Called once. */
  readonly ended: (error: Error | undefined) => void;
}

/** Says `first` and hands on what comes. */
export function followBroker(
  stream: PeerStream,
  first: EventControl,
  handlers: BrokerStreamHandlers,
): void {
  const reader = new EventFrameReader();
  stream.on('data', (piece: Buffer) => {
    reader.push(piece);
    try {
      for (const event of reader) {
        const control = event.topic === '' ? decodeControl(event.payload) : undefined;
        if (control !== undefined) handlers.control(control);
        else if (event.topic !== '') handlers.event(event);
      }
    } catch (error) {
      stream.destroy(error as Error);
    }
  });
  stream.once('end', () => {
    stream.end();
  });
  stream.once('close', () => {
    handlers.ended(explained(stream));
  });
  if (stream.closed) handlers.ended(explained(stream));
  else if (!stream.destroyed) stream.write(encodeControl(first));
}

/** A reset of the broker, by what it says. */
function explained(stream: PeerStream): Error | undefined {
  switch (stream.resetCode ?? '') {
    case 'too_many':
      return new PilotError('unavailable', 'the broker has too many subscriptions', {
        hint: 'end some of them, or subscribe to several topics at once with + or #',
      });
    case 'not_supported':
      return new PilotError('not_supported', 'the broker is of an older release', {
        hint: 'update pilotd on the other node',
      });
    default:
      return stream.errored ?? undefined;
  }
}

export interface BrokerAnswer {
  /** What its `ok` says. */
  readonly count: number;
  /** The events behind it, as whole frames. */
  readonly frames: readonly Buffer[];
}

/** Asks once, and gives the stream back. PilotError `timeout` when there is no answer in time. */
export async function askBroker(
  stream: PeerStream,
  question: EventControl,
  clock: Clock,
): Promise<BrokerAnswer> {
  const frames: Buffer[] = [];
  let bytes = 0;
  let count: number | undefined;
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ASK_MS, () => {
      stream.destroy(new PilotError('timeout', 'the broker did not answer in time'));
    });
    followBroker(stream, question, {
      control: (control) => {
        if (control.kind === 'ok') count = control.count;
      },
      event: (event) => {
        bytes += event.bytes.length;
        if (bytes > MAX_ANSWER_BYTES) stream.destroy();
        else frames.push(event.bytes);
      },
      ended: (error) => {
        cancel();
        if (count !== undefined && error === undefined) resolve({ count, frames });
        else reject(error ?? noAnswer());
      },
    });
  });
}

export function noAnswer(): PilotError {
  return new PilotError('connection_failed', 'the broker ended the stream without an answer', {
    hint: 'see the log of pilotd on the other node',
  });
}
