/** What a network of nodes needs on the internet: a relay, and STUN servers beside the relay's own. */
import type { Sandbox, SandboxRelay } from '../support/sandbox.ts';
import type { Lab, Server } from './lab.ts';

/** Which firewalls let out. */
const RELAY_PORT = 443;
const STUN_PORT = 3478;
const LISTEN = ['--listen', `[::]:${RELAY_PORT}`, '--stun', `[::]:${STUN_PORT}`];
/** Every lab node's address is in one /24, which is what a relay limits. */
const RELAY_LIMITS = [
  ...['--max-puts-per-second-per-prefix', '10000'],
  ...['--max-logins-per-second-per-prefix', '1000'],
];

export interface Servers {
  /** Works from every site, whichever address family it has. */
  readonly relayUrl: string;
  /** Of a daemon. */
  readonly stunOptions: readonly string[];
  /** SIGKILL, and started again with the same store. */
  readonly restartRelay: () => Promise<void>;
}

export async function startServers(lab: Lab, sandbox: Sandbox): Promise<Servers> {
  const [relayServer, ...stunServers] = await Promise.all(
    ['relay', 'stun1', 'stun2'].map(async (name) => lab.server(name)),
  );
  if (relayServer === undefined) throw new Error('no relay');
  const [relay] = await Promise.all(
    [relayServer, ...stunServers].map(async (server) => startRelay(sandbox, server)),
  );
  if (relay === undefined) throw new Error('no relay');
  return {
    relayUrl: `ws://${relayServer.hostname}:${RELAY_PORT}/${new URL(relay.url).hash}`,
    stunOptions: stunServers.flatMap(({ hostname }) => ['--stun', `${hostname}:${STUN_PORT}`]),
    restartRelay: async () => {
      await relay.kill();
      await relay.start(...LISTEN, ...RELAY_LIMITS);
    },
  };
}

/** Those for STUN are relays, too, that nobody logs in at. */
async function startRelay(
  sandbox: Sandbox,
  { hostname, namespace }: Server,
): Promise<SandboxRelay> {
  return sandbox.relay(hostname, namespace.inside).start(...LISTEN, ...RELAY_LIMITS);
}
