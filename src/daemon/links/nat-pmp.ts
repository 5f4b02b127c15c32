/**
 * NAT-PMP (RFC 6886), what small gateways speak:
 *
 *     ask for the outer address   version 0, op 0
 *                      answered   0, 80, result 2, seconds since start 4, IPv4 address 4
 *     map UDP                     0, op 1, reserved 2, inner port 2, outer port 2, lifetime in seconds 4
 *                      answered   0, 81, result 2, seconds since start 4, inner 2, outer 2, lifetime 4
 */
import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import type { Clock } from '../../base/clock.ts';
import type { Endpoint } from '../../base/endpoint.ts';
import { askGateway } from './gateway-exchange.ts';
import type { MappingGrant, MappingWish, PortMapper } from './port-mapper.ts';

const VERSION = 0;
const ADDRESS = 0;
const MAP_UDP = 1;
const ANSWER = 0x80;

export class NatPmpMapper implements PortMapper {
  readonly #clock: Clock;
  readonly #gateway: Endpoint;

  constructor(clock: Clock, gateway: Endpoint) {
    this.#clock = clock;
    this.#gateway = gateway;
  }

  async map(wish: MappingWish, signal: AbortSignal): Promise<MappingGrant> {
    const host = await this.#ask(Uint8Array.of(VERSION, ADDRESS), signal, (body) =>
      body.bytes(4).join('.'),
    );
    const { port, lifetimeMs } = await this.#map(wish, signal);
    return { external: { host, port }, lifetimeMs };
  }

  /** Lifetime and outer port of 0 (RFC 6886, 3.4). */
  async release({ internalPort }: MappingWish, signal: AbortSignal): Promise<void> {
    await this.#map({ internalPort, externalPort: 0, lifetimeMs: 0 }, signal);
  }

  async #map(
    { internalPort, externalPort, lifetimeMs }: MappingWish,
    signal: AbortSignal,
  ): Promise<{ port: number; lifetimeMs: number }> {
    const request = new ByteWriter(12)
      .u8(VERSION)
      .u8(MAP_UDP)
      .u16(0)
      .u16(internalPort)
      .u16(externalPort)
      .u32(Math.round(lifetimeMs / 1000));
    return this.#ask(request.finish(), signal, (body) => {
      if (body.u16() !== internalPort) return undefined;
      return { port: body.u16(), lifetimeMs: body.u32() * 1000 };
    });
  }

  async #ask<T>(
    request: Uint8Array,
    signal: AbortSignal,
    readBody: (body: ByteReader) => T | undefined,
  ): Promise<T> {
    const op = request[1] ?? 0;
    return askGateway(this.#clock, this.#gateway, {
      request: () => request,
      signal,
      read: (datagram) => {
        const reader = new ByteReader(datagram);
        if (reader.u8() !== VERSION || reader.u8() !== (op | ANSWER)) return undefined;
        const result = reader.u16();
        if (result !== 0) throw new Error(`the gateway refuses with NAT-PMP code ${result}`);
        reader.u32();
        return readBody(reader);
      },
    });
  }
}
