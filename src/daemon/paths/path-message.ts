/**
 * How two nodes agree on a direct path: items of kind `p` inside their session (app-message.ts).
 *
 *     k 'p'   a: attempt, 8 B   s: step
 *     o  offer, a  answer   u: ufrag   p: password   i: stream id (absent: no UDX)
 *                           n: NAT (absent: not known yet)
 *     c  candidates         c: up to 10   last: no more come   n: NAT (absent: as before)
 *     w  data channel       f: fingerprint, 32 B
 *     x  punching           punch-codec.ts
 *     e  end                code: text
 *
 *     candidate             t: 0 host 1 srflx   h: 4 or 16 B   p: port   y: priority   f: foundation
 */
import { fromHex, toHex } from '../../base/bytes.ts';
import type { CborValue } from '../../base/cbor.ts';
import { CborFields } from '../../base/cbor-fields.ts';
import { parseIpAddress, plainHost } from '../../base/ip-address.ts';
import { formatIpAddress } from '../../base/ip-text.ts';
import { WireError } from '../../base/wire-error.ts';
import { type Candidate, type CandidateKind, MAX_REMOTE_CANDIDATES } from '../../ice/candidate.ts';
import { areIceCredentials, type IceCredentials } from '../../ice/check-message.ts';
import type { PunchMessage } from '../../ice/hard-nat-message.ts';
import type { NatSummary } from '../../ice/nat-summary.ts';
import { natMembers, punchMembers, readNat, readPunch } from './punch-codec.ts';

export type PathItem = {
  readonly kind: 'path';
  /** 16 hexadecimal digits in lower case. */
  readonly attempt: string;
} & (
  | {
      readonly step: 'offer' | 'answer';
      readonly credentials: IceCredentials;
      /** By which packets find the sender's end of the link: 32 bits, not 0. Absent: it has no UDX. */
      readonly streamId?: number;
      /** Of the sender; absent while it is not known. */
      readonly nat?: NatSummary;
    }
  | {
      readonly step: 'candidates';
      /** Of kind `host` and `srflx`. */
      readonly candidates: readonly Candidate[];
      readonly isLast: boolean;
      /** When it is known better than before. */
      readonly nat?: NatSummary;
    }
  | {
      readonly step: 'channel';
      /** SHA-256 of the sender's certificate for DTLS: 64 hexadecimal digits in lower case. */
      readonly fingerprint: string;
    }
  | { readonly step: 'punch'; readonly message: PunchMessage }
  | {
      readonly step: 'end';
      /** Why, as a code: 64 characters of it are told. */
      readonly reason: string;
    }
);

/** In one item: as many as ICE looks at in an attempt. */
export const MAX_ITEM_CANDIDATES = MAX_REMOTE_CANDIDATES;
const ATTEMPT_BYTES = 8;
const FINGERPRINT_BYTES = 32;
const MAX_REASON_LENGTH = 64;
const MAX_FOUNDATION_LENGTH = 32;
const MAX_PORT = 0xffff;
const MAX_U32 = 0xffff_ffff;
const CANDIDATE_KINDS: readonly CandidateKind[] = ['host', 'srflx'];

/** RangeError for a candidate that is not signalled, and for too many. */
export function pathItemMembers(item: PathItem): object {
  const head = { k: 'p', a: fromHex(item.attempt) };
  switch (item.step) {
    case 'offer':
    case 'answer': {
      const { ufrag, password } = item.credentials;
      return {
        ...head,
        s: item.step === 'offer' ? 'o' : 'a',
        u: ufrag,
        p: password,
        ...(item.streamId !== undefined && { i: item.streamId }),
        ...natMember(item.nat),
      };
    }
    case 'candidates': {
      const { candidates, isLast } = item;
      if (candidates.length > MAX_ITEM_CANDIDATES) throw new RangeError('too many candidates');
      return {
        ...head,
        s: 'c',
        c: candidates.map(candidateMembers),
        last: isLast,
        ...natMember(item.nat),
      };
    }
    case 'channel':
      return { ...head, s: 'w', f: fromHex(item.fingerprint) };
    case 'punch':
      return { ...head, s: 'x', ...punchMembers(item.message) };
    case 'end':
      return { ...head, s: 'e', code: item.reason.slice(0, MAX_REASON_LENGTH) };
  }
}

