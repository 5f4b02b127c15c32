/** What `pilotctl netcheck` tells of the network of this host. See `api.ts` for the manners. */

/** `POST /v1/netcheck`: takes 10 s at most; one at a time. */
export interface NetcheckRequest {
  /** Asks STUN servers and the gateway also where `nat_traversal: off` or `port_mapping: false` keep the daemon from it. */
  readonly force?: boolean;
}

/**
 * - `direct`: to every peer that has UDP
 * - `mostly_direct`: the same, but where the peer's NAT changes ports they have to be guessed
 * - `hard_nat`: this NAT changes ports; with a peer behind another such NAT the relay is used
 * - `ipv6_direct`: to peers that have IPv6; UDP over IPv4 does not work
 * - `relay_only`: UDP is blocked, or direct paths are turned off
 * - `no_relay`: no relay answers, so that no session can begin
 * - `unknown`: no STUN server could be asked, or too few
 */
export type NetcheckVerdict =
  'direct' | 'mostly_direct' | 'hard_nat' | 'ipv6_direct' | 'relay_only' | 'no_relay' | 'unknown';

/** For a mapping: of what the outer port depends; for filtering: who may answer through it (RFC 4787). */
export type NatDependence =
  'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent' | 'unknown';

/** One address family. */
export interface NetcheckFamily {
  /** This host has an address with which others could be reached. */
  readonly available: boolean;
  /** Such addresses. */
  readonly addresses: readonly string[];
  /** A STUN server answered; null: none was asked. */
  readonly udp: boolean | null;
  /** The outer address and port that most servers saw; empty when none did, or they disagree. */
  readonly mapped: string;
  readonly behind_nat: boolean | null;
  readonly mapping: NatDependence;
  readonly filtering: NatDependence;
  /** The outer port is the inner one. */
  readonly port_kept: boolean | null;
  /** From one mapping to the next, where the NAT counts. */
  readonly port_step: number | null;
  /** The NAT brings back what is sent from inside to its outer side. */
  readonly hairpin: boolean | null;
}

export interface NetcheckStunServer {
  /** As it is configured; for a relay's its host and STUN port. */
  readonly name: string;
  /** Numeric; empty when the name could not be resolved. */
  readonly address: string;
  /**
   * `refused`: answers with an error; `unusable`: an answer without an address that could be ours;
   * `contradicted`: most of the others saw another address; `not_resolved`: its name has no address.
   */
  readonly outcome:
    'answered' | 'no_answer' | 'refused' | 'unusable' | 'contradicted' | 'not_resolved';
  /** What it called our address and port; empty when it told none. */
  readonly mapped: string;
  /** Null also after a request was lost: nobody knows then which one was answered. */
  readonly rtt_ms: number | null;
}

export interface NetcheckPortMapping {
  /** `not_needed`: this host's IPv4 address is one of the internet, or it has none. */
  readonly status: 'mapped' | 'none' | 'not_needed' | 'not_asked';
  /** `pcp`, `nat-pmp`, `upnp`; empty unless mapped. */
  readonly protocol: string;
  /** At the gateway; given back already. */
  readonly external: string;
  /** Why each of the protocols did not work. */
  readonly failures: readonly { readonly protocol: string; readonly reason: string }[];
}

export interface NetcheckRelay {
  readonly url: string;
  /** The daemon is logged in there. */
  readonly online: boolean;
  /**
   * Of a request to its `/healthz` over a connection of its own. `other`: something else answers there;
   * `redirect`: the answer leads elsewhere; `certificate`: it is not valid for this host.
   */
  readonly outcome:
    | 'ok'
    | 'draining'
    | 'other'
    | 'redirect'
    | 'certificate'
    | 'refused'
    | 'dns'
    | 'unreachable'
    | 'timeout'
    | 'lost';
  /** The same in words; empty for `ok`. */
  readonly detail: string;
  /** Numeric, of what was connected to; empty when nothing was. */
  readonly address: string;
  /** From the beginning to the open TCP connection, the name's resolution included. */
  readonly connect_ms: number | null;
  /** Of the request and its answer. */
  readonly rtt_ms: number | null;
  /** HTTP proxies that the answer names; mostly one in front of the relay. */
  readonly via: string;
}

export interface NetcheckProxy {
  /** `HTTPS_PROXY`, in the environment of the daemon. */
  readonly variable: string;
  /** Without user name and password. */
  readonly proxy: string;
}

/** What was measured. */
export interface NetcheckFindings {
  readonly nat_traversal: 'required' | 'preferred' | 'off';
  readonly relay_fallback: boolean;
  /** A STUN server answered; null: none was asked. */
  readonly udp: boolean | null;
  readonly ipv4: NetcheckFamily;
  readonly ipv6: NetcheckFamily;
  readonly stun_servers: readonly NetcheckStunServer[];
  readonly port_mapping: NetcheckPortMapping;
  readonly relays: readonly NetcheckRelay[];
  /** The URL of the relay with the shortest round trip; empty when none answered. */
  readonly nearest_relay: string;
  /** Something answers in the place of the relays; null: no relay's answer was needed to tell, or came. */
  readonly captive_portal: boolean | null;
  readonly http_proxies: readonly NetcheckProxy[];
}

export interface Netcheck extends NetcheckFindings {
  readonly verdict: NetcheckVerdict;
  /** What to expect, in words: the first sentence is the sum of it. */
  readonly expect: readonly string[];
  /** What somebody should look at. */
  readonly warnings: readonly string[];
  readonly duration_ms: number;
}
