/** Trust as callers ask for it: by any name of the other node. */
import { toHex } from '../../base/bytes.ts';
import type { Deadlines } from '../../base/deadlines.ts';
import { PilotError } from '../../base/pilot-error.ts';
import type {
  NodeNames,
  TrustChangeReply,
  TrustRejectRequest,
  TrustRequest,
  TrustRequestReply,
} from '../../client/api.ts';
import type { KeyChain } from '../../identity/key-chain.ts';
import type { NodeRecord } from '../../identity/node-record.ts';
import { namesOf } from '../names/node-names.ts';
import type { LookupKey } from '../relays/relay-set.ts';
import { onDisk } from '../store/on-disk.ts';
import type { TrustRecord, TrustState } from '../trust/trust-record.ts';
import { isJustification, MAX_JUSTIFICATION_CHARACTERS } from '../trust/trust-rules.ts';
import type { NodeCore } from './node-core.ts';

export class TrustCalls {
  readonly #core: NodeCore;
  readonly #deadlines: Deadlines;

  constructor(core: NodeCore, deadlines: Deadlines) {
    this.#core = core;
    this.#deadlines = deadlines;
  }

  async request(request: TrustRequest, signal?: AbortSignal): Promise<TrustRequestReply> {
    const why = justificationOf(request.justification);
    const by = this.#core.targets.parse(request.target);
    if (this.#core.targets.isSelf(by)) {
      throw new PilotError('invalid_argument', 'that is this node itself; it trusts itself', {
        hint: 'Name another node by its Node ID, address or hostname.',
      });
    }
    const { chain, node } = await this.#find(by, request.target);
    signal?.throwIfAborted();
    const peer = toHex(chain.firstKey);
    const { store, trust } = this.#core;
    await onDisk(trust.ask(chain, why, node));
    const waitMs = request.wait_ms ?? 0;
    // The answer may be faster than the disk.
    if (store.stateOf(peer) === 'asked' && waitMs > 0) await this.#answered(peer, waitMs, signal);
    const isTrusted = store.stateOf(peer) === 'trusted';
    return { ...this.#core.namesOf(peer), status: isTrusted ? 'trusted' : 'pending' };
  }

  async approve(target: string): Promise<TrustChangeReply> {
    const { peer } = this.#known(target, ['pending', 'asked', 'trusted']);
    return change(await onDisk(this.#core.trust.approve(peer)), 'approved');
  }

  async reject({ target, reason }: TrustRejectRequest): Promise<TrustChangeReply> {
    const why = justificationOf(reason);
    const { peer } = this.#known(target, ['pending', 'asked']);
    return change(await onDisk(this.#core.trust.reject(peer, why)), 'rejected');
  }

  async revoke(target: string): Promise<TrustChangeReply> {
    const { peer } = this.#known(target, ['trusted', 'asked']);
    return change(await onDisk(this.#core.trust.revoke(peer)), 'revoked');
  }

  /** What we know of it, or what a relay does. A known one is found without a relay, too. */
  async #find(
    by: LookupKey,
    target: string,
  ): Promise<{ readonly chain: KeyChain; readonly node: NodeRecord | undefined }> {
    const known = this.#core.targets.known(by);
    if (known === undefined) {
      const node = await this.#core.targets.lookUp(by, target);
      return { chain: node.chain, node };
    }
    return { chain: known.chain, node: undefined };
  }

  #known(target: string, states: readonly TrustState[]): TrustRecord {
    const { targets } = this.#core;
    const by = targets.parse(target);
    const record = targets.known(by, states) ?? targets.known(by);
    if (record !== undefined) return record;
    throw new PilotError('not_found', `this node has nothing to do with ${target}`, {
      hint: 'See who has asked: pilotctl pending; who is trusted: pilotctl trust',
    });
  }

  async #answered(peer: string, waitMs: number, signal?: AbortSignal): Promise<void> {
    const { events } = this.#core;
    const { id } = this.#core.namesOf(peer);
    let stop = (): void => undefined;
    const answered = new Promise<void>((resolve, reject) => {
      stop = events.on('trust.changed', (event) => {
        if (event.id !== id) return;
        if (event.trusted) resolve();
        else reject(refused(event));
      });
    });
    try {
      await this.#deadlines.race(answered, waitMs, signal);
    } finally {
      stop();
    }
  }
}

function justificationOf(text = ''): string {
  if (isJustification(text)) return text;
  const message = `not ${MAX_JUSTIFICATION_CHARACTERS} printable characters or fewer`;
  throw new PilotError('invalid_argument', `the justification is ${message}`, {
    hint: 'One line of plain text, please.',
  });
}

function refused({ id, reason }: NodeNames & { readonly reason: string }): PilotError {
  return new PilotError('permission_denied', `${id} does not trust this node: ${reason}`, {
    hint: 'Agree with its owner, then ask again.',
  });
}

function change(record: TrustRecord, status: TrustChangeReply['status']): TrustChangeReply {
  return { ...namesOf(record), status };
}
