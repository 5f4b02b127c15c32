import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';

type Callback = Parameters<LookupFunction>[2];
/** What of the system's resolver is used. */
type Lookup = (name: string, options: Parameters<LookupFunction>[1], callback: Callback) => void;

/**
 * Looks names up, each by one question at a time: whoever asks for it meanwhile shares the answer. Where nobody
 * answers, a question takes one of two threads until it gives up, long after the dial that asked: the
 * questions of its retries would pile up, and those that could be answered wait behind them.
 */
export function sharedLookup(lookup: Lookup = systemLookup): LookupFunction {
  const waiting = new Map<string, Callback[]>();
  return (name, options, callback) => {
    const key = JSON.stringify([name, options.family, options.hints, options.all, options.order]);
    const others = waiting.get(key);
    if (others !== undefined) {
      others.push(callback);
      return;
    }
    const callbacks = [callback];
    waiting.set(key, callbacks);
    lookup(name, options, (error, found: string | LookupAddress[], family) => {
      waiting.delete(key);
      for (const each of callbacks) each(error, found, family);
    });
  };
}
