/**
 * Calls of the local API over one kept connection (docs/local-api.md, "The call stream"):
 *
 *     call ──> unsent ──one write a turn──> in flight ──────────> answered
 *      │         ^  ^                        │   │  connection broke
 *      │         │  └── once, if it was kept ┘   └─────────────> connection_failed
 *      └─ lane is full: waits for its turn
 *
 * The connection is made for the first call, and again for the next one after it broke.
 */
import { PilotError } from '../base/pilot-error.ts';
import type { CallStreamAnswer, CallStreamRequest, RouteName } from './api.ts';
import { CallConnection } from './call-connection.ts';
import { CallLane } from './call-lane.ts';
import { checkSocketPath, connectionError, errorOf, silent } from './daemon-failure.ts';
import { PendingCall } from './pending-call.ts';

export interface ApiCall {
  readonly route: RouteName;
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: object;
  readonly body?: object;
  /** How long the daemon was asked to wait before it answers; comes on top of the time limit. */
  readonly waitMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface CallStreamSettings {
  readonly socketPath: string;
  /** Calls in flight at once that wait for nobody but the daemon; more wait for their turn. */
  readonly maxCalls: number;
  /** A daemon that does not answer for this long is not there. */
  readonly timeoutMs: number;
}

/** Calls that wait for a peer never hold up others. With `MAX_CALLS`, half of what the daemon takes of one client. */
const MAX_WAITING_CALLS = 512;
const MAX_CALLS = 512;
/** What a turn brings leaves together, but not in one piece of any size. */
const WRITE_CHARS = 256 * 1024;

export class CallStream {
  readonly #settings: CallStreamSettings;
  readonly #quick: CallLane<PendingCall>;
  readonly #waiting = new CallLane<PendingCall>(MAX_WAITING_CALLS);
  #unsent = new Set<PendingCall>();
  readonly #inFlight = new Map<number, PendingCall>();
  /** Lines about calls in flight that nobody waits for any more. */
  #cancels = '';
  #connection: CallConnection | undefined;
  #lastNumber = 0;
  #pending = 0;
  #isFlushing = false;
  #isClosed = false;

  constructor(settings: CallStreamSettings) {
    this.#settings = settings;
    this.#quick = new CallLane(Math.min(settings.maxCalls, MAX_CALLS));
  }

