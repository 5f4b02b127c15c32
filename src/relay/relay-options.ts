import { homedir } from 'node:os';
import path from 'node:path';

import { Command, InvalidArgumentError, Option } from 'commander';

import { type Endpoint, formatEndpoint, parseEndpoint } from '../base/endpoint.ts';
import { PilotError } from '../base/pilot-error.ts';
import { VERSION } from '../base/version.ts';
import {
  aboutLimit,
  DEFAULT_LIMITS,
  LIMIT_NAMES,
  type LimitName,
  rangeOfLimit,
  type RelayLimits,
} from './limits.ts';
import { DUPLICATE_POLICIES, type DuplicatePolicy } from './live-logins.ts';
import { pairStunPlaces } from './stun-places.ts';

export type AccessOption =
  | { readonly kind: 'open' }
  | {
      readonly kind: 'token';
      readonly tokens: readonly string[];
      readonly file: string | undefined;
    }
  | { readonly kind: 'allow'; readonly file: string };

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export const LOG_FORMATS = ['json', 'text'] as const;

export interface RelayOptions {
  readonly listen: Endpoint;
  /** None: no STUN server. */
  readonly stun: readonly Endpoint[];
  readonly store: string;
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
  readonly access: AccessOption;
  readonly duplicates: DuplicatePolicy;
  readonly limits: RelayLimits;
  readonly logLevel: (typeof LOG_LEVELS)[number];
  readonly logFormat: (typeof LOG_FORMATS)[number];
}

type Flags = {
  readonly listen: Endpoint;
  readonly stun?: readonly (Endpoint | 'off')[];
  readonly store: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly access?: AccessOption['kind'];
  readonly token?: string[];
  readonly tokenFile?: string;
  readonly allowFile?: string;
  readonly duplicate: DuplicatePolicy;
  readonly logLevel: RelayOptions['logLevel'];
  readonly logFormat: RelayOptions['logFormat'];
} & Readonly<Record<LimitName, number>>;

const DEFAULT_STUN: Endpoint = { host: '::', port: 3478 };
const STUN_HELP =
  `where to answer STUN, or off; given twice with two public addresses and ports of this host ` +
  `(a.b.c.d:3478 and a.b.c.e:3479), nodes can also find out what their NAT does (RFC 5780) ` +
  `(default: ${formatEndpoint(DEFAULT_STUN)})`;
const USAGE_HINT = 'pilot-relay --help lists the options.';

/**
 * Reads the command line (without node and script). CommanderError for `--help`, `--version` and what
 * commander refuses, PilotError `invalid_argument` for options that contradict each other.
 */
export function parseRelayOptions(argv: readonly string[]): RelayOptions {
  const command = buildCommand();
  command.parse([...argv], { from: 'user' });
  const flags = command.opts<Flags>();
  return {
    listen: flags.listen,
    stun: stunOf(flags.stun ?? [DEFAULT_STUN]),
    store: path.resolve(flags.store),
    tls: readTls(flags),
    access: readAccess(flags),
    duplicates: flags.duplicate,
    limits: Object.fromEntries(LIMIT_NAMES.map((name) => [name, flags[name]])) as RelayLimits,
    logLevel: flags.logLevel,
    logFormat: flags.logFormat,
  };
}

function buildCommand(): Command {
  const command = new Command('pilot-relay')
    .description(
      'A relay: forwards sealed messages between nodes and keeps them for those offline.',
    )
    .version(VERSION)
    .addOption(
      new Option('--listen <address>', 'where to listen')
        .argParser(readEndpoint)
        .default({ host: '::', port: 7443 }, '[::]:7443'),
    )
    .addOption(new Option('--stun <address>', STUN_HELP).argParser(collectStun))
    .option('--store <dir>', 'what has to survive a restart', path.join(homedir(), '.pilot-relay'))
    .option('--tls-cert <file>', 'certificate chain (PEM); read again on SIGHUP')
    .option('--tls-key <file>', 'its private key (PEM)')
    .addOption(new Option('--access <who>', 'who may log in').choices(['open', 'token', 'allow']))
    .option('--token <token>', 'an access token; may be given several times', collect)
    .option('--token-file <file>', 'access tokens, one a line; read again on SIGHUP')
    .option('--allow-file <file>', 'Node IDs that may log in, one a line; read again on SIGHUP')
    .addOption(
      new Option('--duplicate <policy>', 'which of two logins of one identity stays')
        .choices(DUPLICATE_POLICIES)
        .default('newest'),
    )
    .addOption(new Option('--log-level <level>').choices(LOG_LEVELS).default('info'))
    .addOption(new Option('--log-format <format>').choices(LOG_FORMATS).default('json'))
    .allowExcessArguments(false)
    .showHelpAfterError(USAGE_HINT)
    .exitOverride();
  for (const name of LIMIT_NAMES) {
    const read = (text: string): number => readLimit(text, rangeOfLimit(name));
    command.option(`--${kebabCase(name)} <n>`, aboutLimit(name), read, DEFAULT_LIMITS[name]);
  }
  return command;
}

function readTls({ tlsCert, tlsKey }: Flags): RelayOptions['tls'] {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw usage('--tls-cert and --tls-key go together');
  }
  return { certFile: tlsCert, keyFile: tlsKey };
}

/** What the files and tokens given mean; `--access` alone means only `open`, and else has to agree. */
function readAccess(flags: Flags): AccessOption {
  const option = impliedAccess(flags);
  const kind = flags.access ?? option.kind;
  if (kind === option.kind) return option;
  if (option.kind !== 'open') {
    throw usage(`--access ${kind} contradicts the ${option.kind} options given`);
  }
  throw usage(
    kind === 'token'
      ? '--access token needs --token or --token-file'
      : '--access allow needs --allow-file',
  );
}

function impliedAccess({ token, tokenFile, allowFile }: Flags): AccessOption {
  const hasToken = token !== undefined || tokenFile !== undefined;
  if (allowFile === undefined) {
    return hasToken ? { kind: 'token', tokens: token ?? [], file: tokenFile } : { kind: 'open' };
  }
  if (hasToken) throw usage('access is by token or by allow list, not both');
  return { kind: 'allow', file: allowFile };
}

function readEndpoint(text: string): Endpoint {
  const endpoint = parseEndpoint(text);
  if (endpoint === undefined) {
    throw new InvalidArgumentError('Write host:port, [v6]:port or :port.');
  }
  return endpoint;
}

function collectStun(text: string, earlier: Flags['stun'] = []): Flags['stun'] {
  return [...earlier, text === 'off' ? 'off' : readEndpoint(text)];
}

function stunOf(places: readonly (Endpoint | 'off')[]): readonly Endpoint[] {
  const endpoints = places.filter((place) => place !== 'off');
  if (endpoints.length === 0) return [];
  if (endpoints.length < places.length) throw usage('--stun off contradicts the other --stun');
  // Only for what it throws: the server pairs them itself.
  pairStunPlaces(endpoints);
  return endpoints;
}

function readLimit(text: string, { min, max }: ReturnType<typeof rangeOfLimit>): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value === 0) {
    throw new InvalidArgumentError('Write a whole number above zero.');
  }
  if (value < min) throw new InvalidArgumentError(`Nodes need at least ${min}.`);
  if (value > max) throw new InvalidArgumentError(`Nodes take at most ${max}.`);
  return value;
}

function collect(value: string, earlier: string[] | undefined): string[] {
  if (value === '') throw new InvalidArgumentError('A token is not empty.');
  return [...(earlier ?? []), value];
}

function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function usage(message: string): PilotError {
  return new PilotError('invalid_argument', message, { hint: USAGE_HINT });
}
