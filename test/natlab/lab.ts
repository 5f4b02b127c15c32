/**
 * Networks of their own beside those of this host, and nothing of theirs leaves it:
 *
 *     server relay   server stun1           hosts of sites
 *          │              │                  │         │ lan0
 *          │ wan          │ wan              │       router        router
 *          │              │                  │ wan     │ wan         │ wan
 *          └──────────────┴──── internet ────┴─────────┘       carrier's router
 *                           203.0.113.0/24 and 2001:db8::/32 ──────┘ wan
 *
 * Each box is a network namespace. Needs root, `ip`, `nft` and perl (what Node has no system calls for), and /dev/net/tun for delay.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { Processes } from '../support/processes.ts';
import { type DelayOptions, Internet } from './internet.ts';
import { Lan } from './lan.ts';
import {
  abandonedNamespaces,
  etcOf,
  Namespace,
  namespaceName,
  processesIn,
  removeEtc,
  runCommand,
} from './namespace.ts';
import type { NatKind } from './nat-rules.ts';
import { Site, type SiteKind, type SiteRouter } from './site.ts';
import { WAN, type Wire } from './wire.ts';

let labs = 0;

/** Link-local addresses are there at once; nobody else could have them. */
const NO_DAD = { 'ipv6/conf/default/accept_dad': 0 };

const ROUTER = {
  'ipv4/ip_forward': 1,
  'ipv6/conf/all/forwarding': 1,
  // What stays within a network behind a router is no business of its rules.
  'bridge/bridge-nf-call-iptables': 0,
  'bridge/bridge-nf-call-ip6tables': 0,
};

export interface Server {
  /** What its addresses are found under, in every namespace: `relay.natlab.test`. */
  readonly hostname: string;
  readonly namespace: Namespace;
  readonly v4: readonly string[];
  readonly v6: readonly string[];
}

export interface SiteOptions {
  readonly name?: string;
  /** Behind the same router; default 1. */
  readonly hosts?: number;
  /** Of the router, where it matters that it is no address for documentation. */
  readonly outerV4?: string;
}

/** Why there can be no laboratory on this host; undefined when there can. */
export function missingForLab(): string | undefined {
  if (process.getuid?.() !== 0) return 'it needs root';
  const tools = ['ip', 'nft', 'perl'].filter((tool) => spawnSync(tool, ['-V']).error !== undefined);
  if (tools.length > 0) return `not installed: ${tools.join(', ')}`;
  const { status, stderr } = spawnSync('unshare', ['-n', 'nft', 'list', 'ruleset']);
  return status === 0 ? undefined : `no network namespaces here: ${String(stderr).trim()}`;
}

