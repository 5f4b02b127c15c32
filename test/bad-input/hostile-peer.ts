import type { Clock } from '../../src/base/clock.ts';
import type { RandomBytes } from '../../src/base/random.ts';
import type { Identity } from '../../src/identity/identity.ts';
import type { KeyChain } from '../../src/identity/key-chain.ts';
import { FRAME } from '../../src/session/frame.ts';
import { Initiator } from '../../src/session/initiator.ts';
import { PACKET } from '../../src/session/packet.ts';
import type { Epoch } from '../../src/session/session-keys.ts';

export interface HostilePeerDeps {
  readonly identity: Identity;
  readonly victim: KeyChain;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly send: (packet: Uint8Array) => void;
}

/**
 * The other end of a session, with all its keys and none of its manners: it makes the handshake as it
 * should, and then seals whatever it is told to.
 */
export class HostilePeer {
  /** The last initiation that went out. */
  initiation: Uint8Array = new Uint8Array();
  /** The bodies of reliable frames so far: the next one's number. */
  sequence = 0;
  readonly #deps: HostilePeerDeps;
  readonly #initiator: Initiator;
  #epoch: Epoch | undefined;

  constructor(deps: HostilePeerDeps) {
    this.#deps = deps;
    this.#initiator = new Initiator({
      ...{ clock: deps.clock, random: deps.random },
      identity: () => deps.identity,
      send: (packet) => {
        this.initiation = Uint8Array.from(packet);
        deps.send(packet);
      },
      onTimeout: () => undefined,
    });
  }

  get isOpen(): boolean {
    return this.#epoch !== undefined;
  }

  /** Begins a session; it is open once the answer has come. */
  open(): void {
    this.#epoch = undefined;
    this.sequence = 0;
    this.#initiator.start({
      ...{ remote: this.#deps.victim, rekey: false, early: [] },
      ...{ session: this.#deps.random(16), windowBytes: 2 ** 20, timeoutMs: 5000 },
    });
  }

  /** What the victim sent. */
  receive(packet: Uint8Array): void {
    if (packet[0] !== PACKET.response) return;
    const outcome = this.#initiator.response(Buffer.from(packet));
    if (typeof outcome === 'string' || outcome.kind === 'refused') {
      throw new Error(`no session: ${JSON.stringify(outcome)}`);
    }
    this.#epoch = outcome.epoch;
    // The victim counts a session only once it has seen a packet under its keys.
    this.#deps.send(this.seal(frame(FRAME.ping, new Uint8Array(8))));
  }

  /** Sealed as it is, and authentic whatever it holds. */
  seal(...plaintext: Uint8Array[]): Uint8Array {
    if (this.#epoch === undefined) throw new Error('the session is not open');
    const length = plaintext.reduce((sum, part) => sum + part.length, 0);
    return this.#epoch.send.seal(plaintext, length);
  }

  /** A message that is all right. */
  sealMessage(body: Uint8Array): Uint8Array {
    return this.seal(reliable(FRAME.message, this.sequence++, body));
  }

  sendMessage(body: Uint8Array): void {
    this.#deps.send(this.sealMessage(body));
  }

  stop(): void {
    this.#initiator.cancel();
  }
}

/** type, length, body, as src/session/frame.ts has it; `length` may lie. */
export function frame(type: number, body: Uint8Array, length = body.length): Uint8Array {
  const bytes = Buffer.alloc(5 + body.length);
  bytes[0] = type;
  bytes.writeUInt32BE(length, 1);
  bytes.set(body, 5);
  return bytes;
}

export function reliable(type: number, sequence: number, body: Uint8Array): Uint8Array {
  const numbered = Buffer.alloc(8 + body.length);
  numbered.writeBigUInt64BE(BigInt(sequence));
  numbered.set(body, 8);
  return frame(type, numbered);
}
