/**
 * A UDP port of this host that leads to a port of a peer. Each program that sends to it has a flow, a virtual port
 * of this node to which the peer's service answers:
 *
 *     (address, port) ──> flow: virtual port ──> the peer's port ──> virtual port ──> (address, port)
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';

import type { Endpoint } from '../../base/endpoint.ts';
import { describeError } from '../../base/pilot-error.ts';
import { nodeIdOf } from '../names/peer-name.ts';
import {
  type Datagram,
  type DatagramBinding,
  MAX_PORT_DATAGRAM_BYTES,
} from '../streams/datagrams.ts';
import { FlowTable } from './flow-table.ts';
import type { ForwardEnd } from './forward-end.ts';
import { listenError, parseListen } from './local-address.ts';
import type { TunnelDeps } from './tunnel-deps.ts';
import type { ForwardRule } from './tunnel-rule.ts';

/** Of one forward; each is a virtual port, of which a node has 4,096. */
const MAX_FLOWS = 256;

export class UdpForward implements ForwardEnd {
  error = '';
  readonly #deps: TunnelDeps;
  readonly #rule: ForwardRule;
  readonly #endpoint: Endpoint;
  readonly #target: string;
  readonly #flows: FlowTable<DatagramBinding>;
  #socket: Socket | undefined;
  #isClosed = false;

  constructor(deps: TunnelDeps, rule: ForwardRule) {
    this.#deps = deps;
    this.#rule = rule;
    this.#endpoint = parseListen(rule.listen);
    this.#target = nodeIdOf(rule.peer);
    this.#flows = new FlowTable(deps.clock, MAX_FLOWS);
  }

  get connections(): number {
    return this.#flows.size;
  }

  get port(): number {
    return this.#socket?.address().port ?? 0;
  }

  async open(): Promise<void> {
    const { host, port } = this.#endpoint;
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (error) => {
        socket.close();
        reject(listenError(error, this.#endpoint));
      });
      socket.bind(port, host, resolve);
    });
    // Of single datagrams, such as an answer to a program that has gone.
    socket.removeAllListeners('error').on('error', () => undefined);
    socket.on('message', (bytes, from) => {
      this.#onMessage(bytes, from);
    });
    this.#socket = socket;
    // Meanwhile: the port must not stay taken.
    if (this.#isClosed) this.close();
  }

  /** For good. */
  close(): void {
    this.#isClosed = true;
    this.#flows.endAll();
    this.#socket?.close();
    this.#socket = undefined;
  }

  #onMessage(bytes: Uint8Array, { address, port }: RemoteInfo): void {
    if (bytes.length > MAX_PORT_DATAGRAM_BYTES) {
      this.#failed(`datagrams have at most ${MAX_PORT_DATAGRAM_BYTES} bytes`);
      return;
    }
    const key = `${address}/${port}`;
    const flow = this.#flows.use(key) ?? this.#newFlow(key, { host: address, port });
    if (flow === undefined) return;
    const datagram = { port: this.#rule.port, sourcePort: flow.port, bytes };
    this.#deps.ports.sendDatagram(this.#target, datagram).then(
      () => {
        this.error = '';
      },
      (error: unknown) => {
        this.#failed(describeError(error));
      },
    );
  }

  #newFlow(key: string, program: Endpoint): DatagramBinding | undefined {
    const answered = (datagram: Datagram): void => {
      // Only who was asked answers.
      const { peer, port } = this.#rule;
      if (datagram.peer !== peer || datagram.sourcePort !== port) return;
      this.#flows.use(key);
      this.#socket?.send(datagram.bytes, program.port, program.host);
    };
    try {
      const flow = this.#deps.ports.bindDatagrams(undefined, answered);
      this.#flows.add(key, flow);
      return flow;
    } catch (error) {
      this.#failed(describeError(error));
      return undefined;
    }
  }

  #failed(error: string): void {
    // Once, not for each datagram.
    if (this.error === error) return;
    this.error = error;
    const { listen, port } = this.#rule;
    const place = { kind: 'forward', place: listen, port } as const;
    const target = this.#target;
    this.#deps.failed({ ...place, target, code: 'connection_failed', message: error });
  }
}
