/**
 *                    login passes                           closed, cut, displaced
 *     [challenged] ───────────────> [logged in] ─────────────────────────────────> [closed]
 *          │  login refused, malformed, 5 s over                                       ▲
 *          └───────────────────────────────────────────────────────────────────────────┘
 */
import type { Duplex } from 'node:stream';

import type { WebSocket } from 'ws';

import type { Cancel } from '../base/clock.ts';
import { describeError } from '../base/pilot-error.ts';
import type { RandomBytes } from '../base/random.ts';
import { WireError } from '../base/wire-error.ts';
import type { KeyChain } from '../identity/key-chain.ts';
import type { SecretKey } from '../identity/secret-key.ts';
import { decodeNodeMessage, encodeRelayMessage } from './control.ts';
import type { Challenge, ErrorCode, Login, RelayMessage } from './control-message.ts';
import { FlowMeter } from './flow-meter.ts';
import { HeldReads } from './held-reads.ts';
import { maxBodyBytes } from './limits.ts';
import { LoggedInNode, type LoggedInNodeDeps } from './logged-in-node.ts';
import { makeChallenge, makeWelcome } from './login.ts';
import { type LoginGateDeps, passGate } from './login-gate.ts';
import { CLOSE, FRAME } from './protocol.ts';
import type { SourceSlot } from './sources.ts';

export interface ConnectionDeps extends LoggedInNodeDeps, LoginGateDeps {
  readonly secret: SecretKey;
  readonly random: RandomBytes;
  /** See `Welcome.stunPort`; asked at each login. */
  readonly stunPort: () => number | undefined;
}

export interface ConnectionInput {
  readonly socket: WebSocket;
  /** What the WebSocket runs on: corked, so that one read's frames to a receiver leave in one write. */
  readonly transport: Duplex;
  readonly source: SourceSlot;
  readonly onLoggedIn: () => void;
  readonly onClosed: (connection: Connection) => void;
}

/** Between our close frame and the other side's; longer, and the connection is cut. */
const CLOSE_GRACE_MS = 2000;
/** `notice rate_limited` goes out once in this time. */
const NOTICE_PERIOD_MS = 10_000;

/** One node's WebSocket, from the challenge to its end. */
export class Connection {
  readonly #deps: ConnectionDeps;
  readonly #input: ConnectionInput;
  readonly #challenge: Challenge;
  readonly #meter: FlowMeter;
  readonly #held = new HeldReads();
  #state: 'challenged' | 'checking' | LoggedInNode | 'closed' = 'challenged';
  #heardMs: number;
  #noticedMs = -Infinity;
  #isRatePaused = false;
  #pauses = 0;
  #isCorked = false;
  #cancelClose: Cancel | undefined;

