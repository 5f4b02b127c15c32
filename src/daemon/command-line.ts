import { Command, CommanderError, Option } from 'commander';

import { PilotError } from '../base/pilot-error.ts';
import { VERSION } from '../base/version.ts';
import type { ConfigSources } from '../home/config.ts';
import { relayUrlOfEndpoint } from '../home/config-relay-url.ts';

/** Where the original clients look for it (pilotctl interface 1.3). */
const PILOT_SOCKET = '/tmp/pilot.sock';

export interface CommandLine {
  /** Settings by dotted key; what was not given is undefined. */
  readonly flags: NonNullable<ConfigSources['flags']>;
  readonly configFile: string | undefined;
  readonly socket: string | undefined;
  /** How failures to start are written: as the log will be, where that was said. */
  readonly logFormat: string | undefined;
}

/** There is nothing to run: help or the version was asked for, or the command line is wrong. */
export interface CommandLineEnd {
  readonly exitCode: 0 | 2;
}

interface Options {
  readonly relay: readonly string[];
  readonly stun: readonly string[];
  readonly hostname?: string;
  readonly listen?: string;
  readonly transport?: string;
  readonly config?: string;
  readonly autoApprove?: true;
  readonly trustAutoApprove?: true;
  readonly token?: string;
  readonly logLevel?: string;
  readonly logFormat?: string;
  readonly socket?: string;
  readonly pilotIpc?: string | true;
  readonly registry?: string;
  readonly beacon?: string;
}

export interface Output {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** The command line of pilotd; `argv` without the program. PilotError for a value of no use. */
export function parseCommandLine(
  argv: readonly string[],
  { out, err }: Output,
): CommandLine | CommandLineEnd {
  const command = newCommand();
  command.exitOverride().configureOutput({ writeOut: out, writeErr: err });
  try {
    command.parse([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return { exitCode: error.exitCode === 0 ? 0 : 2 };
    throw error;
  }
  return commandLineOf(command.opts<Options>());
}

function newCommand(): Command {
  return new Command('pilotd')
    .description('The daemon of a Pilot node, in the foreground; its log goes to standard output.')
    .version(VERSION)
    .allowExcessArguments(false)
    .showHelpAfterError('see: pilotd --help')
    .option('--relay <url>', 'a relay, ws://… or wss://…; may be repeated', collected, [])
    .option('--stun <host:port>', 'a STUN server; may be repeated', collected, [])
    .option('--hostname <name>', 'the name of this node')
    .option('--listen <address>', 'where direct links arrive (UDP), for example :0')
    .option('--transport <name>', 'auto, udx or webrtc: what direct paths are made of')
    .option('--config <file>', 'another configuration file')
    .option('--auto-approve', 'trust whoever asks: for demos and closed networks')
    .option('--token <token>', 'what the relays ask for; others see it here: better PILOT_TOKEN')
    .option('--log-level <level>', 'debug, info, warn or error')
    .option('--log-format <format>', 'json or text')
    .option('--socket <path>', 'where the local API listens')
    .option('--pilot-ipc [path]', `a socket for original clients, by default ${PILOT_SOCKET}`)
    .addOption(new Option('--trust-auto-approve', 'as --auto-approve').hideHelp())
    .addOption(
      new Option('--registry <host:port>', 'the relay, as older clients name it').hideHelp(),
    )
    .addOption(new Option('--beacon <host:port>', 'a STUN server, as they name it').hideHelp());
}

function collected(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function commandLineOf(options: Options): CommandLine {
  const relays = options.relay.length > 0 ? options.relay : registryRelays(options.registry);
  const stun = [...options.stun, ...(options.beacon === undefined ? [] : [options.beacon])];
  return {
    configFile: options.config,
    socket: options.socket,
    logFormat: options.logFormat,
    flags: {
      'protocol.connection.relays': relays.length > 0 ? relays : undefined,
      'protocol.connection.stun_servers': stun.length > 0 ? stun : undefined,
      'protocol.connection.listen': options.listen,
      'network.transport': options.transport,
      'protocol.connection.relay_token': options.token,
      'node.hostname': options.hostname,
      'trust.auto_approve': options.autoApprove ?? options.trustAutoApprove,
      'api.pilot_ipc': options.pilotIpc === true ? PILOT_SOCKET : options.pilotIpc,
      'observability.logging.level': options.logLevel,
      'observability.logging.format': options.logFormat,
    },
  };
}

/** A registry counts as a relay where no relay is named. */
function registryRelays(registry: string | undefined): readonly string[] {
  if (registry === undefined) return [];
  const url = relayUrlOfEndpoint(registry);
  if (url !== undefined) return [url];
  throw new PilotError('invalid_argument', `--registry: expected host:port, found "${registry}"`, {
    hint: 'name the relay with --relay ws://host:port',
  });
}
