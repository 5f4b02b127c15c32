import type {
  Netcheck,
  NetcheckFamily,
  NetcheckRelay,
  NetcheckStunServer,
} from '../../client/client.ts';
import { defineCommand } from '../command.ts';
import { toggle } from '../option.ts';
import { columns } from '../output.ts';
import { printable } from '../printable.ts';

export const netcheck = defineCommand({
  args: {},
  options: {
    force: toggle('also ask STUN servers and gateway where the settings turn that off'),
  },
  returns:
    'verdict (direct, mostly_direct, hard_nat, ipv6_direct, relay_only, no_relay, unknown), expect[], warnings[], nat_traversal, relay_fallback, udp, ipv4 and ipv6{available, addresses, udp, mapped, behind_nat, mapping, filtering, port_kept, port_step, hairpin}, stun_servers[{name, address, outcome, mapped, rtt_ms}], port_mapping{status, protocol, external, failures[{protocol, reason}]}, relays[{url, online, outcome, detail, address, connect_ms, rtt_ms, via}], nearest_relay, captive_portal, http_proxies[{variable, proxy}], duration_ms',
  details:
    'Takes up to 10 s. The daemon measures, over sockets of its own beside those in use; what a gateway grants for it is given back.',
  async run({ client, options, signal, wait }) {
    const data = await wait(
      'looking at the network',
      client.netcheck({ signal, ...(options.force && { force: true }) }),
    );
    return { data, text: textOf(data) };
  },
});

function textOf(found: Netcheck): string {
  const { expect, warnings, stun_servers: servers, relays } = found;
  const sections = [
    expect.map(printable).join('\n'),
    columns([
      ['UDP', udpText(found.udp)],
      ['IPv4', familyText(found.ipv4)],
      ['IPv6', familyText(found.ipv6)],
      ['gateway', gatewayText(found)],
    ]),
    columns(relays.map((relay) => relayRow(relay, found.nearest_relay))),
    columns(servers.map(serverRow)),
    warnings.map((warning) => `warning: ${printable(warning)}`).join('\n'),
  ];
  return sections.filter((section) => section !== '').join('\n\n');
}

function udpText(udp: boolean | null): string {
  if (udp === null) return 'not asked';
  return udp ? 'yes' : 'blocked';
}

function familyText(family: NetcheckFamily): string {
  if (!family.available) return 'no address';
  const own = family.addresses.join(', ');
  if (family.udp === null) return `${own}; not asked`;
  if (!family.udp) return `${own}; no answer`;
  const mapped = family.mapped === '' ? 'outer address not clear' : `seen as ${family.mapped}`;
  if (family.behind_nat === false) {
    return `${own}; ${mapped}, no NAT; filtering ${family.filtering}`;
  }
  return [
    `${own}; ${mapped}; mapping ${family.mapping}, filtering ${family.filtering}`,
    ...portTexts(family),
    ...(family.hairpin === null ? [] : [family.hairpin ? 'hairpin' : 'no hairpin']),
  ].join(', ');
}

function portTexts({ port_kept: isKept, port_step: step }: NetcheckFamily): string[] {
  if (step !== null) return [`ports count by ${step}`];
  if (isKept === null) return [];
  return [isKept ? 'port kept' : 'port changed'];
}

function gatewayText({ port_mapping: port }: Netcheck): string {
  switch (port.status) {
    case 'mapped':
      return `forwards a port by ${port.protocol}: ${port.external} (given back)`;
    case 'none': {
      const reasons = port.failures.map(({ protocol, reason }) => `${protocol}: ${reason}`);
      return ['forwards no port', ...reasons].join('; ');
    }
    case 'not_needed':
      return 'not asked: there is nothing to forward';
    case 'not_asked':
      return 'not asked';
  }
}

function relayRow(relay: NetcheckRelay, nearest: string): string[] {
  const { url, online, outcome, rtt_ms: rttMs } = relay;
  // Without the Node ID of the relay, which is long and stands in `pilotctl info`.
  return [
    ...['relay', url.replace(/#.*$/, ''), online ? 'online' : 'not logged in'],
    outcome === 'ok' ? msText(rttMs) : outcome,
    url === nearest ? 'nearest' : '',
  ];
}

function serverRow({
  name,
  address,
  outcome,
  mapped,
  rtt_ms: rttMs,
}: NetcheckStunServer): string[] {
  const place = name === address ? '' : address;
  return ['STUN', name, place, outcome.replace('_', ' '), mapped, msText(rttMs)];
}

function msText(ms: number | null): string {
  return ms === null ? '' : `${ms.toFixed(1)} ms`;
}