/** Undefined for a step that this release does not know. WireError for what is malformed. */
export function readPathItem(fields: CborFields): PathItem | undefined {
  const kind = 'path';
  const attempt = toHex(fields.bytes('a', { exactly: ATTEMPT_BYTES }));
  switch (fields.text('s', {})) {
    case 'o':
      return { kind, attempt, step: 'offer', ...readTerms(fields) };
    case 'a':
      return { kind, attempt, step: 'answer', ...readTerms(fields) };
    case 'c': {
      const candidates = fields.list('c', { atMost: MAX_ITEM_CANDIDATES }).flatMap(readCandidate);
      const isLast = fields.flag('last');
      return { kind, attempt, step: 'candidates', candidates, isLast, ...readNatMember(fields) };
    }
    case 'w': {
      const fingerprint = toHex(fields.bytes('f', { exactly: FINGERPRINT_BYTES }));
      return { kind, attempt, step: 'channel', fingerprint };
    }
    case 'x': {
      const message = readPunch(fields);
      return message && { kind, attempt, step: 'punch', message };
    }
    case 'e': {
      const reason = fields.text('code', { atMost: MAX_REASON_LENGTH });
      return { kind, attempt, step: 'end', reason };
    }
    default:
      return undefined;
  }
}

/** What an offer and an answer hold alike. */
function readTerms(fields: CborFields): {
  credentials: IceCredentials;
  streamId?: number;
  nat?: NatSummary;
} {
  const credentials = { ufrag: fields.text('u', {}), password: fields.text('p', {}) };
  if (!areIceCredentials(credentials)) throw new WireError('u and p are no ICE credentials');
  return { credentials, ...readStreamId(fields), ...readNatMember(fields) };
}

function readStreamId(fields: CborFields): { streamId?: number } {
  if (!fields.has('i')) return {};
  const streamId = numberUpTo(MAX_U32, fields, 'i');
  if (streamId === 0) throw new WireError('i is 0');
  return { streamId };
}

function natMember(nat: NatSummary | undefined): object {
  return nat === undefined ? {} : { n: natMembers(nat) };
}

function readNatMember(fields: CborFields): { nat?: NatSummary } {
  const nat = fields.has('n') ? readNat(fields.map('n')) : undefined;
  return nat === undefined ? {} : { nat };
}

function candidateMembers({ kind, endpoint, priority, foundation }: Candidate): object {
  const type = CANDIDATE_KINDS.indexOf(kind);
  const address = parseIpAddress(endpoint.host);
  if (type < 0 || address === undefined) {
    throw new RangeError(`a ${kind} candidate at ${endpoint.host} is not for the peer`);
  }
  return { t: type, h: address, p: endpoint.port, y: priority, f: foundation };
}

/** None for a kind that this release does not know. Whether one may be used is judged by ICE. */
function readCandidate(value: CborValue): Candidate[] {
  const fields = CborFields.of(value, 'a candidate');
  const kind = CANDIDATE_KINDS[fields.count('t')];
  if (kind === undefined) return [];
  const host = formatIpAddress(fields.bytes('h', {}));
  if (host === undefined) throw new WireError('h is no IP address');
  return [
    {
      kind,
      endpoint: { host: plainHost(host), port: numberUpTo(MAX_PORT, fields, 'p') },
      priority: numberUpTo(MAX_U32, fields, 'y'),
      foundation: fields.text('f', { atMost: MAX_FOUNDATION_LENGTH }),
    },
  ];
}

function numberUpTo(most: number, fields: CborFields, name: string): number {
  const value = fields.count(name);
  if (value > most) throw new WireError(`${name} is above ${most}`);
  return value;
}
