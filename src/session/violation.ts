/**
 * What no sound peer does (docs/protocol-session.md lists them). It ends the session; the word goes to that peer
 * in CLOSE, and into the logs of both hosts.
 */
import { FRAME } from './frame.ts';

export type Violation =
  | 'malformed_frame'
  | 'bad_acknowledgement'
  | 'bad_stream_id'
  | 'unknown_stream'
  | 'stream_not_open'
  | 'window_exceeded'
  | 'data_after_end'
  | 'credit_too_large'
  | 'refusals_unread';

/** Of an unreliable frame that cannot be taken. */
export function frameViolation(type: number): Violation {
  return type === FRAME.ack || type === FRAME.resume ? 'bad_acknowledgement' : 'malformed_frame';
}
