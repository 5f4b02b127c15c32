import type { TrustItem } from '../messages/app-message.ts';
import type { Statement, TrustRecord } from './trust-record.ts';

export interface Saying {
  readonly kind: Statement;
  /** Of a request and a rejection. */
  readonly why: string;
}

/** What this peer has to know of our side, told already or not. */
export function sayingFor(record: TrustRecord): Saying | undefined {
  const { justification, owed, owedWhy, state } = record;
  if (owed !== '') return { kind: owed, why: owedWhy };
  switch (state) {
    case 'asked':
      return { kind: 'request', why: justification };
    case 'trusted':
      return { kind: 'accept', why: '' };
    case 'none':
    case 'pending':
      return undefined;
  }
}

/** `ownRecord`: this node's, as relays have it. */
export function trustItem(
  { kind, why }: Saying,
  atMs: number,
  ownRecord: () => Uint8Array,
): TrustItem {
  switch (kind) {
    case 'request':
      return { kind, record: ownRecord(), why, atMs };
    case 'accept':
      return { kind, record: ownRecord(), atMs };
    case 'reject':
      return { kind, why, atMs };
    case 'revoke':
      return { kind, atMs };
  }
}
