/**
 * Streams between this node and its peers, by virtual ports:
 *
 *     dial ──> the peer's session, opened where there is none ──> OPEN ──ACCEPT──> PeerStream
 *     OPEN ──> who listens on the port? ──> its `accept` takes it or refuses it ──> PeerStream
 *                      └── nobody: connection_refused
 */
import type { Clock } from '../../base/clock.ts';
import { Deadlines } from '../../base/deadlines.ts';
import { PilotError } from '../../base/pilot-error.ts';
import type { NodeNames } from '../../client/api.ts';
import type { SessionStream, StreamHandlers } from '../../session/stream.ts';
import type { Log } from '../log/log.ts';
import type { Peer } from '../peers/peer.ts';
import { IncomingStream } from './incoming-stream.ts';
import { checkPort, PortTable } from './port-table.ts';
import { StreamCounters } from './stream-counters.ts';
import { PeerStream } from './stream-duplex.ts';
import { streamError } from './stream-error.ts';

export const DEFAULT_DIAL_MS = 30_000;

export interface DialOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  /** Which port of ours the peer sees; default: one that nobody listens on. */
  readonly sourcePort?: number | undefined;
}

/** Takes or refuses the stream, now or later; it may throw, which refuses. */
export type AcceptStream = (incoming: IncomingStream) => void;

export interface Listener {
  readonly port: number;
  /** Streams that were taken go on. */
  close(): void;
}

export interface StreamsDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly peer: (key: string) => Pick<Peer, 'open' | 'session'> | undefined;
  readonly isTrusted: (key: string) => boolean;
  readonly namesOf: (key: string) => NodeNames;
}

export class Streams {
  readonly counters = new StreamCounters();
  readonly #deps: StreamsDeps;
  readonly #deadlines: Deadlines;
  readonly #listeners = new PortTable<{ readonly accept: AcceptStream }>();
  readonly #open = new Map<number, PeerStream>();
  #lastId = 0;

  constructor(deps: StreamsDeps) {
    this.#deps = deps;
    this.#deadlines = new Deadlines(deps.clock);
  }

  /** Those that are open now, with any peer, by numbers that are never given again. */
  get open(): ReadonlyMap<number, PeerStream> {
    return this.#open;
  }

  /** How many ports are listened on. */
  get listenerCount(): number {
    return this.#listeners.size;
  }

  /**
   * A stream to a port of a trusted peer. PilotError: `connection_refused` when nothing listens there,
   * `trust_required`, `connection_failed` (offline), `not_supported` (an older release), `timeout`, `unavailable`.
   */
  async dial(peerKey: string, port: number, options: DialOptions = {}): Promise<PeerStream> {
    const { clock } = this.#deps;
    const { signal, timeoutMs = DEFAULT_DIAL_MS } = options;
    checkPort(port);
    const peer = this.#deps.peer(peerKey);
    if (peer === undefined || !this.#deps.isTrusted(peerKey)) {
      throw new PilotError('trust_required', `${this.#nameOf(peerKey)} is not trusted`, {
        hint: 'Ask for trust first: pilotctl handshake',
      });
    }
    const deadlineMs = clock.monotonic() + timeoutMs;
    await this.#deadlines.race(peer.open(timeoutMs), timeoutMs, signal);
    const sourcePort = options.sourcePort ?? this.#listeners.nextEphemeral();
    const stream = peer.session.openStream(port, sourcePort);
    const what = `port ${port} of ${this.#nameOf(peerKey)}`;
    const place = { peer: peerKey, localPort: sourcePort, remotePort: port, isOutgoing: true };
    try {
      const leftMs = Math.max(1, deadlineMs - clock.monotonic());
      const taken = accepted(stream, what, {
        make: () => this.#hold(new PeerStream(stream, place)),
        refused: (code) => {
          this.counters.reset(code);
        },
      });
      const opened = await this.#deadlines.race(taken, leftMs, signal);
      // Reset in the very packet that accepted it: its `close` has been, and nobody will hear it.
      if (opened?.errored) throw opened.errored;
      if (opened !== undefined) return opened;
    } catch (error) {
      stream.reset('cancelled');
      throw error;
    }
    stream.reset('cancelled');
    throw noAnswer(what, timeoutMs);
  }

  /** PilotError `already_exists` when somebody listens there. Without a port: one that is free. */
  listen(port: number | undefined, accept: AcceptStream): Listener {
    const holder = { accept };
    const bound = this.#listeners.bind(port, holder);
    return {
      port: bound,
      close: () => {
        this.#listeners.release(bound, holder);
      },
    };
  }

  /** A peer opened a stream. */
  receive(peer: string, stream: SessionStream): void {
    const incoming = new IncomingStream(stream, peer, {
      taken: (taken) => this.#hold(taken),
      refused: (code) => {
        this.counters.reset(code);
      },
    });
    if (!this.#deps.isTrusted(peer)) {
      incoming.refuse('trust_required');
      return;
    }
    const listener = this.#listeners.get(stream.port);
    if (listener === undefined) {
      incoming.refuse();
      return;
    }
    try {
      listener.accept(incoming);
    } catch (err) {
      this.#deps.log.warn({ err, port: stream.port }, 'a stream could not be taken');
      incoming.refuse('failed');
    }
  }

  /** As people know it. */
  #nameOf(peerKey: string): string {
    const { hostname, id } = this.#deps.namesOf(peerKey);
    return hostname === '' ? id : hostname;
  }

  #hold(stream: PeerStream): PeerStream {
    this.counters.opened(stream);
    const id = ++this.#lastId;
    stream.id = id;
    this.#open.set(id, stream);
    stream.once('close', () => {
      this.#open.delete(id);
    });
    return stream;
  }
}

/** When the peer has taken it: then `make` has to have its handlers at once, since more may come with that. */
async function accepted(
  stream: SessionStream,
  what: string,
  { make, refused }: { readonly make: () => PeerStream; readonly refused: (code: string) => void },
): Promise<PeerStream> {
  return new Promise((resolve, reject) => {
    const handlers: StreamHandlers = {
      accepted: () => {
        resolve(make());
      },
      readable: () => undefined,
      drained: () => undefined,
      reset: (reset) => {
        refused(reset.by === 'peer' ? reset.code : 'session_ended');
        reject(streamError(reset, what));
      },
    };
    stream.handlers = handlers;
  });
}

function noAnswer(what: string, timeoutMs: number): PilotError {
  return new PilotError('timeout', `${what}: no answer within ${timeoutMs} ms`, {
    hint: 'See whether it is there and by which path: pilotctl peers',
  });
}
