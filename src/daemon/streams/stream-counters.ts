/** What became of this node's streams since it started, under few labels: a peer cannot make more of them. */
import type { PeerStream } from './stream-duplex.ts';

export interface StreamTotals {
  readonly open: number;
  /** By who opened them: `outgoing` (this node), `incoming`. */
  readonly opened: ReadonlyMap<string, number>;
  /** Those that were refused or did not come to their end, by the reason. */
  readonly resets: ReadonlyMap<string, number>;
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

/** Codes of the protocol (docs/protocol-session.md), and `session_ended`; what else comes is an application's. */
const REASONS: ReadonlySet<string> = new Set([
  ...['connection_refused', 'trust_required', 'too_many_streams', 'rate_limited', 'busy'],
  ...['cancelled', 'failed', 'session_ended'],
]);

export class StreamCounters {
  readonly #open = new Set<PeerStream>();
  readonly #opened = new Map<string, number>();
  readonly #resets = new Map<string, number>();
  /** Of those that are closed. */
  #bytesSent = 0;
  #bytesReceived = 0;

  get totals(): StreamTotals {
    let [bytesSent, bytesReceived] = [this.#bytesSent, this.#bytesReceived];
    for (const stream of this.#open) {
      bytesSent += stream.bytesWritten;
      bytesReceived += stream.bytesRead;
    }
    const [opened, resets] = [this.#opened, this.#resets];
    return { open: this.#open.size, opened, resets, bytesSent, bytesReceived };
  }

  /** A stream that is open from now on; counted until it closes. */
  opened(stream: PeerStream): void {
    this.#open.add(stream);
    add(this.#opened, stream.isOutgoing ? 'outgoing' : 'incoming');
    stream.once('close', () => {
      this.#open.delete(stream);
      this.#bytesSent += stream.bytesWritten;
      this.#bytesReceived += stream.bytesRead;
      if (stream.brokenBy !== undefined) this.reset(stream.brokenBy);
    });
  }

  /** One came to nothing, or was cut short. */
  reset(reason: string): void {
    add(this.#resets, REASONS.has(reason) ? reason : 'other');
  }
}

function add(counts: Map<string, number>, label: string): void {
  counts.set(label, (counts.get(label) ?? 0) + 1);
}
