import type { Socket } from 'node:net';

import { describeError, PilotError } from '../../base/pilot-error.ts';
import type { TunnelFailure } from '../../client/api.ts';
import type { PeerStream } from '../streams/stream-duplex.ts';
import { joinStreams } from './join-streams.ts';
import type { TunnelDeps } from './tunnel-deps.ts';

/** A peer that is not online is told at once; this is for one whose session has to be opened first. */
const DIAL_MS = 10_000;

/** Where a connection leads. */
export interface Destination extends Pick<TunnelFailure, 'kind' | 'place' | 'target' | 'port'> {
  /** Its program has gone: no need to dial any more. */
  readonly signal?: AbortSignal;
}

/** A stream to a peer's port. PilotError as of `NodePorts.dial`; it has been told then. */
export async function dialPeer(deps: TunnelDeps, to: Destination): Promise<PeerStream> {
  const { signal, ...place } = to;
  try {
    return await deps.ports.dial(to.target, to.port, { timeoutMs: DIAL_MS, signal });
  } catch (error) {
    const shown =
      error instanceof PilotError
        ? error
        : new PilotError('internal', describeError(error), { cause: error });
    if (signal?.aborted !== true) {
      deps.failed({ ...place, code: shown.code, message: shown.message });
    }
    throw shown;
  }
}

/** Carries a program's connection to a peer's port, or resets it. Resolves with why it could not. */
export async function carry(
  deps: TunnelDeps,
  socket: Socket,
  to: Destination,
): Promise<PilotError | undefined> {
  const gone = new AbortController();
  const onClose = (): void => {
    gone.abort(new PilotError('connection_failed', 'the program hung up'));
  };
  socket.once('close', onClose);
  try {
    const stream = await dialPeer(deps, { ...to, signal: gone.signal });
    joinStreams(socket, stream);
    return undefined;
  } catch (error) {
    socket.resetAndDestroy();
    return gone.signal.aborted ? undefined : (error as PilotError);
  } finally {
    socket.off('close', onClose);
  }
}
