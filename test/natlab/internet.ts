import path from 'node:path';

import type { RunningProcess } from '../support/processes.ts';
import type { Namespace } from './namespace.ts';
import { NATLAB_FOLDER } from './natlab-folder.ts';
import { Wire } from './wire.ts';

/** Addresses for documentation (RFC 5737, RFC 3849): they lead nowhere outside of the lab. */
const V4_PREFIX = '203.0.113';
const V6_PREFIX = '2001:db8';
/** 203.0.113.10 to .99; the rules of a router with address-dependent mappings know no others. */
const FIRST_HOST = 10;
const HOST_COUNT = 90;

const DELAY_TABLE = 100;
/** `struct ifreq` with IFF_TUN and IFF_NO_PI for TUNSETIFF (linux/if_tun.h); Node itself has no ioctl. */
const ATTACH_TUN = `
use Fcntl;
$^F = 255;
my ($name, @command) = @ARGV;
sysopen(my $tun, '/dev/net/tun', O_RDWR | O_NONBLOCK) or die "/dev/net/tun: $!\\n";
ioctl($tun, 0x400454ca, pack('a16 S x22', $name, 0x1001)) or die "TUNSETIFF: $!\\n";
exec(@command, fileno($tun)) or die "$command[0]: $!\\n";
`;

export interface DelayOptions {
  /** Of every packet, from wherever to wherever. */
  readonly eachWayMs: number;
  /** What goes to one customer at most; more waits for up to 50 ms and is dropped then. */
  readonly megabytesPerSecond?: number;
}

/**
 * A router that every wire ends at. Not a bridge: routed packets can be led through a program on the way.
 *
 *     w1 ──┐                             ┌── w2
 *          └──> main table ──────────────┘            without delay
 *          └──> table 100 ──> delay0 ──> program ──> delay0 ──> main table ──> w2
 */
export class Internet {
  readonly namespace: Namespace;
  readonly #freeV4 = Array.from({ length: HOST_COUNT }, (_, n) => `${V4_PREFIX}.${FIRST_HOST + n}`);
  #nextV6 = FIRST_HOST;
  #nextWire = 1;
  #forwarder: RunningProcess | undefined;

  constructor(namespace: Namespace) {
    this.namespace = namespace;
  }

  async open(): Promise<void> {
    await this.namespace.sysctl({
      'ipv4/ip_forward': 1,
      'ipv6/conf/all/forwarding': 1,
      'ipv4/conf/all/send_redirects': 0,
      'ipv4/conf/default/send_redirects': 0,
      'ipv6/conf/default/accept_dad': 0,
    });
    await this.namespace.ip('link set lo up', `addr add ${V4_PREFIX}.1/32 dev lo`);
  }

  newV4(): string {
    const address = this.#freeV4.shift();
    if (address === undefined) throw new Error('this internet is full');
    return address;
  }

  /** The old one is given out again after all others. */
  exchangeV4(address: string): string {
    this.#freeV4.push(address);
    return this.newV4();
  }

  newV6(): string {
    return `${V6_PREFIX}::${this.#nextV6++}`;
  }

  /** `2001:db8:N::/64` without its end. */
  prefix6(site: number): string {
    return `${V6_PREFIX}:${site}::`;
  }

  async connect(edge: Namespace, addresses: Wire['addresses']): Promise<Wire> {
    const wire = new Wire(this.namespace, edge, `w${this.#nextWire++}`, addresses);
    await wire.connect();
    return wire;
  }

  async delay({ eachWayMs, megabytesPerSecond = 0 }: DelayOptions): Promise<void> {
    await this.undelay();
    const program = path.join(NATLAB_FOLDER, 'delay-forwarder.mjs');
    const settings = [eachWayMs, megabytesPerSecond].map(String);
    const attach = ['perl', '-e', ATTACH_TUN, 'delay0'];
    const { namespace } = this;
    const forwarder = namespace.spawn([...attach, process.execPath, program, ...settings]);
    this.#forwarder = forwarder;
    await forwarder.line(/^forwarding$/);
    await namespace.ip(
      'link set delay0 up',
      ...['0.0.0.0/0', '::/0'].map((all) => `route add ${all} dev delay0 table ${DELAY_TABLE}`),
    );
    for (const family of ['-4', '-6']) await this.#rule(family, 'add');
  }

  /** Packets on their way are lost. */
  async undelay(): Promise<void> {
    if (this.#forwarder === undefined) return;
    for (const family of ['-4', '-6']) await this.#rule(family, 'del');
    await this.#forwarder.stop();
    this.#forwarder = undefined;
  }

  async #rule(family: string, verb: 'add' | 'del'): Promise<void> {
    const what = ['not', 'iif', 'delay0', 'table', `${DELAY_TABLE}`, 'pref', `${DELAY_TABLE}`];
    await this.namespace.exec(['ip', family, 'rule', verb, ...what]);
  }
}
