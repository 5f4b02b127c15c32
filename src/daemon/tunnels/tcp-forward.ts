import { nodeIdOf } from '../names/peer-name.ts';
import { carry } from './carry.ts';
import type { ForwardEnd } from './forward-end.ts';
import { parseListen } from './local-address.ts';
import { LocalServer } from './local-server.ts';
import type { TunnelDeps } from './tunnel-deps.ts';
import type { ForwardRule } from './tunnel-rule.ts';

/** A TCP port of this host; each connection becomes a stream to a peer's port. */
export class TcpForward implements ForwardEnd {
  error = '';
  readonly #server: LocalServer;

  constructor(deps: TunnelDeps, rule: ForwardRule) {
    const to = { kind: 'forward', place: rule.listen, port: rule.port } as const;
    this.#server = new LocalServer(parseListen(rule.listen), (socket) => {
      void carry(deps, socket, { ...to, target: nodeIdOf(rule.peer) }).then((failure) => {
        this.error = failure?.message ?? '';
      });
    });
  }

  get connections(): number {
    return this.#server.connections;
  }

  get port(): number {
    return this.#server.port;
  }

  async open(): Promise<void> {
    await this.#server.open();
  }

  close(): void {
    this.#server.close();
  }
}
