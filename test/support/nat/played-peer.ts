/** An agent on the open internet, 203.0.113.10:4000, whose peer, 198.51.100.1:4000, is played by the test. */
import { type Endpoint, formatEndpoint } from '../../../src/base/endpoint.ts';
import type { Candidate } from '../../../src/ice/candidate.ts';
import {
  type CheckRequest,
  createIceCredentials,
  encodeCheckRequest,
} from '../../../src/ice/check-message.ts';
import { decodeStunMessage, type StunMessage } from '../../../src/ice/stun-message.ts';
import { seededRandom } from '../seeded-random.ts';
import { SimLab } from './sim-lab.ts';
import { createCandidate, type SimPeer } from './sim-peer.ts';

export const PEER: Endpoint = { host: '198.51.100.1', port: 4000 };

export interface Sent {
  readonly message: StunMessage;
  readonly to: Endpoint;
}

export class PlayedPeer {
  readonly lab = new SimLab();
  readonly random = seededRandom(99);
  /** The played peer's credentials. */
  readonly theirs = createIceCredentials(this.random);
  /** The agent's side; what it sends goes nowhere. */
  readonly us: SimPeer;
  readonly sent: Sent[] = [];

  constructor() {
    this.us = this.lab.addPeer(this.lab.addSite('open'), { role: 'controlled' });
    this.us.onSend = (bytes, _base, to) => {
      this.sent.push({ message: decodeStunMessage(bytes), to });
      return false;
    };
    this.us.agent.addLocal(candidateAt('203.0.113.10'));
    this.us.agent.setRemote(this.theirs);
  }

  get answers(): readonly Sent[] {
    return this.sent.filter(({ message }) => message.class !== 'request');
  }

  get lastId(): Uint8Array {
    return this.sent.at(-1)?.message.transactionId ?? new Uint8Array(12);
  }

  requestsTo(endpoint: Endpoint): readonly Sent[] {
    return this.sent.filter(
      ({ message, to }) =>
        message.class === 'request' && formatEndpoint(to) === formatEndpoint(endpoint),
    );
  }

  /** A check of the peer's, as it should be but for `change`. */
  request(change: Partial<CheckRequest> = {}): Uint8Array {
    return encodeCheckRequest({
      transactionId: this.random(12),
      remote: this.us.agent.credentials,
      localUfrag: this.theirs.ufrag,
      priority: 1000,
      role: 'controlling',
      tieBreaker: this.random(8),
      nominate: false,
      ...change,
    });
  }

  receive(bytes: Uint8Array, from = PEER): void {
    this.us.router.receive(bytes, 'v4', from);
  }
}

export function candidateAt(host: string, port = 4000): Candidate {
  return createCandidate('host', 'v4', { host, port });
}
