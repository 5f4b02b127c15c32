/**
 * What is said about a stream of events, as the payload of a frame without a topic: a CBOR map, `k` says which.
 *
 *     to a broker, first      subscribe  t: filter            events from now on
 *                             retained   t: filter            the last ones, and the end
 *                             publish                         events follow
 *                             durable    t: filter, id: 16 B  events come as messages of this correlation id
 *                             forget     id: 16 B             they do no more
 *     to a broker, later      retain                          keep the next event for those who come later
 *     from a broker           ok         n: so many retained events follow; durable: 1 when it was known
 *                             taken      s: of each event since the last time, how many got it
 *                             dropped    n: events this reader was too slow for
 *     daemon to its programs  gap                             the broker was not reachable: something may be missing
 *     programs to the daemon  ack        n: so many events are done with
 *
 * Unknown members and unknown kinds are skipped.
 */
import { encodeCbor } from '../base/cbor.ts';
import { CborFields } from '../base/cbor-fields.ts';
import { WireError } from '../base/wire-error.ts';
import { encodeEvent, MAX_TOPIC_BYTES } from './event-frame.ts';

export type EventControl =
  | { readonly kind: 'subscribe' | 'retained'; readonly filter: string }
  | { readonly kind: 'durable'; readonly filter: string; readonly id: Uint8Array }
  | { readonly kind: 'forget'; readonly id: Uint8Array }
  | { readonly kind: 'publish' | 'retain' | 'gap' }
  | { readonly kind: 'ok' | 'dropped' | 'ack'; readonly count: number }
  | { readonly kind: 'taken'; readonly subscribers: readonly number[] };

export const SUBSCRIPTION_ID_BYTES = 16;
/** Events that one `taken` speaks of. */
export const MAX_TAKEN = 4096;
/** A `taken` in full; everything else is shorter. */
const MAX_CONTROL_BYTES = 64 * 1024;

/** The whole frame. */
export function encodeControl(control: EventControl): Buffer {
  return encodeEvent('', encodeCbor(membersOf(control)));
}

function membersOf(control: EventControl): object {
  const { kind } = control;
  switch (kind) {
    case 'subscribe':
    case 'retained':
      return { k: kind, t: control.filter };
    case 'durable':
      return { k: kind, t: control.filter, id: control.id };
    case 'forget':
      return { k: kind, id: control.id };
    case 'publish':
    case 'retain':
    case 'gap':
      return { k: kind };
    case 'ok':
    case 'dropped':
    case 'ack':
      return { k: kind, n: control.count };
    case 'taken':
      return { k: kind, s: control.subscribers };
  }
}

const DECODERS: Readonly<Record<EventControl['kind'], (fields: CborFields) => EventControl>> = {
  subscribe: (fields) => ({ kind: 'subscribe', filter: filterOf(fields) }),
  retained: (fields) => ({ kind: 'retained', filter: filterOf(fields) }),
  durable: (fields) => ({ kind: 'durable', filter: filterOf(fields), id: idOf(fields) }),
  forget: (fields) => ({ kind: 'forget', id: idOf(fields) }),
  publish: () => ({ kind: 'publish' }),
  retain: () => ({ kind: 'retain' }),
  gap: () => ({ kind: 'gap' }),
  ok: (fields) => ({ kind: 'ok', count: fields.count('n') }),
  dropped: (fields) => ({ kind: 'dropped', count: fields.count('n') }),
  ack: (fields) => ({ kind: 'ack', count: fields.count('n') }),
  taken: (fields) => ({ kind: 'taken', subscribers: countsOf(fields) }),
};

/** Of a later release: undefined. WireError for what is malformed. */
export function decodeControl(payload: Buffer): EventControl | undefined {
  if (payload.length > MAX_CONTROL_BYTES) throw new WireError('a control frame is too long');
  const fields = CborFields.decode(payload);
  const kind = fields.text('k', {});
  return Object.hasOwn(DECODERS, kind) ? DECODERS[kind as EventControl['kind']](fields) : undefined;
}

function filterOf(fields: CborFields): string {
  return fields.text('t', { atMost: MAX_TOPIC_BYTES });
}

function idOf(fields: CborFields): Uint8Array {
  return fields.bytes('id', { exactly: SUBSCRIPTION_ID_BYTES });
}

function countsOf(fields: CborFields): number[] {
  return fields.list('s', { atMost: MAX_TAKEN }).map((count) => {
    if (typeof count === 'number' && Number.isSafeInteger(count) && count >= 0) return count;
    throw new WireError('s is no list of whole numbers');
  });
}
