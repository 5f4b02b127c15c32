import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

import { ByteReader } from '../../../src/base/byte-reader.ts';
import { ByteWriter } from '../../../src/base/byte-writer.ts';
import type { Endpoint } from '../../../src/base/endpoint.ts';

const PCP = 2;
const OUTER_IP = [203, 0, 113, 7];
/** A gateway has its own idea of which port is free. */
export const PORT_SHIFT = 1000;

export interface FakeGatewayOptions {
  readonly speaks: 'nat-pmp' | 'pcp' | 'nothing';
  readonly refusesWith?: number;
  /** So many requests get lost. */
  readonly loses?: number;
  /** Sent before each answer. */
  readonly rubbish?: readonly Uint8Array[];
}

/** A gateway on loopback that maps UDP ports by NAT-PMP or PCP. */
export class FakeGateway {
  /** Inner port by what it was asked last: the lifetime in seconds. */
  readonly leases = new Map<number, number>();
  requests = 0;
  readonly #socket: Socket;
  readonly #options: FakeGatewayOptions;

  static async start(options: FakeGatewayOptions): Promise<FakeGateway> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new FakeGateway(socket, options);
  }

  private constructor(socket: Socket, options: FakeGatewayOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on('message', (request, from) => {
      this.requests += 1;
      if (options.speaks === 'nothing' || this.requests <= (options.loses ?? 0)) return;
      for (const bytes of options.rubbish ?? []) socket.send(bytes, from.port, from.address);
      socket.send(this.#answer(request), from.port, from.address);
    });
  }

  get endpoint(): Endpoint {
    return { host: '127.0.0.1', port: this.#socket.address().port };
  }

  close(): void {
    this.#socket.close();
  }

  #answer(request: Uint8Array): Uint8Array {
    const isPcp = request[0] === PCP;
    if (isPcp && this.#options.speaks === 'nat-pmp') {
      // Unsupported version, in the older protocol's form (RFC 6886, 3.5).
      return new ByteWriter().u8(0).u8(0x81).u16(1).u32(1).finish();
    }
    return isPcp ? this.#answerPcp(request) : this.#answerNatPmp(request);
  }

  #answerNatPmp(request: Uint8Array): Uint8Array {
    const reader = new ByteReader(request);
    reader.u8();
    const op = reader.u8();
    const head = new ByteWriter()
      .u8(0)
      .u8(op | 0x80)
      .u16(this.#options.refusesWith ?? 0)
      .u32(77);
    if (op === 0) return head.bytes(Uint8Array.from(OUTER_IP)).finish();
    reader.u16();
    const [inner, outer, lifetime] = [reader.u16(), reader.u16(), reader.u32()];
    this.leases.set(inner, lifetime);
    return head.u16(inner).u16(this.#outerPort(outer, lifetime)).u32(lifetime).finish();
  }

  #answerPcp(request: Uint8Array): Uint8Array {
    const reader = new ByteReader(request);
    reader.u32();
    const lifetime = reader.u32();
    reader.bytes(16);
    const nonceAndProtocol = reader.bytes(16);
    const [inner, outer] = [reader.u16(), reader.u16()];
    this.leases.set(inner, lifetime);
    return new ByteWriter()
      .u8(PCP)
      .u8(0x81)
      .u8(0)
      .u8(this.#options.refusesWith ?? 0)
      .u32(lifetime)
      .u32(77)
      .bytes(new Uint8Array(12))
      .bytes(nonceAndProtocol)
      .u16(inner)
      .u16(this.#outerPort(outer, lifetime))
      .bytes(Uint8Array.from([...new Uint8Array(10), 0xff, 0xff, ...OUTER_IP]))
      .finish();
  }

  #outerPort(wished: number, lifetime: number): number {
    return lifetime === 0 ? 0 : wished + PORT_SHIFT;
  }
}