  constructor(deps: ConnectionDeps, input: ConnectionInput) {
    this.#deps = deps;
    this.#input = input;
    this.#heardMs = deps.clock.monotonic();
    this.#meter = new FlowMeter(deps.limits, this.#heardMs);
    this.#challenge = makeChallenge(deps.secret.publicKey, deps.random);
    const { socket } = input;
    socket.on('message', (data, isBinary) => {
      this.#received(data as Buffer, isBinary);
    });
    socket.on('ping', (data) => {
      this.#heard(data.length);
      // Its pong was queued past `send`.
      if (this.#isOverfull(0)) this.#cut('slow_receiver');
    });
    socket.on('pong', (data) => {
      this.#heard(data.length);
    });
    // ws closes after an error by itself, with the fitting code.
    socket.on('error', () => {
      this.#deps.counters.dropped('malformed');
    });
    socket.on('close', () => {
      this.#closed();
    });
    this.send(encodeRelayMessage(this.#challenge));
  }

  /** Sends a frame, or cuts off a receiver that does not keep up: order is kept, so nothing is left out. */
  send(frame: Uint8Array): void {
    const { socket, transport } = this.#input;
    if (socket.readyState !== socket.OPEN) return;
    if (this.#isOverfull(frame.length)) {
      this.#cut('slow_receiver');
      return;
    }
    if (!this.#isCorked) {
      this.#isCorked = true;
      transport.cork();
      process.nextTick(this.#uncork);
    }
    socket.send(this.#held.take(frame, socket.bufferedAmount));
  }

  /** Stops reading until as many `resume` calls. */
  pause(): void {
    if (this.#pauses === 0) this.#input.socket.pause();
    this.#pauses += 1;
  }

  resume(): void {
    this.#pauses -= 1;
    if (this.#pauses === 0) this.#input.socket.resume();
  }

  /** What it sent last costs as much as `frames` more. */
  charge(frames: number): void {
    this.#charge(this.#deps.clock.monotonic(), frames, 0);
  }

  /** Tells the node why, then closes. */
  end(code: ErrorCode, closeCode: number): void {
    if (this.#state === 'closed' || this.#cancelClose !== undefined) return;
    this.#deps.counters.dropped(code);
    this.#sendControl({ t: 'error', code });
    this.#close(code, closeCode);
  }

  /** The relay stops. */
  goAway(): void {
    if (this.#state === 'closed' || this.#cancelClose !== undefined) return;
    this.#sendControl({ t: 'notice', code: 'going_away' });
    this.#close('going_away', CLOSE.goingAway);
  }

  /** Called now and then: asks a silent node for a sign of life, and gives it up when none comes. */
  checkSilence(nowMs: number): void {
    const silentMs = nowMs - this.#heardMs;
    const limitMs = this.#deps.limits.maxSilenceSeconds * 1000;
    if (silentMs >= limitMs) this.#cut('silent');
    else if (silentMs >= limitMs / 2) this.#input.socket.ping();
  }

  #received(data: Buffer, isBinary: boolean): void {
    this.#heard(data.length);
    if (this.#state === 'closed' || this.#cancelClose !== undefined) return;
    try {
      if (!isBinary) throw new WireError('a text message');
      if (this.#state instanceof LoggedInNode) this.#state.receive(data);
      else this.#receivedBeforeLogin(data);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#deps.log.debug({ ...this.#name(), reason: error.message }, 'malformed frame');
      this.end('protocol', CLOSE.violation);
    }
  }

  #receivedBeforeLogin(frame: Buffer): void {
    if (frame[0] !== FRAME.control) throw new WireError('a frame before the login');
    const message = decodeNodeMessage(frame);
    if (message === undefined) return;
    if (message.t !== 'login' || this.#state !== 'challenged') {
      throw new WireError(`${message.t} before the login is through`);
    }
    this.#state = 'checking';
    if (!this.#input.source.mayLogIn()) {
      this.#refuse('rate_limited');
      return;
    }
    void this.#logIn(message);
  }

  async #logIn(login: Login): Promise<void> {
    try {
      const verdict = await passGate(this.#deps, this.#challenge, login);
      if (this.#state !== 'checking' || this.#cancelClose !== undefined) return;
      if ('refused' in verdict) this.#refuse(verdict.refused);
      else this.#admit(login, verdict.chain);
    } catch (error) {
      this.#deps.log.error({ reason: describeError(error) }, 'a login could not be checked');
      this.#refuse('unavailable');
    }
  }

  #admit(login: Login, chain: KeyChain): void {
    const { logins, secret, limits, clock, log } = this.#deps;
    const node = new LoggedInNode(this.#deps, {
      key: chain.firstKey,
      instance: login.instance,
      source: this.#input.source,
      connection: this,
    });
    const admission = logins.admit(node.login);
    if (admission === 'duplicate') {
      this.#refuse('duplicate_login');
      return;
    }
    const { maxFrameBytes: frameBytes, maxWatch: watch } = limits;
    const told = {
      limits: { frameBytes, bodyBytes: maxBodyBytes(limits), watch },
      stunPort: this.#deps.stunPort(),
      timeMs: clock.now(),
    };
    const proof = { secret, challenge: this.#challenge };
    this.#sendControl(makeWelcome(proof, { chain, login }, told));
    this.#state = node;
    this.#input.onLoggedIn();
    this.#deps.counters.loggedIn('ok');
    node.start();
    if (admission === 'admitted_duplicate') node.login.duplicateSeen();
    log.debug(this.#name(), 'node logged in');
  }

  #refuse(code: ErrorCode): void {
    this.#deps.counters.loggedIn(code);
    this.#deps.log.info({ ...this.#name(), code }, 'login refused');
    this.end(code, CLOSE.loginRefused);
  }

  #sendControl(message: RelayMessage): void {
    this.send(encodeRelayMessage(message));
  }

  #heard(bytes: number): void {
    const nowMs = this.#deps.clock.monotonic();
    this.#heardMs = nowMs;
    const { counters } = this.#deps;
    counters.framesIn += 1;
    counters.bytesIn += bytes;
    this.#charge(nowMs, 1, bytes);
  }

  #charge(nowMs: number, frames: number, bytes: number): void {
    const waitMs = this.#meter.count(nowMs, frames, bytes);
    if (waitMs === 0 || this.#isRatePaused) return;
    const { counters, clock } = this.#deps;
    this.#isRatePaused = true;
    this.pause();
    clock.after(waitMs, () => {
      this.#isRatePaused = false;
      this.resume();
    });
    if (nowMs - this.#noticedMs < NOTICE_PERIOD_MS) return;
    this.#noticedMs = nowMs;
    counters.dropped('paused');
    this.#sendControl({ t: 'notice', code: 'rate_limited' });
  }

  #isOverfull(bytes: number): boolean {
    return this.#input.socket.bufferedAmount + bytes > this.#deps.limits.maxSendBufferBytes;
  }

  readonly #uncork = (): void => {
    this.#isCorked = false;
    this.#held.readIsOver();
    this.#input.transport.uncork();
  };

  #close(code: ErrorCode, closeCode: number): void {
    this.#leave();
    const { socket } = this.#input;
    socket.close(closeCode, code);
    this.#cancelClose = this.#deps.clock.after(CLOSE_GRACE_MS, () => {
      socket.terminate();
    });
  }

  /** For receivers that would not read a reason. */
  #cut(code: 'slow_receiver' | 'silent'): void {
    if (this.#state === 'closed') return;
    this.#deps.counters.dropped(code);
    this.#deps.log.info({ ...this.#name(), code }, 'connection cut');
    this.#leave();
    this.#input.socket.terminate();
  }

  #leave(): void {
    if (this.#state instanceof LoggedInNode) this.#state.stop();
    this.#state = 'closed';
  }

  #closed(): void {
    this.#leave();
    this.#cancelClose?.();
    this.#input.onClosed(this);
  }

  #name(): object {
    const node = this.#state instanceof LoggedInNode ? { node: this.#state.nodeId } : {};
    return { address: this.#input.source.address, ...node };
  }
}
