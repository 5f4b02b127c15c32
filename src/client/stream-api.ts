/** Streams and datagrams with peers, as the local API has them. See `api.ts` for the manners. */

/** What the routes of streams and datagrams are upgraded to; `stream-framing.ts` has what follows. */
export const STREAM_PROTOCOL = 'pilot-stream';
/** Of the 101: the port of ours that was bound or is called from. */
export const STREAM_PORT_HEADER = 'pilot-port';
/** Of the 101 to `dialStream` and `acceptStream`: the Node ID of the other side. */
export const STREAM_PEER_HEADER = 'pilot-peer';

/** Query of `GET /v1/streams/dial`. */
export interface DialQuery {
  readonly target: string;
  readonly port: number;
  /** How long the other side may take; default 30 s. */
  readonly timeout_ms?: number;
}

/** Query of `GET /v1/streams/listen` and `GET /v1/datagrams`. Without a port: one that is free. */
export interface PortQuery {
  readonly port?: number;
}

/** Query of `GET /v1/streams/accept`: an offer's `stream`. */
export interface AcceptQuery {
  readonly stream: string;
}

/** A stream that a peer opened: to be accepted within 10 s. A frame OFFER of the listener has it as JSON. */
export interface StreamOffer {
  readonly stream: string;
  /** The other node by all its names, as in `NodeNames`. */
  readonly from: {
    readonly id: string;
    readonly node_id: number;
    readonly address: string;
    readonly hostname: string;
  };
  /** Which port of the peer's it comes from. */
  readonly source_port: number;
}
