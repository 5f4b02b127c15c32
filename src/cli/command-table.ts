import type { CommandEntry } from './command.ts';
import { TUNNEL_COMMANDS } from './tunnel-commands.ts';

/** Every command, in the order of `pilotctl help`. A new one is a file in `commands` and an entry here. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'init',
    summary: 'keep settings for later starts: relay, hostname, STUN servers',
    load: async () => (await import('./commands/init.ts')).init,
  },
  {
    name: 'config',
    summary: 'list all settings, or set one with --set key=value',
    load: async () => (await import('./commands/config.ts')).config,
  },
  {
    name: 'config show',
    summary: 'every setting with its value, and with --origin where it comes from',
    load: async () => (await import('./commands/config-show.ts')).configShow,
  },
  {
    name: 'config validate',
    summary: 'check a configuration file; lists all that is wrong',
    load: async () => (await import('./commands/config-validate.ts')).configValidate,
  },
  {
    name: 'config schema',
    summary: 'the JSON Schema of the configuration file',
    load: async () => (await import('./commands/config-schema.ts')).configSchema,
  },
  {
    name: 'daemon start',
    summary: 'start the daemon in the background',
    load: async () => (await import('./commands/daemon-start.ts')).daemonStart,
  },
  {
    name: 'daemon stop',
    summary: 'stop the daemon',
    load: async () => (await import('./commands/daemon-stop.ts')).daemonStop,
  },
  {
    name: 'daemon status',
    summary: 'whether the daemon runs and answers',
    load: async () => (await import('./commands/daemon-status.ts')).daemonStatus,
  },
  {
    name: 'info',
    summary: 'this node: names, relays, peers, traffic',
    load: async () => (await import('./commands/info.ts')).info,
  },
  {
    name: 'health',
    summary: 'whether the node is connected',
    load: async () => (await import('./commands/health.ts')).health,
  },
  {
    name: 'identity show',
    summary: 'the Node ID of this node, also when no daemon runs',
    load: async () => (await import('./commands/identity-show.ts')).identityShow,
  },
  {
    name: 'identity export',
    summary: 'the identity, sealed with a passphrase, to move the node to another host',
    load: async () => (await import('./commands/identity-export.ts')).identityExport,
  },
  {
    name: 'identity import',
    summary: 'bring in an exported identity',
    load: async () => (await import('./commands/identity-import.ts')).identityImport,
  },
  {
    name: 'set-hostname',
    summary: 'give this node a name that others can use',
    load: async () => (await import('./commands/set-hostname.ts')).setHostname,
  },
  {
    name: 'clear-hostname',
    summary: 'give the name up',
    load: async () => (await import('./commands/clear-hostname.ts')).clearHostname,
  },
  {
    name: 'set-tags',
    summary: 'say what this node is good for, in up to three words',
    load: async () => (await import('./commands/set-tags.ts')).setTags,
  },
  {
    name: 'clear-tags',
    summary: 'have no tags',
    load: async () => (await import('./commands/clear-tags.ts')).clearTags,
  },
  {
    name: 'find',
    summary: 'who has a hostname, or a tag',
    load: async () => (await import('./commands/find.ts')).find,
  },
  {
    name: 'lookup',
    summary: 'all that is known of a node, by any of its names',
    load: async () => (await import('./commands/lookup.ts')).lookup,
  },
  {
    name: 'handshake',
    summary: 'ask a node for mutual trust',
    load: async () => (await import('./commands/handshake.ts')).handshake,
  },
  {
    name: 'pending',
    summary: 'who asks for our trust',
    load: async () => (await import('./commands/pending.ts')).pending,
  },
  {
    name: 'approve',
    summary: 'trust a node that asked',
    load: async () => (await import('./commands/approve.ts')).approve,
  },
  {
    name: 'reject',
    summary: 'refuse a node that asked',
    load: async () => (await import('./commands/reject.ts')).reject,
  },
  {
    name: 'trust',
    summary: 'the nodes we trust',
    load: async () => (await import('./commands/trust.ts')).trust,
  },
  {
    name: 'untrust',
    summary: 'take trust back; ends what is open at once',
    load: async () => (await import('./commands/untrust.ts')).untrust,
  },
  {
    name: 'peers',
    summary: 'the nodes we are, or could be, connected to',
    load: async () => (await import('./commands/peers.ts')).peers,
  },
  {
    name: 'prefer-direct',
    summary: 'look for a direct path to a node now, and say what came of it',
    load: async () => (await import('./commands/prefer-direct.ts')).preferDirect,
  },
  {
    name: 'ping',
    summary: 'measure the round trip to a node',
    load: async () => (await import('./commands/ping.ts')).ping,
  },
  {
    name: 'traceroute',
    summary: 'the stations on the way to a node, with their round trips',
    load: async () => (await import('./commands/traceroute.ts')).traceroute,
  },
  {
    name: 'bench',
    summary: 'measure how much a stream to a node carries',
    load: async () => (await import('./commands/bench.ts')).bench,
  },
  {
    name: 'netcheck',
    summary: 'what this network lets through: UDP, NAT, gateway, relays, and what to expect',
    load: async () => (await import('./commands/netcheck.ts')).netcheck,
  },
  {
    name: 'connect',
    summary: 'a stream to a port of a node, as standard input and output',
    load: async () => (await import('./commands/connect.ts')).connect,
  },
  {
    name: 'send',
    summary: 'send bytes to a port of a node and print the answer',
    load: async () => (await import('./commands/send.ts')).send,
  },
  {
    name: 'recv',
    summary: 'take streams on a port of this node and print what they bring',
    load: async () => (await import('./commands/recv.ts')).recv,
  },
  {
    name: 'dgram',
    summary: 'send a datagram to a port of a node',
    load: async () => (await import('./commands/dgram.ts')).dgram,
  },
  {
    name: 'listen',
    summary: 'print datagrams that come to a port of this node',
    load: async () => (await import('./commands/listen.ts')).listen,
  },
  {
    name: 'connections',
    summary: 'streams that are open now',
    load: async () => (await import('./commands/connections.ts')).connections,
  },
  {
    name: 'disconnect',
    summary: 'end a stream',
    load: async () => (await import('./commands/disconnect.ts')).disconnect,
  },
  {
    name: 'send-message',
    summary: 'send a message, and wait for its reply with --wait',
    load: async () => (await import('./commands/send-message.ts')).sendMessage,
  },
  {
    name: 'broadcast',
    summary: 'send a message to all trusted nodes, or to those with a tag',
    load: async () => (await import('./commands/broadcast.ts')).broadcast,
  },
  {
    name: 'publish',
    summary: 'publish an event on a topic of a node',
    load: async () => (await import('./commands/publish.ts')).publish,
  },
  {
    name: 'subscribe',
    summary: 'print events of a topic as they come',
    load: async () => (await import('./commands/subscribe.ts')).subscribe,
  },
  {
    name: 'inbox',
    summary: 'received messages: list, follow or clear them',
    load: async () => (await import('./commands/inbox.ts')).inbox,
  },
  {
    name: 'inbox list',
    summary: 'received messages',
    isAlias: true,
    load: async () => (await import('./commands/inbox.ts')).inbox,
  },
  {
    name: 'inbox read',
    summary: 'print one message and mark it as read',
    load: async () => (await import('./commands/inbox-read.ts')).inboxRead,
  },
  {
    name: 'send-file',
    summary: 'send files and folders; what was cut off goes on where it ended',
    load: async () => (await import('./commands/send-file.ts')).sendFile,
  },
  {
    name: 'received',
    summary: 'files of other nodes: list or clear them',
    load: async () => (await import('./commands/received.ts')).received,
  },
  {
    name: 'outbox',
    summary: 'messages on their way, and those that could not be delivered',
    load: async () => (await import('./commands/outbox.ts')).outbox,
  },
  {
    name: 'outbox list',
    summary: 'messages on their way',
    isAlias: true,
    load: async () => (await import('./commands/outbox.ts')).outbox,
  },
  {
    name: 'outbox retry',
    summary: 'try an undelivered message again now',
    load: async () => (await import('./commands/outbox-retry.ts')).outboxRetry,
  },
  {
    name: 'outbox drop',
    summary: 'give an undelivered message up',
    load: async () => (await import('./commands/outbox-drop.ts')).outboxDrop,
  },
  ...TUNNEL_COMMANDS,
  {
    name: 'serve',
    summary: 'answer each incoming message with the output of a command',
    load: async () => (await import('./commands/serve.ts')).serve,
  },
  {
    name: 'mcp',
    summary: 'offer messages and the inbox to a language model (model context protocol, stdio)',
    load: async () => (await import('./commands/mcp.ts')).mcp,
  },
  {
    name: 'context',
    summary: 'commands, codes and environment as data, for agents',
    load: async () => (await import('./commands/context.ts')).context,
  },
  {
    name: 'completion',
    summary: 'a completion script for bash, zsh or fish',
    load: async () => (await import('./commands/completion.ts')).completion,
  },
  {
    name: 'version',
    summary: 'the version of this program',
    load: async () => (await import('./commands/version.ts')).version,
  },
];
