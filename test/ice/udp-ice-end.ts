import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { EventEmitter, once } from 'node:events';

import type { Endpoint } from '../../src/base/endpoint.ts';
import type { RandomBytes } from '../../src/base/random.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { type Candidate, foundationOf, priorityOf } from '../../src/ice/candidate.ts';
import type { IceRole } from '../../src/ice/check-message.ts';
import { IceAgent } from '../../src/ice/ice-agent.ts';
import type { IceReport } from '../../src/ice/ice-report.ts';
import type { SelectedPair } from '../../src/ice/ice-settings.ts';
import { decodeStunMessage, type StunMessage } from '../../src/ice/stun-message.ts';
import { StunRouter } from '../../src/ice/stun-router.ts';

/** A STUN message on the wire of one end. */
export interface Seen {
  readonly way: 'in' | 'out';
  readonly base: string;
  readonly message: StunMessage;
  readonly bytes: Uint8Array;
}

/** Our agent over UDP sockets of loopback, and everything that it sends and is sent. */
export class UdpIceEnd extends EventEmitter<{ changed: [] }> {
  readonly router = new StunRouter();
  readonly agent: IceAgent;
  readonly locals: Candidate[] = [];
  readonly selected: SelectedPair[] = [];
  readonly wire: Seen[] = [];
  failure: IceReport | undefined;
  lost: IceReport | undefined;
  /** False loses it. */
  passes: (seen: Seen) => boolean = () => true;
  readonly #sockets = new Map<string, Socket>();

  constructor(role: IceRole, random: RandomBytes = randomBytes) {
    super();
    this.agent = new IceAgent(
      {
        clock: systemClock,
        random,
        router: this.router,
        send: (bytes, base, to) => {
          this.#send(bytes, base, to);
        },
      },
      { role, settings: { allowLoopback: true } },
      {
        selected: (pair) => this.selected.push(pair),
        failed: (report) => {
          this.failure = report;
          this.emit('changed');
        },
        consentLost: (report) => {
          this.lost = report;
          this.emit('changed');
        },
      },
    );
  }

  /** One more socket and its host candidate; earlier ones are preferred. */
  async bind(base: string): Promise<Candidate> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    socket.on('message', (bytes, { address, port }) => {
      this.#receive(bytes, base, { host: address, port });
    });
    this.#sockets.set(base, socket);
    const candidate: Candidate = {
      kind: 'host',
      base,
      endpoint: { host: '127.0.0.1', port: socket.address().port },
      priority: priorityOf('host', 1000 - this.locals.length),
      foundation: foundationOf('host', base),
    };
    this.locals.push(candidate);
    this.agent.addLocal(candidate);
    return candidate;
  }

  close(): void {
    this.agent.close();
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }

  #send(bytes: Uint8Array, base: string, to: Endpoint): void {
    if (this.#mayPass('out', base, bytes)) this.#sockets.get(base)?.send(bytes, to.port, to.host);
  }

  #receive(bytes: Uint8Array, base: string, from: Endpoint): void {
    // RFC 7983: below 4 is STUN; what else comes is DTLS.
    if ((bytes[0] ?? 0xff) > 3 || !this.#mayPass('in', base, bytes)) return;
    this.router.receive(bytes, base, from);
    this.emit('changed');
  }

  #mayPass(way: Seen['way'], base: string, bytes: Uint8Array): boolean {
    const seen = { way, base, bytes, message: decodeStunMessage(bytes) };
    this.wire.push(seen);
    return this.passes(seen);
  }
}
