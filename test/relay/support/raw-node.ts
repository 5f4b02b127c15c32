import { randomBytes } from 'node:crypto';

import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

import type { Identity } from '../../../src/identity/identity.ts';
import { decodeRelayMessage, encodeNodeMessage } from '../../../src/relay/control.ts';
import type {
  Challenge,
  Login,
  NodeMessage,
  RelayMessage,
} from '../../../src/relay/control-message.ts';
import { answerChallenge } from '../../../src/relay/login.ts';
import { FRAME, SUBPROTOCOL } from '../../../src/relay/protocol.ts';
import { within } from './relay-fixture.ts';

/** A node that does on the wire what a test tells it, also what no client of ours would do. */
export class RawNode {
  readonly socket: WebSocket;
  readonly frames: Uint8Array[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(relay: { readonly url: string }, options: { autoPong?: boolean } = {}) {
    this.socket = new WebSocket(relay.url, SUBPROTOCOL, { perMessageDeflate: false, ...options });
    this.socket.on('message', (data) => {
      this.frames.push(new Uint8Array(data as Buffer));
      this.#changed();
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      this.#changed();
    });
    onTestFinished(() => {
      this.socket.terminate();
    });
  }

  static async challenged(
    relay: { readonly url: string },
    options: { autoPong?: boolean } = {},
  ): Promise<{ node: RawNode; challenge: Challenge }> {
    const node = new RawNode(relay, options);
    return { node, challenge: await node.message('challenge') };
  }

  /** Logs in as `identity` and is welcome. */
  static async loggedIn(
    relay: { readonly url: string },
    identity: Identity,
    options: { autoPong?: boolean } = {},
  ): Promise<RawNode> {
    const { node, challenge } = await RawNode.challenged(relay, options);
    node.say(loginFor(challenge, identity));
    await node.message('welcome');
    return node;
  }

  say(message: NodeMessage): void {
    this.socket.send(encodeNodeMessage(message));
  }

  send(frame: Uint8Array): void {
    this.socket.send(frame);
  }

  /** The first message of that type, past or to come. */
  async message<T extends RelayMessage['t']>(t: T): Promise<Extract<RelayMessage, { t: T }>> {
    return this.#until(t, () => {
      for (const frame of this.frames) {
        const message = frame[0] === FRAME.control ? decodeRelayMessage(frame) : undefined;
        if (message?.t === t) return message as Extract<RelayMessage, { t: T }>;
      }
      return undefined;
    });
  }

  async frame(type: number): Promise<Uint8Array> {
    return this.#until(`frame ${type}`, () => this.frames.find((frame) => frame[0] === type));
  }

  async end(): Promise<{ readonly code: number; readonly reason: string }> {
    return this.#until('the end', () => this.closed);
  }

  async #until<T>(what: string, find: () => T | undefined): Promise<T> {
    return within(what, (resolve) => {
      const look = (): void => {
        const found = find();
        if (found === undefined) return;
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }

  #changed(): void {
    for (const look of [...this.#waiting]) look();
  }
}

export function loginFor(challenge: Challenge, identity: Identity): Login {
  return answerChallenge(challenge, {
    identity,
    instance: randomBytes(16),
    nonce: randomBytes(32),
  });
}
