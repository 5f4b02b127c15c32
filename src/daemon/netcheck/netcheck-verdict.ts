/**
 * What to expect of a network, from what was measured there; pure. The rules are those by which paths are found:
 *
 *     NAT of the other side   open, lenient   strict                    counts ports    random ports
 *     ours: open, lenient     direct          direct                    direct          direct
 *           strict            direct          direct                    guessing        guessing
 *           counts ports      direct          guessing                  guessing        relay
 *           random ports      direct          guessing                  relay           relay
 *
 * Lenient and strict NATs have one outer port for every destination. A lenient one lets in every port of a host
 * that was written to, a strict one that port alone (RFC 4787: address-dependent, and address-and-port-dependent filtering).
 */
import { parseEndpoint } from '../../base/endpoint.ts';
import type { NetcheckFamily, NetcheckFindings, NetcheckVerdict } from '../../client/api.ts';

export interface NetcheckOutlook {
  readonly verdict: NetcheckVerdict;
  /** At least one. */
  readonly expect: readonly string[];
}

/** What one address family is good for. */
type Grade =
  /** No address of the family. */
  | 'absent'
  /** No server of the family is known. */
  | 'unasked'
  | 'blocked'
  /** Too few answers, or they contradict each other. */
  | 'unclear'
  | 'open'
  | 'lenient'
  | 'strict'
  | 'counting'
  | 'random';

export function netcheckOutlook(findings: NetcheckFindings): NetcheckOutlook {
  const udp = udpOutlook(findings);
  const needsDirect = findings.relay_fallback ? [] : [NO_FALLBACK];
  if (findings.relays.some(isReached)) {
    return { verdict: udp.verdict, expect: [...udp.expect, ...needsDirect] };
  }
  const none =
    findings.relays.length === 0
      ? 'No relay is configured, so no session can begin: pilotctl init --relay wss://…'
      : 'No relay can be reached, so no session can begin; those that are open on a direct path go on.';
  return { verdict: 'no_relay', expect: [none, ...udp.expect] };
}

const NO_FALLBACK =
  'relay_fallback is false: where there is no direct path, messages are refused instead of going over the relay.';

function isReached({ online, outcome }: NetcheckFindings['relays'][number]): boolean {
  return online || outcome === 'ok' || outcome === 'draining';
}

function udpOutlook(findings: NetcheckFindings): NetcheckOutlook {
  const { nat_traversal: setting, port_mapping: port, ipv4, ipv6 } = findings;
  const own = { v4: gradeOf(ipv4), v6: gradeOf(ipv6) };
  const seen = isLetIn(port, ipv4) ? { ...own, v4: 'open' as const } : own;
  if (setting === 'off') {
    return { verdict: 'relay_only', expect: [TURNED_OFF, ...whatIfOn(seen, findings)] };
  }
  return outlookOf(seen, findings);
}

/** A gateway behind another NAT forwards a port that nobody can send to. */
export function isLetIn(port: NetcheckFindings['port_mapping'], ipv4: NetcheckFamily): boolean {
  if (port.status !== 'mapped' || ipv4.udp === false) return false;
  return ipv4.mapped === '' || hostOf(ipv4.mapped) === hostOf(port.external);
}

function hostOf(endpoint: string): string | undefined {
  return parseEndpoint(endpoint)?.host;
}

const TURNED_OFF =
  'Everything goes over the relay, because direct paths are turned off (network.nat_traversal: off).';

/** Only with `force` there are answers to speak of. */
function whatIfOn(seen: Grades, findings: NetcheckFindings): readonly string[] {
  if (findings.udp === null) {
    return [
      'No STUN server and no gateway was asked for the same reason. To ask them this once: pilotctl netcheck --force',
    ];
  }
  const [first = '', ...more] = outlookOf(seen, findings).expect;
  return [`With direct paths turned on: ${first}`, ...more];
}

interface Grades {
  readonly v4: Grade;
  readonly v6: Grade;
}

function outlookOf({ v4, v6 }: Grades, findings: NetcheckFindings): NetcheckOutlook {
  if (v4 === 'absent' && WORKING.has(v6)) {
    return { verdict: 'ipv6_direct', expect: [V6_ALONE] };
  }
  const { verdict, sentence } = OUTLOOK[v4 === 'absent' ? v6 : v4](findings);
  if (!WORKING.has(v6)) return { verdict, expect: [sentence] };
  if (!WORKING.has(v4)) return { verdict: 'ipv6_direct', expect: [`${V6_FIRST} ${sentence}`] };
  return { verdict, expect: [sentence, ...(verdict === 'direct' ? [] : [V6_HELPS])] };
}

