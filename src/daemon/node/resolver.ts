import type { ResolveReply } from '../../client/api.ts';
import type { Identity } from '../../identity/identity.ts';
import { namesOf } from '../names/node-names.ts';
import type { TrustRecord } from '../trust/trust-record.ts';
import type { NodeCore } from './node-core.ts';
import { publicKeyOf } from './node-views.ts';

type ResolverCore = Pick<NodeCore, 'peers' | 'publisher' | 'relays' | 'targets'>;

/** Who a target is: this node, one that it has to do with, or one that a relay knows. */
export class Resolver {
  readonly #core: ResolverCore;
  readonly #identity: Pick<Identity, 'chain'>;

  constructor(core: ResolverCore, identity: Pick<Identity, 'chain'>) {
    this.#core = core;
    this.#identity = identity;
  }

  async resolve(target: string, signal?: AbortSignal): Promise<ResolveReply> {
    const { targets } = this.#core;
    const by = targets.parse(target);
    if (targets.isSelf(by)) return this.#self();
    const known = targets.known(by);
    if (known !== undefined) return this.#known(known);
    const found = await targets.lookUp(by, target);
    signal?.throwIfAborted();
    return {
      ...namesOf(found),
      ...{ public: false, trusted: false, online: false },
      public_key: publicKeyOf(found.chain),
      ...{ relays: found.relays, tags: found.tags },
    };
  }

  isOnline(peer: string): boolean {
    return (this.#core.peers.get(peer)?.state ?? 'offline') !== 'offline';
  }

  #self(): ResolveReply {
    const { publisher, relays } = this.#core;
    return {
      ...publisher.names(),
      ...{ public: false, trusted: true, online: relays.online.length > 0 },
      public_key: publicKeyOf(this.#identity.chain),
      relays: relays.views().map(({ url }) => url),
      tags: publisher.tags,
    };
  }

  #known(record: TrustRecord): ResolveReply {
    return {
      ...namesOf(record),
      public: false,
      trusted: record.state === 'trusted',
      online: this.isOnline(record.peer),
      public_key: publicKeyOf(record.chain),
      ...{ relays: record.relays, tags: record.tags },
    };
  }
}
