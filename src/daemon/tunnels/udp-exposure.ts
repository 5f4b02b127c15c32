/**
 * A UDP service of this host on a virtual port. Whoever sends something from a port of its own has a flow, a
 * socket of this host whose answers go back to that port:
 *
 *     (peer, source port) ──> flow: socket connected to the service ──> (peer, source port)
 */
import { createSocket } from 'node:dgram';

import type { Endpoint } from '../../base/endpoint.ts';
import { formatEndpoint } from '../../base/endpoint.ts';
import { nodeIdOf } from '../names/peer-name.ts';
import {
  type Datagram,
  type DatagramBinding,
  MAX_PORT_DATAGRAM_BYTES,
} from '../streams/datagrams.ts';
import { type Exposure, isAllowed } from './exposure.ts';
import { FlowTable } from './flow-table.ts';
import { parseService, reasonOf } from './local-address.ts';
import type { TunnelDeps } from './tunnel-deps.ts';
import type { ExposeRule } from './tunnel-rule.ts';

/** Of one service; each is a socket. */
const MAX_FLOWS = 512;
/** Sent before the service's address is known; more are lost. */
const MAX_WAITING = 16;

export class UdpExposure implements Exposure {
  readonly rule: ExposeRule;
  error = '';
  readonly #deps: TunnelDeps;
  readonly #service: Endpoint;
  readonly #flows: FlowTable<ServiceFlow>;
  #binding: DatagramBinding | undefined;

  constructor(deps: TunnelDeps, rule: ExposeRule) {
    this.#deps = deps;
    this.rule = rule;
    this.#service = parseService(rule.to);
    this.#flows = new FlowTable(deps.clock, MAX_FLOWS);
  }

  get connections(): number {
    return this.#flows.size;
  }

  open(): void {
    this.#binding = this.#deps.ports.bindDatagrams(this.rule.port, (datagram) => {
      this.#onDatagram(datagram);
    });
  }

  close(): void {
    this.#binding?.close();
    this.#binding = undefined;
    this.#flows.endAll();
  }

  #onDatagram({ peer, sourcePort, bytes }: Datagram): void {
    if (!isAllowed(this.rule, peer)) return;
    const key = `${peer}/${sourcePort}`;
    const flow = this.#flows.use(key) ?? this.#newFlow(key, peer, sourcePort);
    flow.send(bytes);
  }

  #newFlow(key: string, peer: string, sourcePort: number): ServiceFlow {
    const target = nodeIdOf(peer);
    const flow = new ServiceFlow(this.#service, {
      answered: (bytes) => {
        this.error = '';
        this.#flows.use(key);
        const { port } = this.rule;
        // What cannot go out is lost, as datagrams are.
        const answer = { port: sourcePort, sourcePort: port, bytes };
        this.#deps.ports.sendDatagram(target, answer).catch(() => undefined);
      },
      failed: (error) => {
        // The next datagram looks for the service anew.
        if (!flow.isConnected) this.#flows.end(key);
        this.#failed(target, reasonOf(error));
      },
    });
    this.#flows.add(key, flow);
    return flow;
  }

  #failed(target: string, reason: string): void {
    const service = formatEndpoint(this.#service);
    const error = `the service ${service} of this host: ${reason}`;
    // Once, not for each datagram.
    if (this.error === error) return;
    this.error = error;
    const place = { kind: 'exposed', place: service, port: this.rule.port } as const;
    this.#deps.failed({ ...place, target, code: 'connection_failed', message: error });
  }
}

interface FlowHandlers {
  readonly answered: (bytes: Uint8Array) => void;
  readonly failed: (error: Error) => void;
}

class ServiceFlow {
  readonly #socket;
  #waiting: Uint8Array[] | undefined = [];
  #isClosed = false;

  constructor({ host, port }: Endpoint, { answered, failed }: FlowHandlers) {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    this.#socket = socket;
    // Connected: only the service's own answers come in, and a port that is closed is told.
    socket.connect(port, host);
    socket.once('connect', () => {
      const waiting = this.#waiting ?? [];
      this.#waiting = undefined;
      for (const bytes of waiting) this.send(bytes);
    });
    socket.on('error', failed);
    socket.on('message', (bytes) => {
      if (bytes.length <= MAX_PORT_DATAGRAM_BYTES) answered(bytes);
    });
  }

  /** The service's address is known. */
  get isConnected(): boolean {
    return this.#waiting === undefined;
  }

  send(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    if (this.#waiting === undefined) {
      // A failure is told by the socket's `error`; a callback would be told instead.
      this.#socket.send(bytes);
    } else if (this.#waiting.length < MAX_WAITING) {
      // What arrived is a view that is used again.
      this.#waiting.push(Uint8Array.from(bytes));
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.close();
  }
}