/** They lead somewhere. */
const WORKING: ReadonlySet<Grade> = new Set<Grade>([
  ...(['open', 'lenient', 'strict', 'counting', 'random'] as const),
]);

const V6_ALONE =
  'Direct to peers that have IPv6, which is all that this host has; to others over the relay.';
const V6_FIRST = 'Direct to peers that have IPv6.';
const V6_HELPS = 'IPv6 works too: peers that have it are reached without guessing.';

interface FamilyOutlook {
  readonly verdict: NetcheckVerdict;
  readonly sentence: string;
}

const OUTLOOK: Readonly<Record<Grade, (findings: NetcheckFindings) => FamilyOutlook>> = {
  absent: () => ({
    verdict: 'relay_only',
    sentence: 'This host has no address in any network: it is offline.',
  }),
  unasked: () => ({
    verdict: 'unknown',
    sentence:
      'Whether direct paths can be had is not known: there was no STUN server to ask. Relays mostly are one, once this node is logged in there; others are named by protocol.connection.stun_servers.',
  }),
  blocked: ({ ipv6 }) => ({
    verdict: 'relay_only',
    sentence:
      ipv6.udp === true
        ? 'UDP over IPv4 is blocked here: to all others everything goes over the relay.'
        : 'UDP is blocked here: everything goes over the relay.',
  }),
  unclear: () => ({
    verdict: 'unknown',
    sentence:
      'Direct to many peers, perhaps to most: UDP works, but two STUN servers that agree, or one with two addresses, have to tell what the NAT does (protocol.connection.stun_servers).',
  }),
  open: ({ port_mapping: port, ipv4 }) => ({
    verdict: 'direct',
    sentence: `Direct to every peer that has UDP: ${reasonForOpen(isLetIn(port, ipv4), ipv4)}.`,
  }),
  lenient: () => ({
    verdict: 'direct',
    sentence:
      'Direct to every peer that has UDP: the NAT has one outer port for all, and lets in every host that was written to.',
  }),
  strict: ({ ipv4 }) => ({
    verdict: 'mostly_direct',
    sentence:
      ipv4.behind_nat === false
        ? `Direct to most peers: there is no NAT, but a firewall. ${GUESSING}`
        : `Direct to most peers: the NAT has one outer port for all. ${GUESSING}`,
  }),
  counting: ({ ipv4 }) => ({
    verdict: 'hard_nat',
    sentence: `Direct to most peers, with many after some seconds: the NAT takes another port for each destination, counting by ${ipv4.port_step ?? 1}, and ports have to be guessed. Behind two hard NATs of which one chooses ports at random the relay is used.`,
  }),
  random: () => ({
    verdict: 'hard_nat',
    sentence:
      'Direct to most peers, with many after some seconds: the NAT takes another port for each destination, and ports have to be guessed. Behind two hard NATs the relay is used.',
  }),
};

const GUESSING =
  'Where the NAT of the peer changes ports they have to be guessed, which takes some seconds.';

function reasonForOpen(isMapped: boolean, { behind_nat: behindNat }: NetcheckFamily): string {
  if (isMapped) return 'the gateway forwards a port to this host';
  return behindNat === false
    ? 'this host has a public address'
    : 'the NAT has one outer port for all, and lets everybody in';
}

function gradeOf(family: NetcheckFamily): Grade {
  if (!family.available) return 'absent';
  if (family.udp === null) return 'unasked';
  if (!family.udp) return 'blocked';
  if (family.mapped === '') return 'unclear';
  if (family.behind_nat === false) return behindFirewall(family);
  switch (family.mapping) {
    case 'endpoint-independent':
      return behindFirewall(family, 'strict');
    case 'unknown':
      return 'unclear';
    case 'address-dependent':
    case 'address-and-port-dependent':
      return family.port_step === null ? 'random' : 'counting';
  }
}

/** One outer port for all: it depends on who is let in. Where that is not known, NATs mostly are strict. */
function behindFirewall({ filtering }: NetcheckFamily, unknown: Grade = 'open'): Grade {
  switch (filtering) {
    case 'endpoint-independent':
      return 'open';
    case 'address-dependent':
      return 'lenient';
    case 'address-and-port-dependent':
      return 'strict';
    case 'unknown':
      return unknown;
  }
}
