/**
 * The MAP request of PCP (RFC 6887, 7 and 11.1), 60 bytes both ways:
 *
 *     version 2, op 1, reserved 2        answered: 2, 81, reserved 1, result 1
 *     lifetime in seconds 4
 *     our address 16                     answered: seconds since start 4, reserved 12
 *     nonce 12, protocol 17 (UDP), reserved 3, inner port 2
 *     outer port 2, outer address 16     IPv4 mapped into IPv6
 */
import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import { equalBytes } from '../../base/bytes.ts';
import type { Clock } from '../../base/clock.ts';
import type { Endpoint } from '../../base/endpoint.ts';
import { parseIpAddress, plainHost } from '../../base/ip-address.ts';
import { formatIpAddress } from '../../base/ip-text.ts';
import { askGateway } from './gateway-exchange.ts';
import type { MappingGrant, MappingWish, PortMapper } from './port-mapper.ts';

const VERSION = 2;
const MAP = 1;
const ANSWER = 0x80;
const UDP = 17;
export const PCP_NONCE_BYTES = 12;
const MAPPED_PREFIX = Uint8Array.of(...new Array<number>(10).fill(0), 0xff, 0xff);

export class PcpMapper implements PortMapper {
  readonly #clock: Clock;
  readonly #gateway: Endpoint;
  readonly #nonce: Uint8Array;

  /** Renewal and release need the nonce of the request: it shows that the mapping is ours (RFC 6887, 11.2). */
  constructor(clock: Clock, { gateway, nonce }: { gateway: Endpoint; nonce: Uint8Array }) {
    this.#clock = clock;
    this.#gateway = gateway;
    this.#nonce = nonce;
  }

  async map(wish: MappingWish, signal: AbortSignal): Promise<MappingGrant> {
    return askGateway(this.#clock, this.#gateway, {
      request: (localHost) => this.#encode(wish, localHost),
      read: (datagram) => this.#read(datagram, wish.internalPort),
      signal,
    });
  }

  async release(mapping: MappingWish, signal: AbortSignal): Promise<void> {
    await this.map({ ...mapping, lifetimeMs: 0 }, signal);
  }

  #encode({ internalPort, externalPort, lifetimeMs }: MappingWish, localHost: string): Uint8Array {
    return new ByteWriter(60)
      .u8(VERSION)
      .u8(MAP)
      .u16(0)
      .u32(Math.round(lifetimeMs / 1000))
      .bytes(MAPPED_PREFIX)
      .bytes(parseIpAddress(localHost) ?? new Uint8Array(4))
      .bytes(this.#nonce)
      .u32(UDP * 2 ** 24)
      .u16(internalPort)
      .u16(externalPort)
      .bytes(MAPPED_PREFIX)
      .u32(0)
      .finish();
  }

  #read(datagram: Uint8Array, internalPort: number): MappingGrant | undefined {
    const reader = new ByteReader(datagram);
    const version = reader.u8();
    if (reader.u8() !== (MAP | ANSWER) && version === VERSION) return undefined;
    // A gateway that only speaks NAT-PMP says so at once (RFC 6887, appendix A).
    if (version !== VERSION) throw new Error(`the gateway speaks version ${version}, not PCP`);
    reader.u8();
    const result = reader.u8();
    if (result !== 0) throw new Error(`the gateway refuses with PCP code ${result}`);
    const lifetimeMs = reader.u32() * 1000;
    reader.bytes(16);
    if (!equalBytes(reader.bytes(PCP_NONCE_BYTES), this.#nonce)) return undefined;
    reader.u32();
    if (reader.u16() !== internalPort) return undefined;
    const port = reader.u16();
    const host = plainHost(formatIpAddress(reader.bytes(16)) ?? '');
    return { external: { host, port }, lifetimeMs };
  }
}
