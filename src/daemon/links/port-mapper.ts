import type { Endpoint } from '../../base/endpoint.ts';

export interface MappingGrant {
  /** Where the gateway takes datagrams for us. */
  readonly external: Endpoint;
  readonly lifetimeMs: number;
}

export interface MappingWish {
  readonly internalPort: number;
  /** What we had, or would like; the gateway may choose another. */
  readonly externalPort: number;
  readonly lifetimeMs: number;
}

/** One way to ask a gateway for a UDP port. Rejects when it is refused or `signal` aborts. */
export interface PortMapper {
  /** Also renews: the same wish again is the same mapping. */
  map(wish: MappingWish, signal: AbortSignal): Promise<MappingGrant>;
  /** Gives a mapping back. */
  release(mapping: MappingWish, signal: AbortSignal): Promise<void>;
}

export type MappingProtocol = 'pcp' | 'nat-pmp' | 'upnp';

/** A way by name, made only when it is tried: what it needs is not loaded before. */
export interface MapperFactory {
  readonly protocol: MappingProtocol;
  /** How long an attempt may take. */
  readonly timeoutMs: number;
  readonly make: () => Promise<PortMapper>;
}
