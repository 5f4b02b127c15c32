import { formatEndpoint } from '../../base/endpoint.ts';
import { PilotError } from '../../base/pilot-error.ts';
import type { ProxyStartRequest, ProxyView } from '../../client/api.ts';
import type { ExposuresDeps } from './exposures.ts';
import { exposureWarning, parseListen } from './local-address.ts';
import { ProxyServer } from './proxy-server.ts';
import { Reopening } from './reopening.ts';
import type { ProxyRule } from './tunnel-rule.ts';

/** Where SOCKS proxies are (RFC 1928, 3). */
const DEFAULT_LISTEN = '127.0.0.1:1080';

interface Running {
  readonly rule: ProxyRule;
  readonly server: ProxyServer;
  readonly opening: Reopening;
}

/** The proxy of this host: one, when its owner has started it. */
export class Proxy {
  readonly #deps: ExposuresDeps;
  #running: Running | undefined;

  constructor(deps: ExposuresDeps) {
    this.#deps = deps;
  }

  view(): ProxyView {
    const running = this.#running;
    if (running === undefined) {
      return { running: false, listen: '', connections: 0, error: '', warning: '' };
    }
    const { rule, server, opening } = running;
    return {
      ...{ running: true, listen: rule.listen, connections: server.connections },
      error: opening.error || server.error,
      warning: exposureWarning(parseListen(rule.listen)),
    };
  }

  /** A rule that was on disk. */
  async restore(rule: ProxyRule): Promise<void> {
    const running = this.#make(rule);
    this.#running = running;
    await running.opening.keepTrying();
    const { error } = running.opening;
    if (error !== '')
      this.#deps.log.warn({ listen: rule.listen, error }, 'the proxy cannot listen');
  }

  /** The same again changes nothing. */
  async start({ listen = DEFAULT_LISTEN }: ProxyStartRequest): Promise<ProxyView> {
    const endpoint = parseListen(listen);
    const text = formatEndpoint(endpoint);
    if (this.#running !== undefined) {
      if (this.#running.rule.listen === text) return this.view();
      throw new PilotError('already_exists', `the proxy runs on ${this.#running.rule.listen}`, {
        hint: 'end it first: pilotctl proxy stop',
      });
    }
    const running = this.#make({ kind: 'proxy', listen: text });
    try {
      await running.opening.now();
      const { port } = running.server;
      const rule: ProxyRule = { kind: 'proxy', listen: formatEndpoint({ ...endpoint, port }) };
      await this.#deps.rules.put(rule);
      this.#running = { ...running, rule };
    } catch (error) {
      end(running);
      throw error;
    }
    return this.view();
  }

  async stop(): Promise<ProxyView> {
    const running = this.#running;
    if (running === undefined) {
      throw new PilotError('not_running', 'the proxy does not run', {
        hint: 'start it: pilotctl proxy start',
      });
    }
    await this.#deps.rules.remove(running.rule);
    const view = this.view();
    this.close();
    return { ...view, running: false };
  }

  /** The daemon ends: what is on disk stays. */
  close(): void {
    if (this.#running !== undefined) end(this.#running);
    this.#running = undefined;
  }

  #make(rule: ProxyRule): Running {
    const server = new ProxyServer(this.#deps, rule.listen);
    return { rule, server, opening: new Reopening(this.#deps.clock, async () => server.open()) };
  }
}

function end({ server, opening }: Running): void {
  opening.stop();
  server.close();
}
