import type { ReadableWritablePair } from 'node:stream/web';

import { PilotError } from '../base/pilot-error.ts';
import { errorOf } from './daemon-failure.ts';
import { FramedDuplex } from './framed-duplex.ts';
import { STREAM_PEER_HEADER, STREAM_PORT_HEADER } from './stream-api.ts';
import { upgrade, type UpgradeRequest } from './upgrade.ts';
import { asError, webStreams } from './web-streams.ts';

export interface StreamEnds {
  /** Node ID of the other side, by its proved key. */
  readonly peer: string;
  readonly localPort: number;
  readonly remotePort: number;
}

/**
 * A stream with a peer: `end` finishes one half, `destroy` resets both, and `error` is a PilotError when the
 * other side, the session or the daemon ended it. Aborting the signal it was made with destroys it.
 */
export class PilotStream extends FramedDuplex implements StreamEnds {
  readonly peer: string;
  readonly localPort: number;
  readonly remotePort: number;

  constructor(
    framed: ConstructorParameters<typeof FramedDuplex>,
    { peer, localPort, remotePort }: StreamEnds,
    signal?: AbortSignal,
  ) {
    super(...framed);
    this.peer = peer;
    this.localPort = localPort;
    this.remotePort = remotePort;
    if (signal === undefined) return;
    const abort = (): void => {
      this.destroy(asError(signal.reason));
    };
    signal.addEventListener('abort', abort, { once: true });
    this.once('close', () => {
      signal.removeEventListener('abort', abort);
    });
    if (signal.aborted) abort();
  }

  /** The same as web streams; use either them or this. */
  web(): ReadableWritablePair<Uint8Array, Uint8Array> {
    return webStreams(this);
  }
}

/** Upgrades to a stream whose far port is known. */
export async function openStream(
  request: UpgradeRequest,
  remotePort: number,
): Promise<PilotStream> {
  const { socket, head, headers } = await upgrade(request);
  const ends = {
    peer: String(headers[STREAM_PEER_HEADER]),
    localPort: Number(headers[STREAM_PORT_HEADER]),
    remotePort,
  };
  const options = { head, errorOf: readFailure, cut: daemonGone, failureOf: () => '' };
  return new PilotStream([socket, options], ends, request.signal);
}

/** The error of a RESET or FAILED frame. */
export function readFailure(body: Buffer): PilotError {
  try {
    return errorOf(JSON.parse(body.toString('utf8')), 'the daemon ended the stream');
  } catch (cause) {
    return new PilotError('connection_failed', 'the daemon ended the stream', { cause });
  }
}

export function daemonGone(): PilotError {
  return new PilotError('connection_failed', 'the daemon hung up', {
    hint: 'see: pilotctl daemon status',
  });
}
