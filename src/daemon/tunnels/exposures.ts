import { formatEndpoint } from '../../base/endpoint.ts';
import { PilotError } from '../../base/pilot-error.ts';
import type {
  ExposedService,
  ExposeRequest,
  TunnelProtocol,
  UnexposeRequest,
} from '../../client/api.ts';
import type { Exposure } from './exposure.ts';
import { parseService } from './local-address.ts';
import { Reopening } from './reopening.ts';
import { TcpExposure } from './tcp-exposure.ts';
import type { TunnelDeps } from './tunnel-deps.ts';
import { type ExposeRule, MAX_ALLOWED } from './tunnel-rule.ts';
import type { TunnelRules } from './tunnel-rules.ts';
import { UdpExposure } from './udp-exposure.ts';

const MAX_EXPOSED = 256;

export interface ExposuresDeps extends TunnelDeps {
  readonly rules: TunnelRules;
  /** The first key of a trusted node; PilotError says why it is none. */
  readonly trusted: (target: string) => Promise<string>;
}

interface Kept {
  readonly exposure: Exposure;
  readonly opening: Reopening;
}

/** What this host offers to its peers: nothing, until its owner says so. */
export class Exposures {
  readonly #deps: ExposuresDeps;
  readonly #kept = new Map<string, Kept>();

  constructor(deps: ExposuresDeps) {
    this.#deps = deps;
  }

  list(): readonly ExposedService[] {
    return [...this.#kept.values()].map((kept) => this.#view(kept));
  }

  /** A rule that was on disk. */
  async restore(rule: ExposeRule): Promise<void> {
    const kept = this.#make(rule);
    this.#kept.set(keyOf(rule), kept);
    await kept.opening.keepTrying();
    if (kept.opening.error === '') return;
    const { port, protocol } = rule;
    this.#deps.log.warn({ port, protocol, error: kept.opening.error }, 'cannot expose a service');
  }

  /** The same again changes nothing. */
  async add(request: ExposeRequest): Promise<ExposedService> {
    const rule = await this.#ruleOf(request);
    const key = keyOf(rule);
    const existing = this.#kept.get(key);
    if (existing !== undefined) {
      if (isSame(existing.exposure.rule, rule)) return this.#view(existing);
      throw alreadyExposed(existing.exposure.rule);
    }
    if (this.#kept.size >= MAX_EXPOSED) throw tooMany();
    const kept = this.#make(rule);
    this.#kept.set(key, kept);
    try {
      await kept.opening.now();
      await this.#deps.rules.put(rule);
    } catch (error) {
      this.#end(key, kept);
      throw error;
    }
    return this.#view(kept);
  }

  async remove({ port, udp = false }: UnexposeRequest): Promise<ExposedService> {
    const key = keyOf({ port, protocol: udp ? 'udp' : 'tcp' });
    const kept = this.#kept.get(key);
    if (kept === undefined) {
      throw new PilotError('not_found', `${key} is not exposed`, {
        hint: 'see what is: pilotctl expose --list',
      });
    }
    await this.#deps.rules.remove(kept.exposure.rule);
    const view = this.#view(kept);
    this.#end(key, kept);
    return view;
  }

  stop(): void {
    for (const [key, kept] of this.#kept) this.#end(key, kept);
  }

  #make(rule: ExposeRule): Kept {
    const exposure =
      rule.protocol === 'udp'
        ? new UdpExposure(this.#deps, rule)
        : new TcpExposure(this.#deps, rule);
    const opening = new Reopening(this.#deps.clock, async () => {
      exposure.open();
      return Promise.resolve();
    });
    return { exposure, opening };
  }

  #end(key: string, { exposure, opening }: Kept): void {
    if (this.#kept.get(key)?.exposure === exposure) this.#kept.delete(key);
    opening.stop();
    exposure.close();
  }

  async #ruleOf({ port, to, allow = [], udp = false }: ExposeRequest): Promise<ExposeRule> {
    const service = formatEndpoint(parseService(to));
    if (allow.length > MAX_ALLOWED) {
      throw new PilotError('invalid_argument', `at most ${MAX_ALLOWED} nodes can be named`, {
        hint: 'without any, every trusted node may use the service',
      });
    }
    const peers: string[] = [];
    for (const target of allow) peers.push(await this.#deps.trusted(target));
    const protocol: TunnelProtocol = udp ? 'udp' : 'tcp';
    return { kind: 'expose', protocol, port, to: service, allow: [...new Set(peers)].sort() };
  }

  #view({ exposure, opening }: Kept): ExposedService {
    const { rule, connections, error } = exposure;
    const { port, protocol, to } = rule;
    const allow = rule.allow.map((peer) => this.#deps.ports.namesOf(peer));
    return { port, protocol, to, allow, connections, error: opening.error || error };
  }
}

function keyOf({ protocol, port }: Pick<ExposeRule, 'protocol' | 'port'>): string {
  return `${protocol} port ${port}`;
}

function isSame(one: ExposeRule, other: ExposeRule): boolean {
  const isSameList = one.allow.join() === other.allow.join();
  return isSameList && one.to === other.to;
}

function alreadyExposed({ protocol, port, to }: ExposeRule): PilotError {
  return new PilotError(
    'already_exists',
    `${protocol} port ${port} is exposed already, for ${to}`,
    { hint: `end that first: pilotctl unexpose ${port}${protocol === 'udp' ? ' --udp' : ''}` },
  );
}

function tooMany(): PilotError {
  return new PilotError('unavailable', `${MAX_EXPOSED} services are exposed already`, {
    hint: 'end some: pilotctl unexpose',
  });
}
