/**
 * A gateway as many homes have it: miniupnpd in a site's router, which answers PCP and NAT-PMP (port 5351) and UPnP, and
 * forwards what it granted by rules of its own beside those of the site:
 *
 *     wan ──> prerouting ──> prerouting_miniupnpd: dnat ──> forward ──> lan0
 *
 * The site needs `outerV4: PUBLIC_V4`: for an address for documentation miniupnpd grants nothing, as there would be
 * another NAT outside.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import type { MappingProtocol } from '../../src/daemon/links/port-mapper.ts';
import { eventually, type RunningProcess } from '../support/processes.ts';
import type { Namespace } from './namespace.ts';
import type { Site } from './site.ts';

/** One of IANA's own; in the lab it leads to this site, and nowhere else. */
export const PUBLIC_V4 = '192.0.32.10';

/** One statement a line, as in nat-rules.ts. Empty chains: nothing is left of another gateway in the same router. */
const RULES = `
table inet filter
delete table inet filter
table inet filter {
  chain miniupnpd {
  }
  chain prerouting_miniupnpd {
  }
  chain postrouting_miniupnpd {
  }
  chain prerouting {
    type nat hook prerouting priority -100; policy accept;
    jump prerouting_miniupnpd
  }
}
insert rule inet router forward iifname "wan" ct status dnat accept
`;

/** A gateway without PCP, which shares its port with NAT-PMP: for what begins with version 2 the port is closed. */
const WITHOUT_PCP = 'insert rule inet router input udp dport 5351 @th,64,8 2 reject\n';

/** 239.255.255.250 as /proc/net/igmp has it. */
const SSDP_GROUP = 'FAFFFFEF';

/** `upnp-1`: UPnP of version 1 alone. */
export type GatewayProtocol = MappingProtocol | 'upnp-1';

/** As the gateway keeps it; the end in seconds since 1970, now and then one too early. */
export interface GatewayLease {
  readonly outerPort: number;
  readonly inner: string;
  readonly endsAt: number;
}

export class Miniupnpd {
  readonly #router: Namespace;
  readonly #process: RunningProcess;
  readonly #leaseFile: string;

  private constructor(router: Namespace, process: RunningProcess, leaseFile: string) {
    this.#router = router;
    this.#process = process;
    this.#leaseFile = leaseFile;
  }

  /** One that speaks these protocols; its files are in the folder. It ends with the lab. */
  static async start(
    site: Site,
    folder: string,
    speaks: readonly GatewayProtocol[],
  ): Promise<Miniupnpd> {
    const { router } = site;
    const asked = new Set(speaks);
    const hasPcpOrNatPmp = asked.has('pcp') || asked.has('nat-pmp');
    const hasUpnp = asked.has('upnp') || asked.has('upnp-1');
    const file = (name: string): string => path.join(folder, name);
    writeFileSync(file('leases'), '');
    writeFileSync(
      file('miniupnpd.conf'),
      [
        'ext_ifname=wan',
        'listening_ip=lan0',
        'ipv6_disable=yes',
        `enable_natpmp=${yesOrNo(hasPcpOrNatPmp)}`,
        `enable_upnp=${yesOrNo(hasUpnp)}`,
        `force_igd_desc_v1=${yesOrNo(asked.has('upnp-1'))}`,
        'secure_mode=yes',
        `lease_file=${file('leases')}`,
        'uuid=3b241101-e2bb-4255-8caf-4136c566a962',
        'allow 1024-65535 10.0.0.0/8 1024-65535',
        'deny 0-65535 0.0.0.0/0 0-65535',
        '',
      ].join('\n'),
    );
    await router.nft(asked.has('pcp') ? RULES : RULES + WITHOUT_PCP);
    const files = ['-f', file('miniupnpd.conf'), '-P', file('pid')];
    const process = router.spawn(['miniupnpd', '-d', ...files]);
    const gateway = new Miniupnpd(router, process, file('leases'));
    if (hasPcpOrNatPmp) await process.line(/Listening for NAT-PMP/);
    if (hasUpnp) await gateway.#listensForSearches();
    return gateway;
  }

  /** What it granted, of its lease file. */
  leases(): readonly GatewayLease[] {
    const lines = readFileSync(this.#leaseFile, 'utf8').split('\n');
    return lines
      .filter((line) => line.startsWith('UDP:'))
      .map((line) => {
        const [, outerPort, host = '', port = '', endsAt] = line.split(':');
        return { outerPort: Number(outerPort), inner: `${host}:${port}`, endsAt: Number(endsAt) };
      });
  }

  /** Where it forwards to, of the rules that are in force. */
  async forwards(): Promise<readonly string[]> {
    const rules = await this.#router.exec(
      'nft list chain inet filter prerouting_miniupnpd'.split(' '),
    );
    return [...rules.matchAll(/dnat ip to (\S+)/g)].map(([, to = '']) => to);
  }

  async stop(): Promise<void> {
    await this.#process.stop();
  }

  async #listensForSearches(): Promise<void> {
    await eventually('miniupnpd listens for searches', async () => {
      const groups = await this.#router.exec(['cat', '/proc/net/igmp']);
      return groups.includes(SSDP_GROUP) || undefined;
    });
  }
}

function yesOrNo(is: boolean): string {
  return is ? 'yes' : 'no';
}
