/** What a node says of itself: its hostname, and tags that tell what it is good for. See `api.ts` for the manners. */
import type { NodeNames } from './node-names.ts';

export interface HostnameRequest {
  readonly hostname: string;
}

export interface HostnameReply {
  readonly hostname: string;
  readonly node_id: number;
  /** False while no relay has confirmed the name yet. */
  readonly published: boolean;
}

/** At most three, each 1 to 32 lowercase letters, digits and inner hyphens. None gives them up. */
export interface TagsRequest {
  readonly tags: readonly string[];
}

export interface TagsReply {
  readonly node_id: number;
  readonly tags: readonly string[];
  /** False while no relay has confirmed them yet. */
  readonly published: boolean;
}

/** Query of `GET /v1/tagged`. */
export interface TaggedQuery {
  readonly tag: string;
}

export interface TaggedNode extends NodeNames {
  readonly tags: readonly string[];
  readonly online: boolean;
}

/**
 * The trusted nodes that have the tag by their own, signed word; relays are asked for their newest records. Nobody
 * else is found: a search among strangers would let anybody list the nodes of a relay.
 */
export interface TaggedList {
  readonly nodes: readonly TaggedNode[];
  readonly total: number;
}
