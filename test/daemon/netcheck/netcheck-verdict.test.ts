import { describe, expect, test } from 'vitest';

import type {
  NetcheckFamily,
  NetcheckFindings,
  NetcheckRelay,
  NetcheckVerdict,
} from '../../../src/client/api.ts';
import { netcheckOutlook } from '../../../src/daemon/netcheck/netcheck-verdict.ts';
import { captivePortal, nearestRelay, udpOf } from '../../../src/daemon/netcheck/netcheck-view.ts';
import { netcheckWarnings } from '../../../src/daemon/netcheck/netcheck-warnings.ts';
import { AT_HOME, NETCHECK, NO_FAMILY } from '../../client/fake-netcheck.ts';

const [RELAY] = NETCHECK.relays as [NetcheckRelay];
const V6: NetcheckFamily = {
  ...{ ...AT_HOME, addresses: ['2001:db8::2'], mapped: '[2001:db8::2]:4000', behind_nat: false },
};
const OPEN: NetcheckFamily = { ...AT_HOME, behind_nat: false, filtering: 'unknown' };
const FULL_CONE: NetcheckFamily = { ...AT_HOME, filtering: 'endpoint-independent' };
const LENIENT: NetcheckFamily = { ...AT_HOME, filtering: 'address-dependent' };
const UNTESTED: NetcheckFamily = { ...AT_HOME, filtering: 'unknown' };
const RANDOM: NetcheckFamily = { ...AT_HOME, mapping: 'address-and-port-dependent' };
const COUNTING: NetcheckFamily = { ...RANDOM, port_step: -2 };
const UNCLEAR: NetcheckFamily = { ...AT_HOME, mapping: 'unknown' };
const DIVIDED: NetcheckFamily = { ...AT_HOME, mapped: '' };
const BLOCKED: NetcheckFamily = {
  ...NO_FAMILY,
  available: true,
  addresses: ['10.1.0.2'],
  udp: false,
};
const UNASKED: NetcheckFamily = { ...BLOCKED, udp: null };
const MAPPED: NetcheckFindings['port_mapping'] = {
  ...{ status: 'mapped', protocol: 'pcp', external: '203.0.113.10:5000', failures: [] },
};

/** With what follows from the families filled in. */
function findings(changes: Partial<NetcheckFindings>): NetcheckFindings {
  const all = { ...NETCHECK, ...changes };
  return { ...all, udp: udpOf(all.ipv4, all.ipv6), captive_portal: captivePortal(all.relays) };
}

type Row = [string, Partial<NetcheckFindings>, NetcheckVerdict, RegExp];

const ROWS: Row[] = [
  ['public', { ipv4: OPEN }, 'direct', /^Direct to every peer .* a public address\.$/],
  [
    'public, behind a firewall',
    { ipv4: { ...OPEN, filtering: 'address-and-port-dependent' } },
    'mostly_direct',
    /^Direct to most peers: there is no NAT, but a firewall\. Where the NAT of the peer/,
  ],
  ['full cone', { ipv4: FULL_CONE }, 'direct', /^Direct to every peer .* lets everybody in\.$/],
  ['lenient', { ipv4: LENIENT }, 'direct', /^Direct to every peer .* that was written to\.$/],
  ['strict', {}, 'mostly_direct', /^Direct to most peers: the NAT has one outer port for all/],
  ['filter not known', { ipv4: UNTESTED }, 'mostly_direct', /^Direct to most peers: the NAT/],
  ['counting', { ipv4: COUNTING }, 'hard_nat', /counting by -2.*of which one chooses .* relay/],
  ['random', { ipv4: RANDOM }, 'hard_nat', /guessed\. Behind two hard NATs the relay is used\.$/],
  ['unclear', { ipv4: UNCLEAR }, 'unknown', /^Direct to many peers, perhaps to most/],
  ['divided', { ipv4: DIVIDED }, 'unknown', /^Direct to many peers, perhaps to most/],
  ['not asked', { ipv4: UNASKED }, 'unknown', /there was no STUN server to ask/],
  ['blocked', { ipv4: BLOCKED }, 'relay_only', /^UDP is blocked here: everything goes/],
  ['offline', { ipv4: NO_FAMILY }, 'relay_only', /^This host has no address in any network/],
  ['IPv6 alone', { ipv4: NO_FAMILY, ipv6: V6 }, 'ipv6_direct', /which is all that this host has/],
  ['IPv6 alone, blocked', { ipv4: NO_FAMILY, ipv6: BLOCKED }, 'relay_only', /^UDP is blocked here/],
  ['IPv6 alone, not asked', { ipv4: NO_FAMILY, ipv6: UNASKED }, 'unknown', /no STUN server to ask/],
  [
    'IPv4 blocked, IPv6 open',
    { ipv4: BLOCKED, ipv6: V6 },
    'ipv6_direct',
    /^Direct to peers that have IPv6\. UDP over IPv4 is blocked here/,
  ],
  [
    'both',
    { ipv4: RANDOM, ipv6: V6 },
    'hard_nat',
    /Behind two hard NATs .*\nIPv6 works too: peers that have it are reached without guessing\.$/,
  ],
  ['a forwarded port', { ipv4: RANDOM, port_mapping: MAPPED }, 'direct', /gateway forwards a port/],
  [
    'a port forwarded by an inner gateway',
    { ipv4: RANDOM, port_mapping: { ...MAPPED, external: '198.51.100.1:5000' } },
    ...(['hard_nat', /^Direct to most peers, with many/] as const),
  ],
  ['a forwarded port, blocked', { ipv4: BLOCKED, port_mapping: MAPPED }, 'relay_only', /^UDP is/],
  [
    'turned off',
    { nat_traversal: 'off', ipv4: UNASKED },
    'relay_only',
    /^Everything goes over the relay, because .*nat_traversal: off.*\n.*netcheck --force$/,
  ],
  [
    'turned off, asked all the same',
    { nat_traversal: 'off' },
    'relay_only',
    /nat_traversal: off.*\nWith direct paths turned on: Direct to most peers/,
  ],
  [
    'relay_fallback: false',
    { relay_fallback: false },
    'mostly_direct',
    /\nrelay_fallback is false: where there is no direct path/,
  ],
  ['no relay configured', { relays: [] }, 'no_relay', /^No relay is configured.*\nDirect to most/],
  [
    'no relay reached',
    { relays: [{ ...RELAY, online: false, outcome: 'timeout' }] },
    'no_relay',
    /^No relay can be reached, so no session can begin/,
  ],
  [
    'a relay that drains',
    { relays: [{ ...RELAY, online: false, outcome: 'draining' }] },
    ...(['mostly_direct', /^Direct to most peers/] as const),
  ],
];

