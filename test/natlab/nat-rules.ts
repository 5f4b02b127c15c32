/**
 * What a router does, as nftables rules. Words of RFC 4787: the mapping is endpoint-independent (EIM), address-dependent
 * (ADM) or address-and-port-dependent (APDM); so is the filtering (EIF, ADF, APDF).
 *
 *     lan0 ──> prerouting ──> forward ──> postrouting ──> wan
 *
 * Every router drops what comes to itself unasked from outside, as real ones do. Otherwise a probe that arrives before
 * our own first packet leaves an entry in the connection table, our packet gets another port, and every NAT looks symmetric.
 * One statement a line: nft 1.0.6 does not read more.
 */
export type NatKind =
  | 'full-cone'
  | 'hairpin'
  | 'address-restricted'
  | 'home'
  | 'home-ports-changed'
  | 'per-address'
  | 'symmetric-sequential'
  | 'symmetric-random'
  | 'udp-blocked'
  | 'tcp-443-only'
  | 'firewall';

/** `outer` is the router's own IPv4 address outside; a firewall translates nothing and has none. */
export function routerRules(kind: NatKind, outer: string): string {
  const {
    sets = [],
    prerouting = [],
    forward = DEFAULT_FORWARD,
    postrouting,
  } = rulesOf(kind, outer);
  return `
table inet router
delete table inet router
table ip nat
delete table ip nat

table inet router {
${block(sets)}
  chain input {
    type filter hook input priority 0; policy accept;
    iifname "wan" ct state established,related accept
    iifname "wan" meta l4proto ipv6-icmp accept
    iifname "wan" drop
  }
  chain forward {
    type filter hook forward priority 0; policy drop;
${block(forward)}
    ct state established,related accept
  }
}
table ip nat {
${block(CONES.has(kind) ? CONE_MAP : [])}
  chain prerouting {
    type nat hook prerouting priority -100; policy accept;
${block(prerouting)}
  }
  chain postrouting {
    type nat hook postrouting priority 100; policy accept;
${block(postrouting)}
  }
}
`;
}

interface Rules {
  readonly sets?: readonly string[];
  readonly prerouting?: readonly string[];
  readonly forward?: readonly string[];
  readonly postrouting: readonly string[];
}

const DEFAULT_FORWARD = ['iifname "lan0" accept'];
const MASQUERADE = 'oifname "wan" masquerade';

const CONES: ReadonlySet<NatKind> = new Set(['full-cone', 'hairpin', 'address-restricted']);

/** Outer port -> inner endpoint, learned from what goes out. */
const CONE_MAP = [
  'map cone {',
  'type inet_service : ipv4_addr . inet_service',
  'flags dynamic,timeout',
  '}',
];
const CONE_IN = ['iifname "wan" meta l4proto udp dnat ip to udp dport map @cone'];

const CONE_FORWARD = [...DEFAULT_FORWARD, 'iifname "wan" ct status dnat accept'];

/** Learning comes before translating, which ends the chain. */
function coneOut(outer: string): string[] {
  return [
    'oifname "wan" meta l4proto udp update @cone { udp sport timeout 300s : ip saddr . udp sport }',
    `oifname "wan" snat to ${outer}`,
  ];
}

function rulesOf(kind: NatKind, outer: string): Rules {
  switch (kind) {
    case 'full-cone':
      return {
        prerouting: CONE_IN,
        forward: CONE_FORWARD,
        postrouting: coneOut(outer),
      };
    case 'hairpin':
      return {
        prerouting: [
          ...CONE_IN,
          `iifname "lan0" ip daddr ${outer} meta l4proto udp dnat ip to udp dport map @cone`,
        ],
        forward: CONE_FORWARD,
        // Not for what comes from outside, which is on its way to lan0 as well.
        postrouting: [
          `oifname "lan0" ip saddr 10.0.0.0/8 ct status dnat snat to ${outer}`,
          ...coneOut(outer),
        ],
      };
    case 'address-restricted':
      return {
        sets: [
          'set seen {',
          'type ipv4_addr . inet_service . ipv4_addr',
          'flags dynamic,timeout',
          'timeout 300s',
          '}',
        ],
        prerouting: CONE_IN,
        forward: [
          'iifname "lan0" meta l4proto udp update @seen { ip saddr . udp sport . ip daddr }',
          ...DEFAULT_FORWARD,
          'iifname "wan" ct status dnat ip daddr . udp dport . ip saddr @seen accept',
        ],
        postrouting: coneOut(outer),
      };
    case 'home':
      return { postrouting: [MASQUERADE] };
    case 'home-ports-changed':
      return {
        postrouting: [`oifname "wan" meta l4proto udp masquerade to :${CHANGED_PORTS}`, MASQUERADE],
      };
    case 'per-address':
      return { postrouting: [...perAddressRanges(), MASQUERADE] };
    case 'symmetric-sequential':
      return { postrouting: [`oifname "wan" meta l4proto udp ${sequential(outer)}`, MASQUERADE] };
    case 'symmetric-random':
      return { postrouting: ['oifname "wan" masquerade fully-random'] };
    case 'udp-blocked':
      return {
        forward: ['meta l4proto != tcp drop', ...DEFAULT_FORWARD],
        postrouting: [MASQUERADE],
      };
    case 'tcp-443-only':
      return { forward: ['iifname "lan0" tcp dport 443 accept'], postrouting: [MASQUERADE] };
    case 'firewall':
      return { postrouting: [] };
  }
}

/** Beside the range that hosts take their own ports from (32768 to 60999): a port inside is kept. */
const CHANGED_PORTS = '10000-29999';

/** As many addresses as 203.0.113.0/24 has, 200 ports each: what goes to one of them shares a mapping. */
function perAddressRanges(): string[] {
  return Array.from({ length: 100 }, (_, host) => {
    const first = 10_000 + 200 * host;
    return `oifname "wan" meta l4proto udp ip daddr 203.0.113.${host} masquerade to :${first}-${first + 199}`;
  });
}

const SEQUENCE_LENGTH = 512;

function sequential(outer: string): string {
  const ports = Array.from({ length: SEQUENCE_LENGTH }, (_, n) => `${n} : ${50_000 + n}`);
  return `snat ip to ${outer} : numgen inc mod ${SEQUENCE_LENGTH} map { ${ports.join(', ')} }`;
}

function block(lines: readonly string[]): string {
  return lines.map((line) => `    ${line}`).join('\n');
}
