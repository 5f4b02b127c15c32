import { formatEndpoint } from '../../base/endpoint.ts';
import { PilotError } from '../../base/pilot-error.ts';
import type {
  Forward,
  ForwardRequest,
  TunnelProtocol,
  UnforwardRequest,
} from '../../client/api.ts';
import type { ExposuresDeps } from './exposures.ts';
import type { ForwardEnd } from './forward-end.ts';
import { exposureWarning, parseListen } from './local-address.ts';
import { Reopening } from './reopening.ts';
import { TcpForward } from './tcp-forward.ts';
import type { ForwardRule } from './tunnel-rule.ts';
import { UdpForward } from './udp-forward.ts';

const MAX_FORWARDS = 256;

interface Kept {
  readonly rule: ForwardRule;
  readonly end: ForwardEnd;
  readonly opening: Reopening;
}

/** Ports of this host that lead to ports of peers. */
export class Forwards {
  readonly #deps: ExposuresDeps;
  readonly #kept = new Map<string, Kept>();

  constructor(deps: ExposuresDeps) {
    this.#deps = deps;
  }

  list(): readonly Forward[] {
    return [...this.#kept.values()].map((kept) => this.#view(kept));
  }

  /** A rule that was on disk. */
  async restore(rule: ForwardRule): Promise<void> {
    const kept = this.#make(rule);
    this.#kept.set(keyOf(rule), kept);
    await kept.opening.keepTrying();
    if (kept.opening.error === '') return;
    const { listen, protocol } = rule;
    this.#deps.log.warn({ listen, protocol, error: kept.opening.error }, 'cannot listen');
  }

  /** The same again changes nothing. */
  async add({ listen, target, port, udp = false }: ForwardRequest): Promise<Forward> {
    const endpoint = parseListen(listen);
    const peer = await this.#deps.trusted(target);
    const protocol: TunnelProtocol = udp ? 'udp' : 'tcp';
    const asked: ForwardRule = {
      ...{ kind: 'forward', protocol, listen: formatEndpoint(endpoint), peer, port },
    };
    const existing = this.#kept.get(keyOf(asked));
    if (existing !== undefined) {
      if (existing.rule.peer === peer && existing.rule.port === port) return this.#view(existing);
      throw alreadyForwarded(existing.rule);
    }
    if (this.#kept.size >= MAX_FORWARDS) throw tooMany();
    return this.#open(asked, endpoint.port);
  }

  async remove({ listen, udp = false }: UnforwardRequest): Promise<Forward> {
    const text = formatEndpoint(parseListen(listen));
    const key = keyOf({ listen: text, protocol: udp ? 'udp' : 'tcp' });
    const kept = this.#kept.get(key);
    if (kept === undefined) {
      throw new PilotError('not_found', `nothing is forwarded from ${key}`, {
        hint: 'see what is: pilotctl forward --list',
      });
    }
    await this.#deps.rules.remove(kept.rule);
    const view = this.#view(kept);
    this.#end(key, kept);
    return view;
  }

  stop(): void {
    for (const [key, kept] of this.#kept) this.#end(key, kept);
  }

  async #open(asked: ForwardRule, askedPort: number): Promise<Forward> {
    const first = this.#make(asked);
    const key = keyOf(asked);
    // Its place, while it opens: a second call finds it.
    this.#kept.set(key, first);
    try {
      await first.opening.now();
      if (askedPort === 0) return await this.#settle(first);
      await this.#deps.rules.put(asked);
      return this.#view(first);
    } catch (error) {
      this.#end(key, first);
      throw error;
    }
  }

  /** Any port was asked for: from now on it is the one that was free, also after a restart. */
  async #settle(first: Kept): Promise<Forward> {
    const { host } = parseListen(first.rule.listen);
    const { end, opening } = first;
    const rule = { ...first.rule, listen: formatEndpoint({ host, port: end.port }) };
    const settled: Kept = { rule, end, opening };
    this.#kept.delete(keyOf(first.rule));
    this.#kept.set(keyOf(rule), settled);
    try {
      await this.#deps.rules.put(rule);
    } catch (error) {
      this.#kept.delete(keyOf(rule));
      throw error;
    }
    return this.#view(settled);
  }

  #make(rule: ForwardRule): Kept {
    const end =
      rule.protocol === 'udp' ? new UdpForward(this.#deps, rule) : new TcpForward(this.#deps, rule);
    return { rule, end, opening: new Reopening(this.#deps.clock, async () => end.open()) };
  }

  #end(key: string, { end, opening }: Kept): void {
    if (this.#kept.get(key)?.end === end) this.#kept.delete(key);
    opening.stop();
    end.close();
  }

  #view({ rule, end, opening }: Kept): Forward {
    const { listen, protocol, peer, port } = rule;
    return {
      ...{ listen, protocol, port, target: this.#deps.ports.namesOf(peer) },
      connections: end.connections,
      listening: opening.error === '',
      error: opening.error || end.error,
      warning: exposureWarning(parseListen(listen)),
    };
  }
}

function keyOf({ protocol, listen }: Pick<ForwardRule, 'protocol' | 'listen'>): string {
  return `${protocol} ${listen}`;
}

function alreadyForwarded({ protocol, listen }: ForwardRule): PilotError {
  const flag = protocol === 'udp' ? ' --udp' : '';
  return new PilotError('already_exists', `${protocol} ${listen} leads elsewhere already`, {
    hint: `end that first: pilotctl unforward ${listen}${flag}`,
  });
}

function tooMany(): PilotError {
  return new PilotError('unavailable', `${MAX_FORWARDS} ports are forwarded already`, {
    hint: 'end some: pilotctl unforward',
  });
}
