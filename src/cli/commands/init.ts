import { PilotError } from '../../base/pilot-error.ts';
import { defineCommand } from '../command.ts';
import { list, text } from '../option.ts';
import { fields } from '../output.ts';
import { relayUrls } from '../relay-urls.ts';

const RELAYS = 'protocol.connection.relays';
const STUN_SERVERS = 'protocol.connection.stun_servers';
const TOKEN = 'protocol.connection.relay_token';
const HOSTNAME = 'node.hostname';

export const init = defineCommand({
  args: {},
  options: {
    relay: list('URL', 'a relay, ws://… or wss://…; may be repeated'),
    stun: list('HOST:PORT', 'a STUN server; may be repeated'),
    hostname: text('NAME', 'the name of this node'),
    token: text('TOKEN', 'what the relays ask for'),
    registry: text('HOST:PORT', 'the relay, as older clients name it', { hidden: true }),
    beacon: text('HOST:PORT', 'the STUN server, as older clients name it', { hidden: true }),
    socket: text('PATH', 'not kept', { hidden: true }),
  },
  returns: 'config_path, registry, beacon, socket, hostname, relay[]',
  details: 'Only what is named changes. It counts from the next start of the daemon.',
  async run({ options, paths }) {
    if (options.socket !== undefined && options.socket !== paths.socket) {
      throw new PilotError('not_supported', 'the socket is no setting of the file', {
        hint: `set PILOT_SOCKET=${options.socket} for the daemon and for pilotctl`,
      });
    }
    const named = await relayUrls(options.relay, options.registry);
    const stun = [...options.stun, ...(options.beacon === undefined ? [] : [options.beacon])];
    const changes: readonly (readonly [string, string | undefined])[] = [
      [RELAYS, named.length === 0 ? undefined : named.join(',')],
      [STUN_SERVERS, stun.length === 0 ? undefined : stun.join(',')],
      [HOSTNAME, options.hostname],
      [TOKEN, options.token],
    ];
    paths.ensureRoot();
    const { loadConfig, setConfigValue } = await import('../../home/config.ts');
    for (const [key, value] of changes) {
      if (value !== undefined) setConfigValue(paths.configFile, key, value);
    }
    const { config } = loadConfig({ env: {}, defaultFile: paths.configFile });
    const { relays, stun_servers: stunServers } = config.protocol.connection;
    const { hostname } = config.node;
    return {
      data: {
        config_path: paths.configFile,
        registry: relays[0] ?? '',
        beacon: stunServers[0] ?? '',
        socket: paths.socket,
        hostname,
        relay: relays,
      },
      text: fields([
        ['kept in', paths.configFile],
        ['relays', relays.join(' ')],
        ['STUN servers', stunServers.join(' ')],
        ['hostname', hostname],
      ]),
    };
  },
});