export class Lab {
  readonly processes = new Processes();
  readonly #number = ++labs;
  readonly #namespaces: Namespace[] = [];
  readonly #internet: Internet;
  #hostsFile = '127.0.0.1 localhost\n::1 localhost\n';
  #sites = 0;
  readonly #onExit = (): void => {
    this.#remove();
  };

  private constructor() {
    this.#internet = new Internet(this.#newNamespace('internet'));
  }

  /** An internet without anybody. */
  static async open(): Promise<Lab> {
    // What labs left behind whose process was killed.
    removeNamespaces(abandonedNamespaces());
    const lab = new Lab();
    process.on('exit', lab.#onExit);
    try {
      await lab.#create(lab.#internet.namespace);
      await lab.#internet.open();
    } catch (error) {
      await lab.close();
      throw error;
    }
    return lab;
  }

  /** Runs a test in a lab of its own, which is gone afterwards, however the test went. */
  static async run(test: (lab: Lab) => Promise<void>): Promise<void> {
    const lab = await Lab.open();
    try {
      await test(lab);
    } finally {
      await lab.close();
    }
  }

  /** A host on the internet that others know by name; with so many addresses of each family. */
  async server(name: string, { addresses = 1 } = {}): Promise<Server> {
    const namespace = await this.#host(name);
    const v4 = Array.from({ length: addresses }, () => this.#internet.newV4());
    const v6 = Array.from({ length: addresses }, () => this.#internet.newV6());
    const hostname = `${name}.natlab.test`;
    this.#hostsFile += [...v4, ...v6].map((address) => `${address} ${hostname}\n`).join('');
    for (const known of this.#namespaces) this.#writeHosts(known);
    await this.#internet.connect(namespace, { v4, v6 });
    return { hostname, namespace, v4, v6 };
  }

  async site(kind: SiteKind, options: SiteOptions = {}): Promise<Site> {
    const number = ++this.#sites;
    const { name = `${kind}-${number}`, hosts: count = 1 } = options;
    const names = Array.from({ length: count }, (_, n) => `${name}${n === 0 ? '' : `-${n + 1}`}`);
    const hosts = await Promise.all(names.map(async (host) => this.#host(host)));
    const exchangeV4 = (address: string): string => this.#internet.exchangeV4(address);
    const common = { kind, name, hosts, exchangeV4 };
    const [first] = hosts;
    if (kind === 'open') {
      if (first === undefined || count > 1) throw new Error('a host on the internet is alone');
      const addresses = { v4: [this.#internet.newV4()], v6: [this.#internet.newV6()] };
      const wire = await this.#internet.connect(first, addresses);
      return new Site({ ...common, wire, members: [], lan: undefined, routers: [] });
    }
    const edge = await this.#router(`${name}-router`);
    const isV6 = kind === 'ipv6-only';
    const wire = await this.#connectEdge(edge, isV6 ? number : options.outerV4);
    const v6 = this.#internet.prefix6(number);
    const routers: SiteRouter[] = [{ namespace: edge, nat: edgeNat(kind) }];
    let lan: Lan;
    if (kind === 'carrier-grade') {
      const home = await this.#router(`${name}-home`);
      const carrier = await openLan(edge, { v4: `100.64.${number}` });
      await carrier.connect(home, WAN);
      routers.push({ namespace: home, nat: 'home' });
      lan = await openLan(home, { v4: `10.${number}.0` });
    } else {
      lan = await openLan(edge, isV6 ? { v6 } : { v4: `10.${number}.0` });
    }
    const members = await Promise.all(hosts.map(async (host) => lan.connect(host, 'eth0')));
    const site = new Site({ ...common, wire, members, lan, routers });
    await site.loadRules();
    return site;
  }

  /** From now on every packet takes so long from its wire to the other. */
  async delay(options: DelayOptions): Promise<void> {
    await this.#internet.delay(options);
  }

  async undelay(): Promise<void> {
    await this.#internet.undelay();
  }

  /** Ends everything that runs inside and takes it all away. May be called twice. */
  async close(): Promise<void> {
    process.off('exit', this.#onExit);
    await this.processes.close();
    this.#remove();
  }

  #remove(): void {
    removeNamespaces(this.#namespaces.splice(0).map(({ name }) => name));
  }

  /** `place`: its IPv4 address, any when undefined; or the number of the site whose IPv6 prefix is behind it. */
  async #connectEdge(edge: Namespace, place: string | number | undefined): Promise<Wire> {
    if (typeof place !== 'number') {
      return this.#internet.connect(edge, { v4: [place ?? this.#internet.newV4()], v6: [] });
    }
    const routed6 = `${this.#internet.prefix6(place)}/64`;
    return this.#internet.connect(edge, { v4: [], v6: [this.#internet.newV6()], routed6 });
  }

  async #router(name: string): Promise<Namespace> {
    const router = await this.#namespace(name);
    await router.sysctl({ ...NO_DAD, ...ROUTER });
    return router;
  }

  async #host(name: string): Promise<Namespace> {
    const host = await this.#namespace(name);
    await host.sysctl(NO_DAD);
    return host;
  }

  async #namespace(name: string): Promise<Namespace> {
    const namespace = this.#newNamespace(name);
    await this.#create(namespace);
    return namespace;
  }

  #newNamespace(label: string): Namespace {
    return new Namespace(namespaceName(this.#number, label), this.processes);
  }

  async #create(namespace: Namespace): Promise<void> {
    this.#namespaces.push(namespace);
    this.#writeHosts(namespace);
    await runCommand(this.processes, ['ip', 'netns', 'add', namespace.name]);
  }

  /** `ip netns exec` shows it to programs inside as /etc/hosts. */
  #writeHosts({ name }: Namespace): void {
    mkdirSync(etcOf(name), { recursive: true });
    writeFileSync(path.join(etcOf(name), 'hosts'), this.#hostsFile);
  }
}

async function openLan(...args: ConstructorParameters<typeof Lan>): Promise<Lan> {
  const lan = new Lan(...args);
  await lan.open();
  return lan;
}

/** What the router does that is on the internet itself. */
function edgeNat(kind: Exclude<SiteKind, 'open'>): NatKind {
  if (kind === 'carrier-grade') return 'home';
  return kind === 'ipv6-only' ? 'firewall' : kind;
}

/**
 * With what still runs inside: a daemon that a command of ours had just begun to start is known to nobody.
 * Synchronous, for it has to work while the process exits. Namespaces that are gone already are no failure.
 */
function removeNamespaces(names: readonly string[]): void {
  if (names.length === 0) return;
  for (const pid of processesIn(names)) kill(pid);
  spawnSync('ip', ['-force', '-batch', '-'], {
    input: names.map((name) => `netns del ${name}`).join('\n'),
  });
  for (const name of names) removeEtc(name);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
