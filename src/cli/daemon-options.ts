import { PilotError } from '../base/pilot-error.ts';
import { choice, list, text, toggle } from './option.ts';
import { relayUrls } from './relay-urls.ts';

/** What `daemon start` hands on to pilotd, and what it understands for clients of other releases. */
export const daemonOptions = {
  relay: list('URL', 'a relay, ws://… or wss://…; may be repeated'),
  stun: list('HOST:PORT', 'a STUN server; may be repeated'),
  hostname: text('NAME', 'the name of this node'),
  listen: text('ADDR', 'where direct links arrive (UDP), for example :0'),
  transport: choice(['auto', 'udx', 'webrtc'], 'what direct paths are made of'),
  config: text('FILE', 'another configuration file', { isFile: true }),
  autoApprove: toggle('trust whoever asks: for demos and closed networks'),
  token: text('TOKEN', 'what the relays ask for; others can see it here: better PILOT_TOKEN'),
  logLevel: text('LEVEL', 'debug, info, warn or error'),
  logFormat: choice(['json', 'text'], 'how the log is written'),
  socket: text('PATH', 'where the local API listens; pilotctl needs the same in PILOT_SOCKET'),
  pilotIpc: text('PATH', 'a second socket, for clients of the original pilotctl', {
    ...{ bare: '/tmp/pilot.sock', isFile: true, isValue: (next) => next.startsWith('/') },
  }),
  trustAutoApprove: toggle('as --auto-approve', { hidden: true }),
  registry: text('HOST:PORT', 'the relay, as older clients name it', { hidden: true }),
  beacon: text('HOST:PORT', 'the STUN server, as older clients name it', { hidden: true }),
  identity: text('PATH', 'ignored', { hidden: true }),
  owner: text('NAME', 'ignored', { hidden: true }),
  email: text('ADDRESS', 'ignored', { hidden: true }),
  public: toggle('ignored', { hidden: true }),
  noEncrypt: toggle('refused', { hidden: true }),
  encrypt: toggle('always on', { hidden: true }),
  webhook: text('URL', 'not supported', { hidden: true }),
};

type DaemonOptions = {
  readonly [Name in keyof typeof daemonOptions]: ReturnType<(typeof daemonOptions)[Name]['read']>;
};

/** What would change the meaning of the command if it were ignored. */
export function refuseUnsupported(options: DaemonOptions): void {
  if (options.noEncrypt) {
    throw new PilotError('invalid_argument', 'everything is encrypted; it cannot be turned off', {
      hint: 'leave --no-encrypt away',
    });
  }
  if (options.webhook !== undefined) {
    throw new PilotError('not_supported', 'this daemon calls no webhooks', {
      hint: 'pilotctl serve and pilotctl inbox --follow tell of messages as they come',
    });
  }
}

export function noticesFor(options: DaemonOptions): readonly string[] {
  const ignored: readonly (readonly [boolean, string])[] = [
    [options.identity !== undefined, '--identity is ignored: the key lies in PILOT_HOME/.pilot'],
    [
      options.owner !== undefined || options.email !== undefined,
      '--owner is ignored: a node is its key',
    ],
    [options.public, '--public is ignored: a node is seen by those it trusts'],
  ];
  return ignored.flatMap(([isGiven, line]) => (isGiven ? [line] : []));
}

/** The token does not go on a command line of ours: others could read it there for as long as the daemon runs. */
export function daemonEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  { token }: DaemonOptions,
): Readonly<Record<string, string | undefined>> {
  return token === undefined ? env : { ...env, PILOT_TOKEN: token };
}

/** The command line of pilotd. */
export async function daemonArguments(options: DaemonOptions): Promise<readonly string[]> {
  const relays = await relayUrls(options.relay, options.registry);
  const stun = [...options.stun, ...(options.beacon === undefined ? [] : [options.beacon])];
  const single: readonly (readonly [string, string | undefined])[] = [
    ['--hostname', options.hostname],
    ['--listen', options.listen],
    ['--transport', options.transport],
    ['--config', options.config],
    ['--log-level', options.logLevel],
    ['--log-format', options.logFormat],
    ['--socket', options.socket],
    ['--pilot-ipc', options.pilotIpc],
  ];
  return [
    ...relays.map((url) => `--relay=${url}`),
    ...stun.map((server) => `--stun=${server}`),
    ...single.flatMap(([flag, value]) => (value === undefined ? [] : [`${flag}=${value}`])),
    ...(options.autoApprove || options.trustAutoApprove ? ['--auto-approve'] : []),
  ];
}
