import { SecretKey } from '../../../src/identity/secret-key.ts';
import { decodeNodeMessage, encodeRelayMessage } from '../../../src/relay/control.ts';
import type {
  Challenge,
  NodeMessage,
  RelayMessage,
  WelcomeLimits,
} from '../../../src/relay/control-message.ts';
import type { Dial, DialedSocket, DialHandlers } from '../../../src/relay/dial.ts';
import { checkLogin, makeChallenge, makeWelcome } from '../../../src/relay/login.ts';
import { FRAME, FRAME_LIMIT } from '../../../src/relay/protocol.ts';
import { RelayError, type RelayErrorCode } from '../../../src/relay/relay-error.ts';
import { seededRandom } from '../../support/seeded-random.ts';

/** The relay's end of one dialled connection, moved by the test. */
export class MemoryConnection implements DialedSocket {
  bufferedBytes = 0;
  isEnded = false;
  readonly messages: NodeMessage[] = [];
  readonly frames: Uint8Array[] = [];
  readonly #handlers: DialHandlers;
  readonly #relay: MemoryRelay;
  #challenge: Challenge | undefined;

  constructor(relay: MemoryRelay, handlers: DialHandlers) {
    this.#relay = relay;
    this.#handlers = handlers;
  }

  send(frame: Uint8Array): void {
    if (this.isEnded) return;
    if (frame[0] !== FRAME.control) {
      this.frames.push(frame);
      return;
    }
    const message = decodeNodeMessage(frame);
    if (message === undefined) return;
    this.messages.push(message);
    if (message.t === 'ping' && this.#relay.answersPings) {
      this.say({ t: 'reply', n: message.n, code: 'ok' });
    }
  }

  close(): void {
    this.end({ closeCode: 1000, reason: '' });
  }

  terminate(): void {
    this.end({ closeCode: 1006, reason: '' });
  }

  end(end: Parameters<DialHandlers['ended']>[0]): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.#handlers.ended(end);
  }

  fail(code: RelayErrorCode): void {
    this.end({ error: new RelayError(code, `it is ${code}`) });
  }

  say(message: RelayMessage): void {
    this.frame(encodeRelayMessage(message));
  }

  frame(frame: Uint8Array): void {
    if (!this.isEnded) this.#handlers.frame(frame);
  }

  challenge(change: Partial<Challenge> = {}): void {
    this.#handlers.opened();
    const { secret, random } = this.#relay;
    this.#challenge = { ...makeChallenge(secret.publicKey, random), ...change };
    this.say(this.#challenge);
  }

  /** Answers the login as a relay would; `secret` may be another's. */
  welcome(secret: SecretKey = this.#relay.secret): void {
    const challenge = this.#challenge;
    const login = this.messages.find((message) => message.t === 'login');
    if (challenge === undefined || login?.t !== 'login') throw new Error('no login yet');
    const verdict = checkLogin(challenge, login);
    if ('refused' in verdict) throw new Error(verdict.refused);
    const told = { limits: this.#relay.limits, stunPort: this.#relay.stunPort, timeMs: 1 };
    this.say(makeWelcome({ secret, challenge }, { chain: verdict.chain, login }, told));
  }

  accept(): void {
    this.challenge();
    this.welcome();
  }

  /** What the node said, by type. */
  said<T extends NodeMessage['t']>(t: T): Extract<NodeMessage, { t: T }>[] {
    return this.messages.filter((message): message is Extract<NodeMessage, { t: T }> => {
      return message.t === t;
    });
  }
}

/** A relay without a network: each dial is a connection that the test moves. */
export class MemoryRelay {
  readonly secret: SecretKey;
  readonly random = seededRandom(77);
  readonly connections: MemoryConnection[] = [];
  answersPings = true;
  limits: WelcomeLimits = { frameBytes: FRAME_LIMIT.min, bodyBytes: 9000, watch: 100 };
  stunPort: number | undefined;

  constructor(seed = 1) {
    this.secret = SecretKey.generate(seededRandom(seed));
  }

  readonly dial: Dial = (_target, handlers) => {
    const connection = new MemoryConnection(this, handlers);
    this.connections.push(connection);
    return connection;
  };

  get last(): MemoryConnection {
    const connection = this.connections.at(-1);
    if (connection === undefined) throw new Error('nobody dialled');
    return connection;
  }
}
