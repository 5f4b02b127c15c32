import { PilotError } from '../../base/pilot-error.ts';
import type {
  GatewayMapping,
  GatewayMapRequest,
  GatewayStartRequest,
  GatewayUnmapped,
  GatewayUnmapRequest,
  GatewayView,
} from '../../client/api.ts';
import { checkPort } from '../streams/port-table.ts';
import type { ExposuresDeps } from './exposures.ts';
import { MappedPeer } from './mapped-peer.ts';
import { Subnet } from './subnet.ts';
import { type GatewayRule, MAX_GATEWAY_MAPPINGS, MAX_GATEWAY_PORTS } from './tunnel-rule.ts';

/** Of Linux, the whole of 127.0.0.0/8 belongs to every host: nobody has to be root to add addresses. */
const DEFAULT_SUBNET = '127.4.0.0/16';
/** Pilotctl interface 1.6. */
const DEFAULT_PORTS = [80, 443, 1000, 1001, 1002, 7, 8080, 8443];

interface Running {
  readonly subnet: Subnet;
  readonly ports: readonly number[];
  readonly mapped: Map<string, MappedPeer>;
}

/** Addresses of this host that stand for peers. */
export class Gateway {
  readonly #deps: ExposuresDeps;
  #running: Running | undefined;

  constructor(deps: ExposuresDeps) {
    this.#deps = deps;
  }

  view(): GatewayView {
    const running = this.#running;
    const mappings = [...(running?.mapped.values() ?? [])].map((mapped) => mapped.view());
    return {
      ...{ running: running !== undefined, pid: process.pid, subnet: running?.subnet.text ?? '' },
      ...{ ports: running?.ports ?? [], mappings, total: mappings.length },
    };
  }

  /** A rule that was on disk. */
  async restore(rule: GatewayRule): Promise<void> {
    const running = newRunning(rule.subnet, rule.ports);
    this.#running = running;
    for (const place of rule.mappings) {
      const mapped = new MappedPeer(this.#deps, place, rule.ports);
      running.mapped.set(place.ip, mapped);
      await mapped.open().catch((err: unknown) => {
        this.#deps.log.warn({ err, local_ip: place.ip }, 'the gateway cannot listen');
      });
    }
  }

  async start(request: GatewayStartRequest): Promise<GatewayView> {
    if (this.#running !== undefined) {
      throw new PilotError('already_exists', 'the gateway runs already', {
        hint: 'add a node: pilotctl gateway map <target>; or end it first: pilotctl gateway stop',
      });
    }
    const { subnet = DEFAULT_SUBNET, ports = DEFAULT_PORTS, targets = [] } = request;
    const running = newRunning(subnet, ports);
    this.#running = running;
    try {
      for (const target of targets) await this.#map(running, target, undefined);
      await this.#keep(running);
    } catch (error) {
      this.#end();
      throw error;
    }
    return this.view();
  }

  async stop(): Promise<GatewayView> {
    await this.#deps.rules.remove(ruleOf(this.#mustRun()));
    const view = this.view();
    this.#end();
    return { ...view, running: false };
  }

  async map({ target, local_ip: ip }: GatewayMapRequest): Promise<GatewayMapping> {
    const running = this.#mustRun();
    const { mapped, isNew } = await this.#map(running, target, ip);
    try {
      if (isNew) await this.#keep(running);
    } catch (error) {
      running.mapped.delete(mapped.ip);
      mapped.close();
      throw error;
    }
    return mapped.view();
  }

  async unmap({ local_ip: ip }: GatewayUnmapRequest): Promise<GatewayUnmapped> {
    const running = this.#mustRun();
    const mapped = running.mapped.get(ip);
    if (mapped === undefined) {
      throw new PilotError('not_found', `${ip} is mapped to no node`, {
        hint: 'see what is: pilotctl gateway list',
      });
    }
    const left = new Map(running.mapped);
    left.delete(ip);
    await this.#keep({ ...running, mapped: left });
    running.mapped.delete(ip);
    mapped.close();
    return { unmapped: ip };
  }

  /** The daemon ends: what is on disk stays. */
  close(): void {
    this.#end();
  }

  async #map(
    running: Running,
    target: string,
    askedIp: string | undefined,
  ): Promise<{ readonly mapped: MappedPeer; readonly isNew: boolean }> {
    const peer = await this.#deps.trusted(target);
    const known = [...running.mapped.values()].find((mapped) => mapped.peer === peer);
    const isAsWanted = askedIp === undefined || askedIp === known?.ip;
    if (known !== undefined && isAsWanted) {
      return { mapped: known, isNew: false };
    }
    if (known !== undefined) throw alreadyMapped(target, known.ip);
    const mapped = new MappedPeer(
      this.#deps,
      { ip: addressFor(running, askedIp), peer },
      running.ports,
    );
    try {
      await mapped.open();
    } catch (error) {
      mapped.close();
      throw error;
    }
    running.mapped.set(mapped.ip, mapped);
    return { mapped, isNew: true };
  }

  async #keep(running: Running): Promise<void> {
    await this.#deps.rules.put(ruleOf(running));
  }

  #end(): void {
    for (const mapped of this.#running?.mapped.values() ?? []) mapped.close();
    this.#running = undefined;
  }

  #mustRun(): Running {
    if (this.#running !== undefined) return this.#running;
    throw new PilotError('not_running', 'the gateway does not run', {
      hint: 'start it: pilotctl gateway start',
    });
  }
}

function newRunning(subnet: string, ports: readonly number[]): Running {
  const distinct = [...new Set(ports)];
  if (distinct.length === 0 || distinct.length > MAX_GATEWAY_PORTS || distinct.includes(0)) {
    throw new PilotError('invalid_argument', `a gateway has 1 to ${MAX_GATEWAY_PORTS} ports`, {
      hint: 'name them with commas between: 80,443,8080',
    });
  }
  for (const port of distinct) checkPort(port);
  return { subnet: Subnet.parse(subnet), ports: distinct, mapped: new Map() };
}

function addressFor({ subnet, mapped }: Running, asked: string | undefined): string {
  if (mapped.size >= MAX_GATEWAY_MAPPINGS) throw noAddressLeft(subnet);
  if (asked === undefined) {
    const free = subnet.free(new Set(mapped.keys()));
    if (free === undefined) throw noAddressLeft(subnet);
    return free;
  }
  if (!subnet.has(asked)) {
    throw new PilotError('invalid_argument', `${asked} is no address of ${subnet.text}`, {
      hint: 'leave it out to get the first that is free',
    });
  }
  if (mapped.has(asked)) {
    throw new PilotError('already_exists', `${asked} is mapped to another node`, {
      hint: `end that first: pilotctl gateway unmap ${asked}`,
    });
  }
  return asked;
}

function ruleOf({ subnet, ports, mapped }: Running): GatewayRule {
  const mappings = [...mapped.values()].map(({ ip, peer }) => ({ ip, peer }));
  return { kind: 'gateway', subnet: subnet.text, ports, mappings };
}

function alreadyMapped(target: string, ip: string): PilotError {
  return new PilotError('already_exists', `${target} is mapped to ${ip}`, {
    hint: `end that first: pilotctl gateway unmap ${ip}`,
  });
}

function noAddressLeft(subnet: Subnet): PilotError {
  return new PilotError('unavailable', `the gateway has no address of ${subnet.text} left`, {
    hint: 'end some: pilotctl gateway unmap',
  });
}
