/** The part of `udx-native` (1.21) that the links use; it has no types of its own. */
declare module 'udx-native' {
  import type { EventEmitter } from 'node:events';
  import type { Duplex } from 'node:stream';

  interface UdxRemote {
    readonly host: string;
    readonly family: 4 | 6;
    readonly port: number;
  }

  interface UdxSocket extends EventEmitter<{
    /** Datagrams that belong to no stream; the bytes are a view into a buffer of many. */
    message: [bytes: Buffer, from: UdxRemote];
  }> {
    /** Those that are connected over it and not closed. */
    readonly streams: ReadonlySet<UdxStream>;
    /** Of streams alone. */
    readonly bytesTransmitted: number;
    /** Of streams alone. */
    readonly packetsTransmitted: number;
    readonly bytesReceived: number;
    readonly packetsReceived: number;
    address(): UdxRemote | null;
    bind(port: number, host: string): void;
    /** Resolves when it has left the host, or could not. Throws and rejects for a host that is none. */
    send(bytes: Uint8Array, port: number, host: string): Promise<boolean>;
    /** Waits for its streams to close. */
    close(): Promise<void>;
  }

  /** A streamx Duplex: like Node's, as far as the links use it. */
  interface UdxStream extends Pick<Duplex, 'destroyed' | 'write'> {
    readonly id: number;
    /** Milliseconds, smoothed; 0 before the first acknowledgement. */
    readonly rtt: number;
    /** Bytes that have been sent and not acknowledged, one by one: what arrived behind a lost packet is not in it. */
    readonly inflight: number;
    /** With headers, and what was sent again. */
    readonly bytesTransmitted: number;
    /** Of those bytes. */
    readonly packetsTransmitted: number;
    /** Packets sent again, modulo 2^16. */
    readonly retransmits: number;
    /** Of its BBR: 0 startup, 1 drain, 2 probing the bandwidth, 3 probing the round trip. */
    readonly bbrState: number;
    connect(socket: UdxSocket, remoteId: number, port: number, host: string): void;
    /** Null when done at once. Rejects when the stream closes first. */
    changeRemote(
      socket: UdxSocket,
      remoteId: number,
      port: number,
      host: string,
    ): Promise<void> | null;
    /** Closes when the peer has everything and ended too. */
    end(): void;
    destroy(): void;
    on(event: 'data', listener: (bytes: Buffer) => void): this;
    on(event: 'drain' | 'end' | 'close' | 'remote-changed', listener: () => void): this;
    on(event: 'error', listener: (error: Error) => void): this;
  }

  interface UdxStreamOptions {
    /** Each write begins with its length in 3 bytes, little-endian: fewer, larger `data` events. */
    readonly framed?: boolean;
    /** Whether a packet that comes by another socket than the stream's is dropped. Default: true. */
    readonly firewall?: (socket: UdxSocket, port: number, host: string) => boolean;
  }

  export default class UDX {
    createSocket(options?: { readonly ipv6Only?: boolean }): UdxSocket;
    createStream(id: number, options?: UdxStreamOptions): UdxStream;
  }
  export type { UdxRemote, UdxSocket, UdxStream };
}