test.each(ROWS)('%s', (_name, changes, verdict, words) => {
  const outlook = netcheckOutlook(findings(changes));
  expect(outlook.verdict).toBe(verdict);
  expect(outlook.expect.join('\n')).toMatch(words);
});

describe('warnings', () => {
  const offline = { ...RELAY, online: false };

  test('nothing to warn of', () => {
    expect(netcheckWarnings(findings({}))).toEqual([]);
  });

  test.each<[string, Partial<NetcheckRelay>, RegExp[]]>([
    [
      'a captive portal',
      { outcome: 'redirect', detail: 'the answer leads to http://login.hotel' },
      [/a captive portal that wants a login/, /relay\.example.*: the answer leads to http/],
    ],
    [
      'the certificate of somebody else',
      { outcome: 'certificate', detail: 'the certificate is not valid here (X, issued by Box)' },
      [/a proxy that looks into connections/, /issued by Box/],
    ],
    ['a dead relay', { outcome: 'timeout', detail: 'no answer within 5 s' }, [/no answer within/]],
    ['no login', { outcome: 'ok' }, [/answers, but this node is not logged in there/]],
    ['a proxy in front', { online: true, via: '1.1 squid' }, [/through an HTTP proxy: 1\.1 squid/]],
    // Some proxies let nothing but the WebSocket through to the relay.
    ['no page of health', { online: true, outcome: 'other', detail: 'HTTP 404' }, []],
    ['about to stop', { online: true, outcome: 'draining', detail: 'about to stop' }, [/stop/]],
  ])('%s', (_name, changes, expected) => {
    const warnings = netcheckWarnings(findings({ relays: [{ ...offline, ...changes }] }));
    expect(warnings).toEqual(expected.map((words) => expect.stringMatching(words) as string));
  });

  test('proxies that are set', () => {
    const http_proxies = [{ variable: 'HTTPS_PROXY', proxy: 'http://proxy:3128' }];
    expect(netcheckWarnings(findings({ http_proxies }))).toEqual([
      'HTTPS_PROXY is http://proxy:3128 in the environment of the daemon, which uses no proxy: the relays have to be reachable without.',
    ]);
  });

  test('a STUN server that answers with nonsense, and no second time that they disagree', () => {
    const [server] = NETCHECK.stun_servers;
    const stun_servers = server === undefined ? [] : [{ ...server, outcome: 'unusable' as const }];
    expect(netcheckWarnings(findings({ ipv4: DIVIDED, stun_servers }))).toEqual([
      'No usable answer from the STUN server stun.example:3478 (192.0.2.1:3478).',
    ]);
  });
});

test('the nearest relay is one that answers as a relay', () => {
  const relays: NetcheckRelay[] = [
    { ...RELAY, url: 'ws://near', online: false, outcome: 'other', rtt_ms: 1 },
    { ...RELAY, url: 'ws://far', rtt_ms: 80 },
    { ...RELAY, url: 'ws://middle', rtt_ms: 20 },
    { ...RELAY, url: 'ws://dead', online: false, outcome: 'timeout', rtt_ms: null },
  ];
  expect(nearestRelay(relays)).toBe('ws://middle');
  expect(nearestRelay([])).toBe('');
});
