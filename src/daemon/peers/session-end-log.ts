import type { ClosedReason } from '../../session/closed-reason.ts';
import type { Log } from '../log/log.ts';

/** `code`: which rule of the protocol was broken. Then one of the two programs has a fault, and both logs say so. */
export function logSessionEnd(
  log: Log,
  peer: string,
  { reason, code }: { readonly reason: ClosedReason; readonly code: string | undefined },
): void {
  if (code === undefined) {
    log.debug({ peer, reason }, 'a session ended');
  } else if (reason === 'violation') {
    log.warn({ peer, reason, code }, 'a peer broke the protocol: its session was reset');
  } else {
    const told = 'a peer reset the session: it says that this node broke the protocol';
    log.warn({ peer, reason, code }, told);
  }
}
