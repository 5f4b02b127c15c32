import type { RelayErrorCode } from '../../relay/relay-error.ts';

/** What a relay's client tells of itself. */
export interface RelayPortEvents {
  readonly online: object;
  readonly offline: { readonly reason: string; readonly code: RelayErrorCode };
  readonly presence: { readonly key: Uint8Array; readonly online: boolean };
  readonly packet: { readonly from: Uint8Array; readonly packet: Uint8Array };
  readonly unreachable: { readonly key: Uint8Array };
  readonly envelope: {
    readonly id: Uint8Array;
    readonly from: Uint8Array;
    readonly body: Uint8Array;
  };
  readonly duplicate: object;
}

/** The part of a relay's client that a node uses (src/relay/client.ts has the contract). */
export interface RelayPort {
  readonly url: string;
  readonly state: 'connecting' | 'online' | 'waiting';
  /** Proved by the relay; undefined before the first login. */
  readonly relayKey: Uint8Array | undefined;
  /** Where the relay answers STUN, at the host of `url`; undefined: nowhere, or not known yet. */
  readonly stunPort: number | undefined;
  readonly rttMs: number | undefined;
  start(): void;
  stop(): Promise<void>;
  send(peer: Uint8Array, packet: Uint8Array): boolean;
  watch(add: readonly Uint8Array[], remove?: readonly Uint8Array[]): void;
  isPresent(peer: Uint8Array): boolean;
  publish(record: Uint8Array): Promise<'ok' | 'address_taken' | 'hostname_taken'>;
  lookup(
    by: { readonly key: Uint8Array } | { readonly node: number } | { readonly hostname: string },
  ): Promise<Uint8Array | undefined>;
  put(envelope: {
    readonly to: Uint8Array;
    readonly id: Uint8Array;
    readonly body: Uint8Array;
    readonly expiresAtMs: number;
  }): Promise<void>;
  taken(from: Uint8Array, id: Uint8Array): void;
  on<Name extends keyof RelayPortEvents>(
    name: Name,
    listener: (event: RelayPortEvents[Name]) => void,
  ): () => void;
}
