/**
 * Candidates (RFC 8445, 5.1): addresses at which a side may be reached.
 *
 *     kind    whose address                                    type preference (5.1.2.2)
 *     host    an interface's                                   126
 *     prflx   learnt from a check, so nobody signals it        110
 *     srflx   a NAT's, seen by a STUN server or mapped in it   100
 */
import { createHash } from 'node:crypto';

import type { Endpoint } from '../base/endpoint.ts';
import { parseIpAddress } from '../base/ip-address.ts';
import { endpointKey } from './endpoint-key.ts';

export type CandidateKind = 'host' | 'prflx' | 'srflx';
export type IpFamily = 'v4' | 'v6';

export interface Candidate {
  readonly kind: CandidateKind;
  /** The local socket by name. A remote candidate has none. */
  readonly base?: string;
  /** Numeric. */
  readonly endpoint: Endpoint;
  readonly priority: number;
  /** The same for candidates that are likely to work or fail alike: 1 to 32 of A-Z a-z 0-9 + /. */
  readonly foundation: string;
}

/**
 * As many signalled candidates of a peer are looked at, the first. More would make us a port scanner, and
 * letting better ones replace worse ones too.
 */
export const MAX_REMOTE_CANDIDATES = 10;

const TYPE_PREFERENCE: Readonly<Record<CandidateKind, number>> = {
  host: 126,
  prflx: 110,
  srflx: 100,
};
const MAX_LOCAL_PREFERENCE = 65_535;
/** We have one component. */
const COMPONENT = 1;
/** RFC 8445, 5.1.2. */
export const MAX_PRIORITY = 2 ** 31 - 1;

/** RFC 8445, 5.1.2.1. */
export function priorityOf(kind: CandidateKind, localPreference: number): number {
  return TYPE_PREFERENCE[kind] * 2 ** 24 + localPreference * 2 ** 8 + (256 - COMPONENT);
}

/**
 * The priority that a check through the base of this candidate announces: what a peer-reflexive candidate
 * would have there (RFC 8445, 7.1.1).
 */
export function peerReflexivePriority(priority: number): number {
  return priorityOf('prflx', (priority >>> 8) & 0xffff);
}

/** Between candidates of a kind: an earlier interface first, and IPv6 before IPv4 (RFC 8421). */
export function localPreferenceOf(family: IpFamily, interfaceIndex: number): number {
  return Math.max(0, MAX_LOCAL_PREFERENCE - 2 * interfaceIndex - (family === 'v6' ? 0 : 1));
}

/** RFC 8445, 5.1.1.3: by kind, the base's address and the STUN server. */
export function foundationOf(kind: CandidateKind, baseHost: string, server = ''): string {
  const hash = createHash('sha256').update(JSON.stringify([kind, baseHost, server]));
  return hash.digest('base64').slice(0, 8);
}

/** Undefined for what is no numeric address. */
export function familyOf(host: string): IpFamily | undefined {
  const address = parseIpAddress(host);
  if (address === undefined) return undefined;
  return address.length === 4 ? 'v4' : 'v6';
}

export type CandidateRefusal =
  | 'kind'
  | 'priority'
  | 'foundation'
  | 'not_numeric'
  | 'port'
  | 'unspecified'
  | 'loopback'
  | 'link_local'
  | 'multicast'
  | 'reserved'
  | 'our_own';

export interface RemoteRules {
  readonly ours: readonly Endpoint[];
  /** For several hosts on one machine. */
  readonly allowLoopback?: boolean;
}

/** Why we do not send to this address; undefined when we may. */
export function endpointRefusal(
  endpoint: Endpoint,
  rules: RemoteRules,
): CandidateRefusal | undefined {
  const { host, port } = endpoint;
  const address = parseIpAddress(host);
  // A zone says which of *our* interfaces: nothing that another host can know.
  if (address === undefined || host.includes('%')) return 'not_numeric';
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return 'port';
  const refusal = address.length === 4 ? refusalOfV4(address) : refusalOfV6(address);
  if (refusal === 'loopback' && rules.allowLoopback === true) return undefined;
  if (refusal !== undefined) return refusal;
  const key = endpointKey(endpoint);
  return rules.ours.some((own) => endpointKey(own) === key) ? 'our_own' : undefined;
}

export function isUsableRemote(endpoint: Endpoint, rules: RemoteRules): boolean {
  return endpointRefusal(endpoint, rules) === undefined;
}

/** Why a candidate that a peer signalled is not used. Believes nothing of it, not even its type. */
export function candidateRefusal(
  candidate: Candidate,
  rules: RemoteRules,
): CandidateRefusal | undefined {
  const { kind, priority, foundation, endpoint } = candidate;
  if (kind !== 'host' && kind !== 'srflx') return 'kind';
  if (!Number.isInteger(priority) || priority < 1 || priority > MAX_PRIORITY) return 'priority';
  if (!/^[A-Za-z0-9+/]{1,32}$/.test(foundation)) return 'foundation';
  return endpointRefusal(endpoint, rules);
}

/**
 * 0/8 (RFC 1122, 3.2.1.3), 127/8, 169.254/16 (RFC 3927), 224/4, 240/4 with the limited broadcast. A
 * directed broadcast looks like any address; the kernel refuses it to sockets without SO_BROADCAST.
 */
function refusalOfV4([a = 0, b = 0]: Uint8Array): CandidateRefusal | undefined {
  if (a === 0) return 'unspecified';
  if (a === 127) return 'loopback';
  if (a === 169 && b === 254) return 'link_local';
  if (a >= 224 && a < 240) return 'multicast';
  return a >= 240 ? 'reserved' : undefined;
}

/** ::, ::1, fe80::/10 (RFC 4291, 2.5.6: needs a zone), ff00::/8; IPv4 in IPv6 was read as IPv4. */
function refusalOfV6(address: Uint8Array): CandidateRefusal | undefined {
  const [a = 0, b = 0] = address;
  if (a === 0xff) return 'multicast';
  if (a === 0xfe && (b & 0xc0) === 0x80) return 'link_local';
  if (address.subarray(0, 15).some((byte) => byte !== 0)) return undefined;
  const last = address[15] ?? 0;
  if (last === 0) return 'unspecified';
  return last === 1 ? 'loopback' : 'reserved';
}
