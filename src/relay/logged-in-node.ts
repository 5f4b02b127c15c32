import { type Cancel, every } from '../base/clock.ts';
import { describeError } from '../base/pilot-error.ts';
import { WireError } from '../base/wire-error.ts';
import { encodeNodeId } from '../identity/node-id.ts';
import { byteKey } from './byte-key.ts';
import { decodeNodeMessage, encodeRelayMessage } from './control.ts';
import type { ErrorCode, NoticeCode, RelayMessage, Request } from './control-message.ts';
import { TOUCH_INTERVAL_MS } from './directory.ts';
import { EnvelopePump } from './envelope-pump.ts';
import { maxUntakenBytes } from './limits.ts';
import type { LiveLogin, LiveLogins } from './live-logins.ts';
import { CLOSE, DATA_HEADER_BYTES, FRAME } from './protocol.ts';
import { type RequestDeps, RequestHandler } from './request-handler.ts';
import { type Attachment, type Port, type Router, toUnreachable } from './router.ts';
import type { SourceSlot } from './sources.ts';

export interface LoggedInNodeDeps extends RequestDeps {
  readonly router: Router;
  readonly logins: LiveLogins;
}

export interface LoggedInNodeInput {
  readonly key: Uint8Array;
  readonly instance: Uint8Array;
  readonly source: Pick<SourceSlot, 'mayPut'>;
  readonly connection: NodeConnection;
}

/** What a logged-in node needs of its connection. */
interface NodeConnection {
  send(frame: Uint8Array): void;
  pause(): void;
  resume(): void;
  charge(frames: number): void;
  end(code: ErrorCode, closeCode: number): void;
}

/** A control message takes ten times the work of a data frame; each watched key as much as one. */
const CONTROL_COST = 9;

/** A node from its login to its end: what it sends, watches and asks for. */
export class LoggedInNode implements Port {
  readonly key: Uint8Array;
  readonly login: LiveLogin;
  readonly #deps: LoggedInNodeDeps;
  readonly #connection: NodeConnection;
  readonly #requests: RequestHandler;
  #attachment: Attachment | undefined;
  #pump: EnvelopePump | undefined;
  #cancelTouch: Cancel = () => undefined;
  #pending = 0;
  #pendingBytes = 0;
  #isPaused = false;

  constructor(deps: LoggedInNodeDeps, { key, instance, source, connection }: LoggedInNodeInput) {
    // The chain it comes from is a view into a network buffer.
    this.key = key.slice();
    this.#deps = deps;
    this.#connection = connection;
    this.#requests = new RequestHandler(deps, { key: this.key, mayPut: source.mayPut });
    this.login = {
      key: byteKey(key),
      instance: instance.slice(),
      duplicateSeen: () => {
        this.#notice('duplicate_login');
      },
      displaced: () => {
        connection.end('replaced', CLOSE.replaced);
      },
    };
  }

  get nodeId(): string {
    return encodeNodeId(this.key);
  }

  /** After the welcome was sent: what comes from others may follow now. */
  start(): void {
    const { router, mailbox, limits, clock, log, counters } = this.#deps;
    this.#attachment = router.attach(this);
    this.#touch();
    // A login may last for months.
    this.#cancelTouch = every(clock, TOUCH_INTERVAL_MS, () => {
      this.#touch();
    });
    this.#pump = new EnvelopePump({
      mailbox,
      limits: {
        maxUntakenEnvelopes: limits.maxUntakenEnvelopes,
        maxUntakenBytes: maxUntakenBytes(limits),
      },
      clock,
      log,
      recipient: this.key,
      send: ({ id, from, atMs, body }) => {
        counters.envelopesDelivered += 1;
        this.#send({ t: 'envelope', id, from, atMs, body });
      },
    });
  }

  stop(): void {
    this.#attachment?.detach();
    this.#pump?.stop();
    this.#cancelTouch();
    this.#deps.logins.release(this.login);
  }

  receive(frame: Buffer): void {
    if (frame[0] === FRAME.data) this.#forward(frame);
    else if (frame[0] === FRAME.control) this.#control(frame);
    else this.#deps.counters.dropped('unknown_frame');
  }

  deliver(frame: Buffer): void {
    const { counters } = this.#deps;
    counters.framesForwarded += 1;
    counters.bytesForwarded += frame.length;
    this.#connection.send(frame);
  }

  presence(peer: Uint8Array, online: boolean): void {
    this.#send({ t: 'presence', key: peer, online });
  }

  #forward(frame: Buffer): void {
    if (frame.length < DATA_HEADER_BYTES) throw new WireError('a DATA frame without a key');
    if (this.#attachment?.forward(frame) === true) return;
    this.#deps.counters.dropped('unreachable');
    this.#connection.send(toUnreachable(frame));
  }

  #control(frame: Buffer): void {
    this.#connection.charge(CONTROL_COST);
    const message = decodeNodeMessage(frame);
    if (message === undefined) {
      this.#deps.counters.dropped('unknown_control');
    } else if ('n' in message) {
      void this.#answer(message, frame.length);
    } else if (message.t === 'taken') {
      void this.#pump?.taken(message);
    } else if (message.t === 'watch') {
      this.#connection.charge(message.add.length + message.remove.length);
      const hadRoom = this.#attachment?.watch(message.add, message.remove) ?? true;
      if (!hadRoom) this.#notice('watch_full');
    } else {
      throw new WireError('a second login');
    }
  }

  async #answer(request: Request, bytes: number): Promise<void> {
    this.#countPending(1, bytes);
    try {
      this.#send(await this.#requests.answer(request));
    } catch (error) {
      this.#deps.log.error({ reason: describeError(error) }, 'a request could not be answered');
    } finally {
      this.#countPending(-1, -bytes);
    }
  }

  /** A node that asks faster than the store answers waits in its own line, not in our memory. */
  #countPending(requests: number, bytes: number): void {
    const { maxPendingRequests, maxPendingBytes } = this.#deps.limits;
    this.#pending += requests;
    this.#pendingBytes += bytes;
    const isTooMuch = this.#pending >= maxPendingRequests || this.#pendingBytes >= maxPendingBytes;
    if (isTooMuch === this.#isPaused) return;
    this.#isPaused = isTooMuch;
    if (isTooMuch) this.#connection.pause();
    else this.#connection.resume();
  }

  #touch(): void {
    const { clock, directory, log } = this.#deps;
    directory.touch(this.key, clock.now()).catch((error: unknown) => {
      log.error({ reason: describeError(error) }, 'the directory could not be written');
    });
  }

  #notice(code: NoticeCode): void {
    this.#send({ t: 'notice', code });
  }

  #send(message: RelayMessage): void {
    this.#connection.send(encodeRelayMessage(message));
  }
}
