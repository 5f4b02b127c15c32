/**
 * Whom a caller means: a Node ID, an address, a node number or a hostname. Only the first is more than
 * a name; the others are looked for among the nodes this one knows before a relay is asked.
 */
import { BoundedMap } from '../../base/bounded-map.ts';
import { toHex } from '../../base/bytes.ts';
import { isHostname } from '../../base/hostname.ts';
import { PilotError } from '../../base/pilot-error.ts';
import { WireError } from '../../base/wire-error.ts';
import type { NodeNames } from '../../client/api.ts';
import { formatAddress, parseAddress } from '../../identity/address.ts';
import { decodeNodeId, encodeNodeId, looksLikeNodeId } from '../../identity/node-id.ts';
import { decodeNodeRecord, type NodeRecord } from '../../identity/node-record.ts';
import type { LookupKey } from '../relays/relay-set.ts';
import type { TrustRecord, TrustState } from '../trust/trust-record.ts';
import type { TrustStore } from '../trust/trust-store.ts';

export interface TargetsDeps {
  readonly own: () => NodeNames;
  readonly store: TrustStore;
  readonly lookup: (by: LookupKey) => Promise<Uint8Array | undefined>;
}

const KINDS_HINT =
  'A target is a Node ID (pilot1…), an address (0:0000.HHHH.LLLL), a node number or a hostname.';

/** PilotError `invalid_argument` says what is wrong with it. */
export function parseTarget(target: string): LookupKey {
  if (looksLikeNodeId(target)) return { key: decodeNodeId(target) };
  if (target.includes(':')) {
    const { network, node } = parseAddress(target);
    if (network === 0) return { node };
    throw new PilotError('invalid_argument', `there is no network ${network}, only network 0`, {
      hint: `Did you mean ${formatAddress({ network: 0, node })}?`,
    });
  }
  if (/^\d+$/.test(target)) {
    const node = Number(target);
    if (node <= 0xffff_ffff) return { node };
    throw new PilotError('invalid_argument', `${target} is no node number: it has over 32 bits`, {
      hint: KINDS_HINT,
    });
  }
  if (isHostname(target)) return { hostname: target };
  const shown = JSON.stringify(target.length <= 64 ? target : `${target.slice(0, 64)}…`);
  throw new PilotError('invalid_argument', `${shown} is not a target`, { hint: KINDS_HINT });
}

/** Callers name the same few nodes again and again, and checking a Node ID takes 0.1 ms of curve arithmetic. */
const MAX_PARSED = 1024;

export class Targets {
  readonly #deps: TargetsDeps;
  readonly #parsed = new BoundedMap<string, LookupKey>(MAX_PARSED);

  constructor(deps: TargetsDeps) {
    this.#deps = deps;
  }

  /** As `parseTarget`. */
  parse(target: string): LookupKey {
    const known = this.#parsed.get(target);
    if (known !== undefined) return known;
    const by = parseTarget(target);
    this.#parsed.set(target, by);
    return by;
  }

  isSelf(by: LookupKey): boolean {
    const own = this.#deps.own();
    if ('key' in by) return encodeNodeId(by.key) === own.id;
    if ('node' in by) return by.node === own.node_id;
    return own.hostname !== '' && by.hostname === own.hostname;
  }

  /**
   * The node among those that this one has to do with, in one of `states`; undefined when there is none.
   * With a name that several have, a trusted one comes before others; PilotError `conflict` when
   * that does not decide.
   */
  known(by: LookupKey, states: readonly TrustState[] = KNOWN): TrustRecord | undefined {
    const named = [...this.#candidates(by)].filter(({ state }) => states.includes(state));
    const trusted = named.filter(({ state }) => state === 'trusted');
    const candidates = trusted.length > 0 ? trusted : named;
    if (candidates.length <= 1) return candidates[0];
    const ids = candidates.map(({ chain }) => encodeNodeId(chain.firstKey));
    throw new PilotError('conflict', `several nodes have that name: ${ids.join(', ')}`, {
      hint: 'Say which one by its Node ID.',
    });
  }

  /** The record that a relay has. PilotError `not_found`, or `connection_failed` when none can be asked. */
  async lookUp(by: LookupKey, target: string): Promise<NodeRecord> {
    const bytes = await this.#deps.lookup(by);
    if (bytes === undefined) {
      throw new PilotError('not_found', `no relay of this node knows ${target}`, {
        hint: 'Check the spelling; the other node must have been online at one of the same relays.',
      });
    }
    const record = decodeRecord(bytes);
    if (record !== undefined && isNamed(record, by)) return record;
    throw new PilotError('not_found', `a relay answered with another node than ${target}`, {
      hint: 'Name the node by its Node ID.',
    });
  }

  *#candidates(by: LookupKey): Iterable<TrustRecord> {
    const { store } = this.#deps;
    if ('key' in by) {
      const record = store.get(toHex(by.key));
      if (record !== undefined) yield record;
      return;
    }
    for (const record of store.all()) {
      if ('node' in by ? record.node === by.node : record.hostname === by.hostname) yield record;
    }
  }
}

const KNOWN: readonly TrustState[] = ['asked', 'pending', 'trusted'];

function decodeRecord(bytes: Uint8Array): NodeRecord | undefined {
  try {
    return decodeNodeRecord(bytes);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

function isNamed(record: NodeRecord, by: LookupKey): boolean {
  if ('key' in by) return toHex(by.key) === toHex(record.chain.firstKey);
  return 'node' in by ? record.node === by.node : record.hostname === by.hostname;
}
