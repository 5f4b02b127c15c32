import { randomBytes } from 'node:crypto';

import { systemClock } from '../../src/base/system-clock.ts';
import { type AppMessage, encodeAppMessage } from '../../src/daemon/messages/app-message.ts';
import { decodeAppMessage } from '../../src/daemon/messages/app-message.ts';
import { newUuid } from '../../src/daemon/messages/uuid-bytes.ts';
import { nextNodeNumber } from '../../src/identity/address.ts';
import { Identity } from '../../src/identity/identity.ts';
import { KeyChain } from '../../src/identity/key-chain.ts';
import { decodeNodeId } from '../../src/identity/node-id.ts';
import { encodeNodeRecord } from '../../src/identity/node-record.ts';
import { RelayClient } from '../../src/relay/client.ts';
import { dialWebSocket } from '../../src/relay/dial-websocket.ts';
import { RelayError } from '../../src/relay/relay-error.ts';
import { openEnvelope, sealEnvelope } from '../../src/session/envelope.ts';
import { eventually } from '../support/processes.ts';

/** A node of a relay's that says to another what it likes, in envelopes of its own making. */
export class Outsider {
  readonly identity = Identity.create(randomBytes, Date.now());
  readonly client: RelayClient;
  /** What came back in envelopes. */
  readonly answers: AppMessage[] = [];
  readonly #victim: KeyChain;

  constructor(relayUrl: string, victimId: string) {
    this.#victim = KeyChain.start(decodeNodeId(victimId));
    const { identity } = this;
    this.client = new RelayClient({
      ...{ url: relayUrl, identity, clock: systemClock, random: randomBytes },
      dial: dialWebSocket,
    });
    this.client.on('envelope', ({ body, from, id }) => {
      const items = openEnvelope(identity, body).items.map(decodeAppMessage);
      this.answers.push(...items.filter((item) => item !== undefined));
      this.client.taken(from, id);
    });
  }

  get victim(): KeyChain {
    return this.#victim;
  }

  async logIn(): Promise<this> {
    this.client.start();
    await eventually(
      'the outsider is logged in',
      () => this.client.state === 'online' || undefined,
    );
    return this;
  }

  /** Sealed for the victim, or for somebody else. */
  seal(
    items: readonly Uint8Array[],
    { identity = this.identity, recipient = this.#victim } = {},
  ): Uint8Array {
    return sealEnvelope({ identity, recipient, items, nowMs: Date.now(), random: randomBytes });
  }

  /** Into the victim's mailbox, whatever it is; as soon as the relay lets it, which limits each sender. */
  async put(body: Uint8Array): Promise<void> {
    const to = this.#victim.firstKey;
    const expiresAtMs = Date.now() + 60_000;
    const envelope = { to, id: randomBytes(16), body, expiresAtMs };
    await eventually('the relay takes an envelope', async () => {
      try {
        await this.client.put(envelope);
        return true;
      } catch (error) {
        if (error instanceof RelayError && error.code === 'rate_limited') return undefined;
        throw error;
      }
    });
  }

  async stop(): Promise<void> {
    await this.client.stop();
  }
}

export function requestOf(
  identity: Identity,
  { why = 'please', atMs = Date.now(), record = recordOf(identity) } = {},
): Uint8Array {
  return encodeAppMessage({ kind: 'request', record, why, atMs });
}

export function recordOf(identity: Identity, hostname = ''): Uint8Array {
  const addressCounter = nextNodeNumber(identity.firstKey)?.counter ?? 0;
  const fields = { addressCounter, hostname, relays: [], issuedAtMs: Date.now() };
  return encodeNodeRecord(identity, fields);
}

export function messageOf(
  changes: Partial<Extract<AppMessage, { kind: 'message' }>> = {},
): Uint8Array {
  const id = newUuid(systemClock, randomBytes);
  return encodeAppMessage({
    ...{ kind: 'message', id, correlationId: id, replyTo: '', type: 'text', run: 1 },
    payload: new TextEncoder().encode('hello'),
    ...{ sentAtMs: Date.now(), expiresAtMs: Date.now() + 60_000 },
    ...changes,
  });
}
