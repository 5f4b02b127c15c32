/** Open streams, single datagrams and the way to a peer, as the local API has them. See `api.ts` for the manners. */
import type { NodeNames } from './node-names.ts';
import type { PathKind } from './path-api.ts';

/** A stream that is open between this node and a peer, whichever program or service has it. */
export interface ConnectionView {
  /** For as long as the daemon runs, no other stream has it. */
  readonly id: number;
  readonly local_port: number;
  readonly remote_addr: string;
  readonly remote_port: number;
  /** `FIN_WAIT`: our half has ended; `CLOSE_WAIT`: theirs has. */
  readonly state: 'ESTABLISHED' | 'FIN_WAIT' | 'CLOSE_WAIT';
  readonly bytes_sent: number;
  readonly bytes_recv: number;
  /** Node ID of the other side. */
  readonly remote_id: string;
  readonly remote_hostname: string;
  /** Who opened it. */
  readonly direction: 'outgoing' | 'incoming';
}

export interface ConnectionList {
  readonly connections: readonly ConnectionView[];
  readonly total: number;
}

export interface DisconnectReply {
  readonly conn_id: number;
}

/** `POST /v1/datagrams`: one datagram, from a port that is free. */
export interface DatagramRequest {
  readonly target: string;
  readonly port: number;
  /** UTF-8 text, or base64 when `encoding` says so. */
  readonly data: string;
  readonly encoding?: 'utf8' | 'base64';
}

export interface DatagramReply {
  readonly port: number;
  readonly bytes: number;
}

export interface TracerouteRequest {
  readonly target: string;
  /** How long the peer may take; default 5 s. */
  readonly timeout_ms?: number;
}

/** A station on the way to a peer. */
export interface TraceHop {
  readonly hop: 'local' | 'nat' | 'relay' | 'peer';
  /** Its address where it is known: of a NAT the outer one, of a relay its URL. */
  readonly endpoint: string;
  /** There and back, from this node; null where nothing measures it. */
  readonly rtt_ms: number | null;
}

export interface TracerouteReply extends NodeNames {
  readonly path: PathKind;
  /** From this node on; the last one is the peer. */
  readonly hops: readonly TraceHop[];
}
