/** What `pilotctl netcheck` says at every kind of site, with the built programs. */
import { readFileSync } from 'node:fs';

import { beforeAll, describe, expect, test } from 'vitest';

import type { Netcheck } from '../../src/client/api.ts';
import { eventually } from '../support/processes.ts';
import { Sandbox, type SandboxNode } from '../support/sandbox.ts';
import { describeWithLab } from './describe-with-lab.ts';
import { inParallel } from './in-parallel.ts';
import { Lab, type Server } from './lab.ts';
import { SITE_KINDS, type SiteKind } from './site.ts';

/** Which firewalls let out. */
const RELAY_PORT = 443;
const STUN_PORTS = [3478, 3479] as const;
/** More at a time than two cores start without each of them getting slow. */
const PARALLEL_SITES = 4;
const MAX_MS = 10_000;

const CONE = { udp: true, behind_nat: true, mapping: 'endpoint-independent' } as const;
const STRICT = { ...CONE, filtering: 'address-and-port-dependent', hairpin: false } as const;
const HARD = { ...STRICT, mapping: 'address-and-port-dependent', port_kept: false } as const;
const BLOCKED = { available: true, udp: false, mapped: '', mapping: 'unknown' } as const;
const ABSENT = { available: false, addresses: [], udp: null } as const;
const PUBLIC = { udp: true, behind_nat: false, filtering: 'endpoint-independent' } as const;

interface Expected {
  readonly verdict: Netcheck['verdict'];
  /** The first sentence. */
  readonly words: RegExp;
  readonly members: object;
}

const EVERY = /^Direct to every peer that has UDP/;
const MOST = /^Direct to most peers: the NAT has one outer port for all\. .* some seconds\.$/;
const GUESSING = /^Direct to most peers, with many after some seconds: .* the relay is used\.$/;
const NO_UDP = /^UDP is blocked here: everything goes over the relay\.$/;

const EXPECTED: Readonly<Record<SiteKind, Expected>> = {
  open: { verdict: 'direct', words: EVERY, members: { ipv4: PUBLIC, ipv6: PUBLIC } },
  'full-cone': {
    ...{ verdict: 'direct', words: EVERY },
    members: { ipv4: { ...CONE, filtering: 'endpoint-independent', hairpin: false } },
  },
  hairpin: {
    ...{ verdict: 'direct', words: EVERY },
    members: { ipv4: { ...CONE, filtering: 'endpoint-independent', hairpin: true } },
  },
  'address-restricted': {
    ...{ verdict: 'direct', words: EVERY },
    members: { ipv4: { ...CONE, filtering: 'address-dependent' } },
  },
  home: {
    ...{ verdict: 'mostly_direct', words: MOST },
    members: { ipv4: { ...STRICT, port_kept: true, port_step: null }, ipv6: ABSENT },
  },
  'home-ports-changed': {
    ...{ verdict: 'mostly_direct', words: MOST },
    members: { ipv4: { ...STRICT, port_kept: false } },
  },
  'carrier-grade': { verdict: 'mostly_direct', words: MOST, members: { ipv4: STRICT } },
  'per-address': {
    ...{ verdict: 'hard_nat', words: GUESSING },
    members: { ipv4: { ...HARD, mapping: 'address-dependent' } },
  },
  'symmetric-sequential': {
    ...{ verdict: 'hard_nat', words: /counting by 1, .* at random the relay is used\.$/ },
    members: { ipv4: { ...HARD, port_step: 1 } },
  },
  'symmetric-random': {
    ...{ verdict: 'hard_nat', words: GUESSING },
    members: { ipv4: { ...HARD, port_step: null } },
  },
  'udp-blocked': {
    ...{ verdict: 'relay_only', words: NO_UDP },
    members: { udp: false, ipv4: BLOCKED },
  },
  'tcp-443-only': {
    ...{ verdict: 'relay_only', words: NO_UDP },
    members: { udp: false, ipv4: BLOCKED },
  },
  'ipv6-only': {
    ...{ verdict: 'ipv6_direct', words: /^Direct to peers that have IPv6, which is all/ },
    members: { ipv4: ABSENT, ipv6: { udp: true, behind_nat: false } },
  },
};

const KINDS = [...SITE_KINDS, 'hairpin'] as const;

