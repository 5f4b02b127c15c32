/** The variables that pilotctl and the daemon it starts read (pilotctl interface 1.3). */
export const ENVIRONMENT = {
  PILOT_HOME: 'everything of a node lies in $PILOT_HOME/.pilot (default: $HOME)',
  PILOT_SOCKET: 'the socket of the local API (default: pilotd.sock in that folder)',
  PILOT_RELAY: 'relays, comma-separated, in place of those in the configuration file',
  PILOT_REGISTRY: 'host:port of a relay, where no relay is named',
  PILOT_HOSTNAME: 'the name of the node',
  PILOT_TOKEN: 'what the relays ask for',
  PILOT_NAT_TRAVERSAL: 'required, preferred or off: whether to look for direct paths',
  PILOT_LOG_LEVEL: 'debug, info, warn or error',
  PILOT_PASSPHRASE: 'for identity export and import',
  PILOT_DAEMON_BIN: 'the pilotd that daemon start runs',
} as const;
