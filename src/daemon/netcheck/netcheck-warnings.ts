import type { NetcheckFindings, NetcheckRelay, NetcheckStunServer } from '../../client/api.ts';
import { isLetIn } from './netcheck-verdict.ts';

/** What somebody should look at, a sentence or two each. */
export function netcheckWarnings(findings: NetcheckFindings): readonly string[] {
  return [
    ...portalWarnings(findings),
    ...findings.relays.flatMap(relayWarnings),
    ...proxyWarnings(findings),
    ...serverWarnings(findings),
    ...gatewayWarnings(findings),
  ];
}

function portalWarnings({ captive_portal: isCaptive }: NetcheckFindings): string[] {
  if (isCaptive !== true) return [];
  return [
    'Something answers in the place of the relay: a captive portal that wants a login (open a browser), a proxy that looks into connections, or the URL is not that of a relay.',
  ];
}

function relayWarnings(relay: NetcheckRelay): string[] {
  const { url, online, outcome, detail, via } = relay;
  const warnings: string[] = [];
  if (outcome === 'ok' && !online) {
    warnings.push(
      `${url} answers, but this node is not logged in there. Why: pilotctl info. A proxy that does not let WebSockets through is one reason.`,
    );
  } else if (outcome !== 'ok' && !(online && isHarmless(outcome))) {
    warnings.push(`${url}: ${detail}`);
  }
  if (via !== '') warnings.push(`${url} is reached through an HTTP proxy: ${via}`);
  return warnings;
}

/** A server before the relay need not know its page of health as long as it lets WebSockets through. */
function isHarmless(outcome: NetcheckRelay['outcome']): boolean {
  return outcome === 'other' || outcome === 'redirect';
}

function proxyWarnings({ http_proxies: proxies }: NetcheckFindings): string[] {
  if (proxies.length === 0) return [];
  const named = proxies.map(({ variable, proxy }) => `${variable} is ${proxy}`).join(', ');
  return [
    `${named} in the environment of the daemon, which uses no proxy: the relays have to be reachable without.`,
  ];
}

function serverWarnings({ stun_servers: servers, udp, ipv4, ipv6 }: NetcheckFindings): string[] {
  const named = (outcome: NetcheckStunServer['outcome']): string =>
    servers
      .filter((server) => server.outcome === outcome)
      .map(({ name, address }) =>
        address === '' || address === name ? name : `${name} (${address})`,
      )
      .join(', ');
  const contradicted = named('contradicted');
  const silent = udp === true ? named('no_answer') : '';
  const unresolved = named('not_resolved');
  const useless = [named('refused'), named('unusable')].filter((text) => text !== '').join(', ');
  const isDivided = [ipv4, ipv6].some(
    (family) => family.udp === true && family.mapped === '' && family.available,
  );
  return [
    ...(contradicted === ''
      ? []
      : [`Most STUN servers saw another address than ${contradicted} told: not believed.`]),
    ...(isDivided && useless === ''
      ? [
          'The STUN servers contradict each other about the address of this host: one of them is wrong, or the NAT has several addresses.',
        ]
      : []),
    ...(silent === '' ? [] : [`No answer from the STUN server ${silent}.`]),
    ...(useless === '' ? [] : [`No usable answer from the STUN server ${useless}.`]),
    ...(unresolved === '' ? [] : [`The name of the STUN server ${unresolved} cannot be resolved.`]),
  ];
}

function gatewayWarnings({ port_mapping: port, ipv4 }: NetcheckFindings): string[] {
  if (port.status !== 'mapped' || ipv4.mapped === '' || isLetIn(port, ipv4)) return [];
  return [
    `The gateway forwards ${port.external}, but STUN servers see ${ipv4.mapped}: another NAT is behind the gateway, and the forwarded port does not help.`,
  ];
}
