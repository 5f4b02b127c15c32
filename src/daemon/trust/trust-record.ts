/**
 * What this node knows of another one and has agreed with it. The whole key chain is pinned; number and
 * hostname are names that were right when we asked, or when the node last told us.
 *
 *              they ask                    we approve
 *     none ─────────────> pending ──────────────────────> trusted
 *      │                     │ we reject, they revoke        │ either side revokes
 *      │                     └────────────> none <───────────┘
 *      │ we ask                               ^
 *      └──────────────────> asked ────────────┘ they reject, either side revokes
 *                             │ they accept, or ask too
 *                             └──────────────────────────────> trusted
 *
 * `none` is kept for a while: it remembers how far the two sides' statements have come, so that an old
 * one cannot be played again, and what we still have to tell.
 *
 * On disk (table `trust`, key: first key) a CBOR map.
 */
import { fromHex, toHex } from '../../base/bytes.ts';
import { encodeCbor } from '../../base/cbor.ts';
import { CborFields } from '../../base/cbor-fields.ts';
import { WireError } from '../../base/wire-error.ts';
import { nextNodeNumber } from '../../identity/address.ts';
import { KeyChain, MAX_KEY_CHAIN_BYTES } from '../../identity/key-chain.ts';
import { decodeNodeRecord, type NodeRecord } from '../../identity/node-record.ts';

export type TrustState = 'none' | 'asked' | 'pending' | 'trusted';
export type Statement = 'request' | 'accept' | 'reject' | 'revoke';

export interface TrustRecord {
  /** First key, hexadecimal. */
  readonly peer: string;
  readonly chain: KeyChain;
  readonly state: TrustState;
  readonly node: number;
  /** Empty: none. */
  readonly hostname: string;
  /** Where it says it is to be found. */
  readonly relays: readonly string[];
  /** What it says it is good for. */
  readonly tags: readonly string[];
  /** Of the node record that the four above come from; 0: none seen. */
  readonly recordIssuedAtMs: number;
  /** With `pending` theirs, with `asked` ours. */
  readonly justification: string;
  /** When the state began. */
  readonly sinceMs: number;
  /** They have shown that they know of our trust. */
  readonly isConfirmed: boolean;
  /** The newest statement of theirs that was heard, by their clock. */
  readonly theirStatementMs: number;
  /** The newest statement of ours, by our clock, later than the one before (trust-rules.ts). */
  readonly ourStatementMs: number;
  /** What they still have to be told. */
  readonly owed: Statement | '';
  readonly owedWhy: string;
}

const STATES: readonly TrustState[] = ['none', 'asked', 'pending', 'trusted'];
const STATEMENTS: readonly (Statement | '')[] = ['', 'request', 'accept', 'reject', 'revoke'];

export function encodeTrustRecord(record: TrustRecord): Uint8Array {
  return encodeCbor({
    chain: record.chain.encode(),
    st: record.state,
    node: record.node,
    host: record.hostname,
    relays: record.relays,
    tags: record.tags,
    issued: record.recordIssuedAtMs,
    why: record.justification,
    since: record.sinceMs,
    conf: record.isConfirmed,
    their: record.theirStatementMs,
    our: record.ourStatementMs,
    owed: record.owed,
    owedWhy: record.owedWhy,
  });
}

export function decodeTrustRecord(key: Uint8Array, bytes: Uint8Array): TrustRecord {
  const fields = CborFields.decode(bytes);
  return {
    peer: toHex(key),
    chain: KeyChain.decode(fields.bytes('chain', { atMost: MAX_KEY_CHAIN_BYTES })),
    state: oneOf(STATES, fields.text('st', {})),
    node: fields.count('node'),
    hostname: fields.text('host', {}),
    relays: fields.list('relays', {}).filter((url) => typeof url === 'string'),
    // Earlier releases wrote none.
    tags: fields.has('tags')
      ? fields.list('tags', {}).filter((tag) => typeof tag === 'string')
      : [],
    recordIssuedAtMs: fields.count('issued'),
    justification: fields.text('why', {}),
    sinceMs: fields.count('since'),
    isConfirmed: fields.flag('conf'),
    theirStatementMs: fields.count('their'),
    ourStatementMs: fields.count('our'),
    owed: oneOf(STATEMENTS, fields.text('owed', {})),
    owedWhy: fields.text('owedWhy', {}),
  };
}

export function trustKey(peer: string): Uint8Array {
  return fromHex(peer);
}

function oneOf<T extends string>(known: readonly T[], found: string): T {
  const value = known.find((name) => name === found);
  if (value === undefined) throw new WireError(`${found} is not one of ${known.join(', ')}`);
  return value;
}

export const NOTHING_OWED = { owed: '', owedWhy: '' } as const;

/** With what a newer record says: names, relays, tags, a longer chain. */
export function withNames(known: TrustRecord, node: NodeRecord): TrustRecord {
  if (node.issuedAtMs <= known.recordIssuedAtMs) return known;
  const chain = node.chain.extends(known.chain) ? node.chain : known.chain;
  const { node: number, hostname, relays, tags, issuedAtMs: recordIssuedAtMs } = node;
  return { ...known, chain, node: number, hostname, relays, tags, recordIssuedAtMs };
}

/** The same with a record in bytes; somebody else's changes nothing. WireError for one that is malformed. */
export function withRecord(known: TrustRecord, bytes: Uint8Array): TrustRecord {
  const node = decodeNodeRecord(bytes);
  return toHex(node.chain.firstKey) === known.peer ? withNames(known, node) : known;
}

/** Of a node that we have had nothing to do with. */
export function newTrustRecord(peer: string, chain: KeyChain, nowMs: number): TrustRecord {
  return {
    peer,
    chain,
    state: 'none',
    node: nextNodeNumber(chain.firstKey)?.node ?? 0,
    hostname: '',
    relays: [],
    tags: [],
    recordIssuedAtMs: 0,
    justification: '',
    sinceMs: nowMs,
    isConfirmed: false,
    theirStatementMs: 0,
    ourStatementMs: 0,
    ...NOTHING_OWED,
  };
}