  /** The reply. Throws `PilotError`, or the signal's reason. */
  async call({ waitMs = 0, signal, ...request }: ApiCall): Promise<unknown> {
    const { socketPath, timeoutMs } = this.#settings;
    signal?.throwIfAborted();
    checkSocketPath(socketPath);
    if (this.#isClosed) throw closed();
    const number = ++this.#lastNumber;
    const limitMs = timeoutMs + waitMs;
    const options = {
      ...{ number, signal, limitMs },
      line: `${JSON.stringify({ call: number, ...request } satisfies CallStreamRequest)}\n`,
      lane: waitMs > 0 ? this.#waiting : this.#quick,
      late: () => silent(socketPath, limitMs),
      onEnd: this.#ended,
    };
    return new Promise((resolve, reject) => {
      const call = new PendingCall({ ...options, resolve, reject });
      this.#pending += 1;
      if (call.lane.enter(call)) this.#send(call);
    });
  }

  /** Calls in flight fail, and every one from now on. */
  close(): void {
    this.#isClosed = true;
    this.#connection?.close(closed());
    // Made in this very turn, before there is a connection.
    for (const call of this.#unsent) call.reject(closed());
  }

  #send(call: PendingCall): void {
    this.#unsent.add(call);
    this.#flushSoon();
  }

  readonly #ended = (call: PendingCall): void => {
    this.#unsent.delete(call);
    if (this.#inFlight.delete(call.number)) {
      this.#cancels += `${JSON.stringify({ cancel: call.number } satisfies CallStreamRequest)}\n`;
      this.#flushSoon();
    }
    const next = call.lane.leave(call);
    if (next !== undefined) this.#send(next);
    this.#pending -= 1;
    if (this.#pending > 0) return;
    if (this.#connection?.isOpen === true) this.#connection.keepAlive(false);
    // What does not even take the upgrade is tried anew by the next call.
    else this.#connection?.close();
  };

  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    process.nextTick(() => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#unsent.size > 0) this.#connection ??= this.#connect();
    const connection = this.#connection;
    if (connection?.isWritable !== true) return;
    let text = this.#cancels;
    this.#cancels = '';
    if (this.#unsent.size > 0) connection.keepAlive(true);
    for (const call of this.#unsent) {
      if (isTooLong(call.line, connection.maxLineBytes)) {
        call.reject(tooLarge(connection.maxLineBytes));
        continue;
      }
      this.#unsent.delete(call);
      this.#inFlight.set(call.number, call);
      call.receivedBefore = connection.received;
      text += call.line;
      if (text.length < WRITE_CHARS) continue;
      if (!connection.write(text)) return;
      text = '';
    }
    if (text !== '') connection.write(text);
  }

  #connect(): CallConnection {
    const connection = new CallConnection(this.#settings.socketPath, {
      onWritable: () => {
        this.#flush();
      },
      onLine: (line) => {
        this.#answer(line);
      },
      onClose: (error) => {
        this.#broke(connection, error);
      },
    });
    return connection;
  }

  #answer(line: string): void {
    const answer = JSON.parse(line) as CallStreamAnswer;
    if (answer.call === null) {
      const failure = 'error' in answer ? answer.error : {};
      this.#connection?.close(errorOf(failure, 'the daemon refused what we wrote'));
      return;
    }
    const call = this.#inFlight.get(answer.call);
    // Given up meanwhile.
    if (call === undefined) return;
    this.#inFlight.delete(call.number);
    if ('error' in answer) call.reject(errorOf(answer.error, 'the daemon did not say why'));
    else call.resolve(answer.reply);
  }

  #broke(connection: CallConnection, error: unknown): void {
    this.#connection = undefined;
    this.#cancels = '';
    const { socketPath } = this.#settings;
    const failure = connectionError(error, socketPath);
    const broken = [...this.#inFlight.values()];
    this.#inFlight.clear();
    const isOver = this.#isClosed || !connection.wasOpen;
    const repeated = isOver ? [] : broken.filter((call) => isStale(call, connection, error));
    for (const call of repeated) call.isRepeated = true;
    this.#unsent = new Set([...repeated, ...this.#unsent]);
    for (const call of broken) if (!this.#unsent.has(call)) call.reject(failure);
    // Each that ends lets in another that waited for its turn.
    if (isOver) for (const call of this.#unsent) call.reject(failure);
    if (this.#unsent.size > 0) this.#flushSoon();
  }
}

/**
 * Whether the daemon closed a kept connection just as it was used again. Every call may be repeated
 * once: a message carries its own id.
 */
function isStale(call: PendingCall, connection: CallConnection, error: unknown): boolean {
  const wasKept = call.receivedBefore > 0;
  const isUnanswered = call.receivedBefore === connection.received;
  return wasKept && isUnanswered && !call.isRepeated && !(error instanceof PilotError);
}

function isTooLong(line: string, maxLineBytes: number): boolean {
  // A UTF-16 unit is three bytes at most; the line end does not count.
  return line.length * 3 > maxLineBytes && Buffer.byteLength(line) - 1 > maxLineBytes;
}

function tooLarge(maxLineBytes: number): PilotError {
  return new PilotError('invalid_argument', `the request is over ${maxLineBytes} bytes`, {
    hint: 'messaging.max_payload_kb in the configuration sets how much a message may hold',
  });
}

function closed(): PilotError {
  return new PilotError('connection_failed', 'this client is closed', {
    hint: 'make a new PilotClient',
  });
}
