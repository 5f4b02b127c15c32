/** Programs that subscribe and publish: an upgraded connection each, whose bytes are events (client/event-frame.ts). */
import type { Duplex } from 'node:stream';

import { PilotError } from '../../base/pilot-error.ts';
import { WireError } from '../../base/wire-error.ts';
import type { SubscribeQuery } from '../../client/api.ts';
import { decodeControl, encodeControl } from '../../client/event-control.ts';
import { type EventFrame, EventFrameReader } from '../../client/event-frame.ts';
import type { DurableReader } from '../topics/durable-queue.ts';
import { EventBudget } from '../topics/event-budget.ts';
import { EventOutlet } from '../topics/event-outlet.ts';
import type { NodeTopics } from '../topics/topics.ts';
import { hungUp } from './api-errors.ts';

/** What all programs together may leave unread, beside one event each. */
const MAX_WAITING_BYTES = 128 * 2 ** 20;
/** Events of one program that the broker has not taken yet; then it is not read, nor while it leaves the answers. */
const MAX_PUBLISHING = 256;
const MAX_PUBLISHING_BYTES = 16 * 2 ** 20;
/** Behind the frames of each message that is to be acknowledged. */
const MESSAGE_END = encodeControl({ kind: 'ack', count: 1 });

export class ApiTopics {
  readonly #topics: NodeTopics;
  readonly #budget = new EventBudget(MAX_WAITING_BYTES);

  constructor(topics: NodeTopics) {
    this.#topics = topics;
  }

  subscribe(query: SubscribeQuery, program: Duplex): void {
    const started =
      query.at_least_once === true ? this.#attach(query, program) : this.#subscribe(query, program);
    started.catch((error: unknown) => {
      program.destroy(error as Error);
    });
  }

  /** Answers `taken` for each event, in order. */
  publish(target: string, program: Duplex): void {
    const publishing = { events: 0, bytes: 0, hasEnded: false };
    let retain = false;
    const pace = (): void => {
      const isFull =
        publishing.events >= MAX_PUBLISHING || publishing.bytes >= MAX_PUBLISHING_BYTES;
      if (isFull || program.writableNeedDrain) program.pause();
      else if (program.isPaused()) program.resume();
    };
    const count = (events: number, bytes: number): void => {
      publishing.events += events;
      publishing.bytes += bytes;
      pace();
      if (publishing.hasEnded && publishing.events === 0) program.end();
    };
    readEvents(program, ({ topic, payload }) => {
      if (topic === '') {
        retain ||= decodeControl(payload)?.kind === 'retain';
        return;
      }
      const event = { target, topic, payload, retain };
      retain = false;
      count(1, payload.length);
      this.#topics.publish(event).then(
        (subscribers) => {
          if (program.destroyed) return;
          program.write(encodeControl({ kind: 'taken', subscribers: [subscribers] }));
          count(-1, -payload.length);
        },
        (error: unknown) => {
          program.destroy(error as Error);
        },
      );
    });
    program.on('drain', pace);
    program.once('end', () => {
      publishing.hasEnded = true;
      count(0, 0);
    });
  }

  async #subscribe(
    { target, topic, retained = false }: SubscribeQuery,
    program: Duplex,
  ): Promise<void> {
    const outlet = new EventOutlet(program, { budget: this.#budget, tells: true });
    const signal = goneWith(program);
    readEvents(program, () => undefined);
    program.once('end', () => {
      program.end();
    });
    const request = { target, topic, retained, signal };
    const leave = await this.#topics.subscribe(request, outlet);
    program.once('close', leave);
    if (program.destroyed) leave();
  }

  async #attach({ target, topic }: SubscribeQuery, program: Duplex): Promise<void> {
    let acknowledge: (count: number) => void = () => undefined;
    const signal = goneWith(program);
    readEvents(program, ({ topic: of, payload }) => {
      const control = of === '' ? decodeControl(payload) : undefined;
      if (control?.kind === 'ack') acknowledge(control.count);
    });
    program.once('end', () => {
      program.end();
    });
    const request = { target, topic, signal };
    const attached = await this.#topics.durable.attach(request, readerOf(program));
    acknowledge = (count) => {
      attached.acknowledge(count);
    };
    program.once('close', () => {
      attached.end();
    });
    if (program.destroyed) {
      attached.end();
      return;
    }
    program.write(encodeControl({ kind: 'ok', count: 0 }));
    attached.begin();
  }
}

/** Aborted when it has closed. */
function goneWith(program: Duplex): AbortSignal {
  const controller = new AbortController();
  program.once('close', () => {
    controller.abort(hungUp());
  });
  return controller.signal;
}

function readerOf(program: Duplex): DurableReader {
  const write = (bytes: Buffer): void => {
    if (!program.destroyed) program.write(bytes);
  };
  return {
    deliver: (frames) => {
      write(Buffer.concat([frames, MESSAGE_END]));
    },
    tell: write,
    fail: (error) => {
      program.destroy(error);
    },
  };
}

/** Until the program finishes its half, or says what cannot be understood. */
function readEvents(program: Duplex, take: (event: EventFrame) => void): void {
  const reader = new EventFrameReader();
  program.on('data', (piece: Buffer) => {
    reader.push(piece);
    try {
      for (const event of reader) take(event);
    } catch (error) {
      program.destroy(error instanceof WireError ? malformed(error) : (error as Error));
    }
  });
}

function malformed(cause: WireError): PilotError {
  return new PilotError('invalid_argument', `the events are malformed: ${cause.message}`, {
    hint: 'docs/protocol-events.md has the layout',
    cause,
  });
}
