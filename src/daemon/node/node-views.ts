/** Nodes as the local API shows them, from what is kept of them. */
import type { NodeNames, PeerView, PendingTrust, TrustedNode } from '../../client/api.ts';
import type { KeyChain } from '../../identity/key-chain.ts';
import { namesOf } from '../names/node-names.ts';
import type { Peer } from '../peers/peer.ts';
import type { TrustRecord } from '../trust/trust-record.ts';
import { peerPathView } from './path-views.ts';

export function publicKeyOf(chain: KeyChain): string {
  return Buffer.from(chain.currentKey).toString('base64');
}

export function pendingView(record: TrustRecord): PendingTrust {
  return {
    ...namesOf(record),
    public_key: publicKeyOf(record.chain),
    justification: record.justification,
    received_at: Math.floor(record.sinceMs / 1000),
  };
}

export function trustedView(record: TrustRecord): TrustedNode {
  const isMutual = record.state === 'trusted';
  return {
    ...namesOf(record),
    public_key: publicKeyOf(record.chain),
    approved_at: isMutual ? Math.floor(record.sinceMs / 1000) : 0,
    mutual: isMutual,
    network: 0,
  };
}

/** Undefined: a node that this one deals with no more, as an event may still mention it. */
export function peerView(names: NodeNames, peer: Peer | undefined, queued: number): PeerView {
  const since = new Date(peer?.sinceMs ?? 0).toISOString();
  const view = { ...names, state: peer?.state ?? 'offline', since, queued } as const;
  const path = peerPathView(peer);
  const hasSession = path.path !== '';
  return {
    ...view,
    ...path,
    encrypted: hasSession,
    authenticated: hasSession,
    relay: path.path === 'relay',
  };
}