/** The relay's STUN server has two addresses, as only one that has them can tell whom a NAT lets in. */
async function startServers(lab: Lab, sandbox: Sandbox): Promise<string> {
  const [relay, plain] = [await lab.server('relay', { addresses: 2 }), await lab.server('stun')];
  const places = [relay.v4, relay.v6.map((address) => `[${address}]`)].flatMap((addresses) =>
    addresses.map((address, n) => `${address}:${STUN_PORTS[n] ?? 0}`),
  );
  const start = async (
    { hostname, namespace }: Server,
    stun: readonly string[],
  ): Promise<string> => {
    const program = sandbox.relay(hostname, namespace.inside);
    const options = stun.flatMap((place) => ['--stun', place]);
    await program.start('--listen', `[::]:${RELAY_PORT}`, ...options);
    return `ws://${hostname}:${RELAY_PORT}/${new URL(program.url).hash}`;
  };
  await start(plain, [`[::]:${STUN_PORTS[0]}`]);
  return start(relay, places);
}

async function startNode(lab: Lab, sandbox: Sandbox, at: Place): Promise<SandboxNode> {
  const { host } = await lab.site(at.kind, { name: at.name });
  const node = sandbox.node(at.name, host.inside);
  node.env['PILOT_RELAY'] = at.relay;
  node.env['PILOT_NAT_TRAVERSAL'] = at.natTraversal;
  await node.start('--stun', `stun.natlab.test:${STUN_PORTS[0]}`);
  const client = node.client();
  try {
    await eventually(`${node.name} is at the relay`, async () => {
      const { relays } = await client.info();
      return relays.some(({ state }) => state === 'online') || undefined;
    });
  } finally {
    client.close();
  }
  return node;
}

interface Place {
  readonly kind: SiteKind;
  readonly name: string;
  readonly relay: string;
  readonly natTraversal: 'required' | 'off';
}

async function check(node: SandboxNode, ...options: string[]): Promise<Netcheck> {
  return node.json<Netcheck & Record<string, unknown>>('netcheck', ...options);
}

/** Ctrl-C while it waits for servers that do not answer. */
async function interrupt(node: SandboxNode): Promise<number | null> {
  const running = node.background('netcheck');
  await eventually(
    'the netcheck is under way',
    () => readFileSync(node.paths.logFile, 'utf8').includes('netcheck begins') || undefined,
  );
  return (await running.stop('SIGINT')).code;
}

describeWithLab('netcheck', () => {
  const found = new Map<SiteKind, Netcheck>();
  const seen: { off?: Netcheck; forced?: Netcheck; text?: string; interrupted?: number | null } =
    {};

  beforeAll(async () => {
    await Lab.run(async (lab) =>
      Sandbox.run(async (sandbox) => {
        const relay = await startServers(lab, sandbox);
        const jobs = KINDS.map((kind) => async () => {
          const place = { kind, name: kind, relay, natTraversal: 'required' } as const;
          const node = await startNode(lab, sandbox, place);
          if (kind === 'udp-blocked') seen.interrupted = await interrupt(node);
          found.set(kind, await check(node));
          if (kind === 'tcp-443-only') seen.text = await node.pilotctl('netcheck');
        });
        await inParallel(PARALLEL_SITES, jobs);
        const off = { kind: 'home', name: 'off', relay, natTraversal: 'off' } as const;
        const node = await startNode(lab, sandbox, off);
        seen.off = await check(node);
        seen.forced = await check(node, '--force');
      }),
    );
  }, 180_000);

  test.each(KINDS)('%s', (kind) => {
    const { verdict, words, members } = EXPECTED[kind];
    const answer = found.get(kind);
    expect(answer).toMatchObject({ verdict, warnings: [], ...members });
    expect(answer?.expect[0]).toMatch(words);
    expect(answer?.duration_ms).toBeLessThan(MAX_MS);
    expect(answer?.relays).toMatchObject([{ online: true, outcome: 'ok' }]);
    expect(answer).toMatchObject({ captive_portal: false, http_proxies: [] });
    expect(answer?.nearest_relay).toBe(answer?.relays[0]?.url);
  });

  test('in text', () => {
    expect(seen.text).toMatch(/^UDP is blocked here: .*\n\nUDP +blocked\n/);
    expect(seen.text).toMatch(/^relay +ws:\/\/relay\.natlab\.test:443\/ +online .* nearest$/m);
  });

  test('Ctrl-C ends it', () => {
    expect(seen.interrupted).toBe(130);
  });

  describe('nat_traversal: off', () => {
    test('asks nobody but the relay', () => {
      expect(seen.off).toMatchObject({ verdict: 'relay_only', udp: null, stun_servers: [] });
      expect(seen.off?.port_mapping.status).toBe('not_asked');
      expect(seen.off?.expect.join()).toMatch(/nat_traversal: off.*pilotctl netcheck --force/);
    });

    test('with --force it asks', () => {
      expect(seen.forced).toMatchObject({ verdict: 'relay_only', udp: true, ipv4: STRICT });
      expect(seen.forced?.expect[1]).toMatch(/^With direct paths turned on: Direct to most peers/);
    });
  });
});
