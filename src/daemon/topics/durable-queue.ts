import { WireError } from '../../base/wire-error.ts';
import { decodeControl, encodeControl } from '../../client/event-control.ts';
import { EventFrameReader } from '../../client/event-frame.ts';
import type { Inbox } from '../messages/inbox.ts';
import type { InboxEntry } from '../messages/inbox-entry.ts';

/** The program that reads a durable subscription. */
export interface DurableReader {
  /** Whole frames of one message; to be acknowledged as one. */
  deliver(frames: Buffer): void;
  /** A control frame about the subscription. */
  tell(control: Buffer): void;
  /** There will be nothing more, for a reason. */
  fail(error: Error): void;
}

/** Messages that a program has and is not done with. */
const WINDOW = 64;
const WINDOW_BYTES = 4 * 2 ** 20;

/**
 * Events of one durable subscription that lie in the inbox, oldest first:
 *
 *     with the program (`underWay`) │ waiting
 *     ack: removed                  │ no room: the oldest goes, and is counted
 */
export class DurableQueue {
  readonly #inbox: Pick<Inbox, 'payloadOf' | 'remove'>;
  readonly #entries: InboxEntry[] = [];
  #underWay = 0;
  #bytes = 0;
  #reader: DurableReader | undefined;
  #hasBegun = false;
  /** What is to be told when the reader has begun. */
  #untold: Buffer[] = [];

  constructor(inbox: Pick<Inbox, 'payloadOf' | 'remove'>) {
    this.#inbox = inbox;
  }

  get size(): number {
    return this.#entries.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get reader(): DurableReader | undefined {
    return this.#reader;
  }

  push(entry: InboxEntry): void {
    this.#entries.push(entry);
    this.#bytes += entry.bytes;
  }

  /** False: all that there is is with the program. */
  dropOldest(): boolean {
    const [oldest] = this.#entries.splice(this.#underWay, 1);
    if (oldest === undefined) return false;
    this.#remove(oldest);
    return true;
  }

  /** Nobody else gets it; it gets nothing before `begin`. */
  attach(reader: DurableReader): void {
    this.#reader = reader;
    this.#hasBegun = false;
    this.#untold = [];
    this.#underWay = 0;
  }

  begin(): void {
    this.#hasBegun = true;
    for (const control of this.#untold.splice(0)) this.#reader?.tell(control);
  }

  tell(control: Buffer): void {
    if (this.#hasBegun) this.#reader?.tell(control);
    else this.#untold.push(control);
  }

  /** What it was not done with waits again. */
  detach(reader: DurableReader): void {
    if (this.#reader !== reader) return;
    this.#reader = undefined;
    this.#underWay = 0;
  }

  /** The reader is done with so many. */
  acknowledge(count: number): void {
    const done = Math.min(count, this.#underWay);
    this.#underWay -= done;
    for (const entry of this.#entries.splice(0, done)) this.#remove(entry);
  }

  /** Hands over what the reader may have; `lost` have been dropped before. True: it has been told of those. */
  pump(lost: number): boolean {
    let isTold = false;
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      this.#underWay += 1;
      const frames = framesOf(this.#inbox.payloadOf(next));
      const dropped = isTold || lost === 0 ? [] : [encodeControl({ kind: 'dropped', count: lost })];
      isTold = true;
      this.#reader?.deliver(Buffer.concat([...dropped, frames]));
    }
    return isTold;
  }

  clear(): void {
    for (const entry of this.#entries.splice(0)) this.#remove(entry);
    this.#underWay = 0;
  }

  #next(): InboxEntry | undefined {
    const next = this.#entries[this.#underWay];
    const isReady = this.#reader !== undefined && this.#hasBegun && this.#underWay < WINDOW;
    if (!isReady || next === undefined) return undefined;
    const under = this.#entries.slice(0, this.#underWay);
    const bytes = under.reduce((sum, entry) => sum + entry.bytes, next.bytes);
    return this.#underWay === 0 || bytes <= WINDOW_BYTES ? next : undefined;
  }

  #remove(entry: InboxEntry): void {
    this.#bytes -= entry.bytes;
    this.#inbox.remove(entry);
  }
}

/** What a broker sent, as far as it is well-formed: frames of events, and what it lost before. */
function framesOf(payload: Uint8Array): Buffer {
  const reader = new EventFrameReader();
  reader.push(Buffer.from(payload));
  const frames: Buffer[] = [];
  try {
    for (const frame of reader) {
      const isMeant = frame.topic !== '' || decodeControl(frame.payload)?.kind === 'dropped';
      if (isMeant) frames.push(frame.bytes);
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
  return Buffer.concat(frames);
}
