/**
 * Echo on port 7: what comes goes back, as it comes (pilotctl interface 2.9).
 *
 *     chunk of 12 to 64 bytes:  "TRCE" 4, number 8, anything
 *     its answer:               "TRCE" 4, the same number 8, nanoseconds since the Unix epoch 8
 *
 * Longer chunks are data of somebody's who measures throughput, whatever they begin with.
 */
import { pipeline, Transform } from 'node:stream';

import type { Clock } from '../../base/clock.ts';
import type { NodePorts } from '../streams/port-calls.ts';
import type { PeerStream } from '../streams/stream-duplex.ts';
import type { Listener } from '../streams/streams.ts';
import type { Service } from './service.ts';

export const ECHO_PORT = 7;

const TRACE = Buffer.from('TRCE');
const TRACE_BYTES = TRACE.length + 8;
const MAX_TRACE_BYTES = 64;
const NS_PER_MS = 1_000_000n;

export interface EchoDeps {
  readonly ports: Pick<NodePorts, 'listen'>;
  readonly clock: Clock;
}

export class Echo implements Service {
  readonly #listener: Listener;
  readonly #open = new Set<PeerStream>();

  constructor({ ports, clock }: EchoDeps) {
    this.#listener = ports.listen(ECHO_PORT, (incoming) => {
      const stream = incoming.accept();
      if (stream === undefined) return;
      this.#open.add(stream);
      // A reset ends it as an end does: there is nobody to tell.
      pipeline(stream, answers(clock), stream, () => {
        this.#open.delete(stream);
      });
    });
  }

  stop(): void {
    this.#listener.close();
    for (const stream of this.#open) stream.abandon('shutdown');
  }
}

function answers(clock: Clock): Transform {
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      done(null, answerTo(chunk, clock));
    },
  });
}

/** A chunk is what came in one piece: a probe is written at once, and waited for before the next one. */
export function answerTo(chunk: Buffer, clock: Pick<Clock, 'now'>): Buffer {
  const isProbe =
    chunk.length >= TRACE_BYTES &&
    chunk.length <= MAX_TRACE_BYTES &&
    chunk.subarray(0, TRACE.length).equals(TRACE);
  if (!isProbe) return chunk;
  const answer = Buffer.alloc(TRACE_BYTES + 8);
  chunk.copy(answer, 0, 0, TRACE_BYTES);
  answer.writeBigUInt64BE(BigInt(clock.now()) * NS_PER_MS, TRACE_BYTES);
  return answer;
}
