import * as z from 'zod';

import { parseEndpoint } from '../base/endpoint.ts';
import { isHostname } from '../base/hostname.ts';
import { isRelayUrl, MAX_RELAY_URL_BYTES, relayUrlHint } from './config-relay-url.ts';
import {
  choice,
  choiceList,
  decimal,
  duration,
  integer,
  type Setting,
  SETTINGS,
  text,
  textList,
  toggle,
} from './config-setting.ts';

/** `sun_path` of the system that has least room, without its final zero. */
const MAX_SOCKET_PATH_BYTES = 103;
const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const node = section({
  hostname: text('The name other nodes may find this one by; empty: none.', {
    expected: '1 to 63 of lowercase letters, digits and inner hyphens, or nothing',
    maxLength: 63,
    accepts: (name) => name === '' || isHostname(name),
    hint: (name) => {
      const plain = name.trim().toLowerCase().replaceAll(/[ _.]/g, '-');
      return isHostname(plain) ? `write ${plain}` : undefined;
    },
  }),
});

const network = section({
  topology: choice(
    'Whether a path in use is compared with others by a timer and when the network changes (dynamic), or left alone until it fails (static).',
    {
      of: ['dynamic', 'static'],
      default: 'dynamic',
    },
  ),
  nat_traversal: choice(
    'Whether to look for direct paths; required: a peer without one is an alarm; off: everything goes by the relay, and no peer is told an address.',
    {
      of: ['required', 'preferred', 'off'],
      default: 'required',
    },
  ),
  transport: choice(
    'What direct paths are made of: UDX streams (udx), WebRTC data channels (webrtc), or UDX with every node that has it (auto).',
    { of: ['auto', 'udx', 'webrtc'], default: 'auto' },
  ),
  port_mapping: toggle('Whether to ask the gateway for a port (PCP, NAT-PMP, UPnP).', {
    default: true,
  }),
  max_latency_ms: integer(
    'A path in use that stays slower than this is an alarm, and a reason to look for a better one.',
    {
      ...{ unit: 'milliseconds', min: 1, max: 60_000, default: 200 },
    },
  ),
});

const identity = section({
  algorithm: choice('The kind of key.', { of: ['ed25519'], default: 'ed25519' }),
  key_rotation_days: integer(
    'How old a key may grow before the next one takes over, also while the daemon runs; 0: for ever.',
    {
      ...{ unit: 'days', min: 0, max: 3650, default: 0 },
    },
  ),
});

const connection = section({
  relays: textList('The relays to be logged in at; the first is preferred.', {
    expected: 'a relay (ws://host:port or wss://host)',
    // A node record names at most four.
    maxItems: 4,
    maxLength: MAX_RELAY_URL_BYTES,
    accepts: isRelayUrl,
    hint: relayUrlHint,
  }),
  relay_token: text('What the relays ask for to let this node in; empty: nothing.', {
    expected: 'up to 512 printable characters without spaces',
    maxLength: 512,
    accepts: (token) => /^[\x21-\x7e]*$/.test(token),
    secret: true,
  }),
  relay_ca_file: text(
    'A PEM file with the authority that signed the relay certificates, for a private one.',
    {
      expected: 'the path of a file',
      maxLength: 4096,
      accepts: (path) => !path.includes('\0'),
    },
  ),
  stun_servers: textList(
    'STUN servers to ask beside those of the relays for the address of this node.',
    {
      expected: 'a server (host:port)',
      maxItems: 16,
      maxLength: 260,
      accepts: isServer,
      // 3478: RFC 8489 section 18.5.
      hint: (server) => (isServer(`${server}:3478`) ? `write ${server}:3478` : undefined),
    },
  ),
  listen: text('Where to wait for direct paths, UDP; port 0: any free one.', {
    default: ':0',
    expected: 'host:port, [v6]:port or :port',
    maxLength: 260,
    accepts: (address) => parseEndpoint(address) !== undefined,
    hint: (address) => (/^\d{1,5}$/.test(address) ? `write ":${address}"` : undefined),
  }),
  relay_fallback: toggle(
    'Whether messages may go by the relay where there is no direct path; false: it carries what it takes to find one, and messages wait.',
    {
      default: true,
    },
  ),
  handshake_timeout_ms: integer('How long a peer may take to answer a session handshake.', {
    ...{ unit: 'milliseconds', min: 100, max: 60_000, default: 5000 },
  }),
});

const protocol = section({
  type: choice('The protocol spoken.', { of: ['pilot_overlay'], default: 'pilot_overlay' }),
  identity,
  connection,
});

const trust = section({
  auto_approve: toggle('Trusts whoever asks. For demonstrations and closed networks only.', {
    default: false,
  }),
  max_pending: integer('Trust requests kept for an answer; more are dropped.', {
    ...{ unit: 'requests', min: 1, max: 65_536, default: 256 },
  }),
  requests_per_source_hour: integer('Trust requests heard from one node in an hour.', {
    ...{ unit: 'requests', min: 1, max: 3600, default: 16 },
  }),
});

const messaging = section({
  correlation_id_format: choice('How correlation ids look.', {
    of: ['uuidv7'],
    default: 'uuidv7',
  }),
  max_payload_kb: integer('The largest message to send or accept.', {
    ...{ unit: 'KiB', min: 1, max: 1024, default: 256 },
  }),
  expiry: duration('Not delivered after this long, a message becomes a dead letter.', {
    ...{ minMs: SECOND_MS, maxMs: 30 * DAY_MS, default: '7d' },
  }),
  retry_policy: section({
    max_attempts: integer('Refusals after which a message becomes a dead letter.', {
      ...{ unit: 'attempts', min: 1, max: 100, default: 3 },
    }),
    backoff_multiplier: decimal('How much longer each pause is than the one before.', {
      ...{ min: 1, max: 10, default: 2 },
    }),
    jitter: toggle('Draws each pause at random from nothing to its full length.', {
      default: true,
    }),
    initial_delay: duration('The pause after the first refusal.', {
      ...{ minMs: 10, maxMs: HOUR_MS, default: '1s' },
    }),
    max_delay: duration('No pause is longer.', {
      ...{ minMs: 10, maxMs: DAY_MS, default: '1m' },
    }),
  }),
  inbox: section({
    max_messages: integer('Messages kept; more are refused until some are cleared.', {
      ...{ unit: 'messages', min: 1, max: 10_000_000, default: 10_000 },
    }),
    max_mb: integer('Disk space for them.', {
      ...{ unit: 'MiB', min: 1, max: 1_048_576, default: 256 },
    }),
  }),
  outbox: section({
    max_messages: integer('Messages on their way and dead letters; more are refused.', {
      ...{ unit: 'messages', min: 1, max: 10_000_000, default: 100_000 },
    }),
    max_mb: integer('Disk space for them.', {
      ...{ unit: 'MiB', min: 1, max: 1_048_576, default: 1024 },
    }),
  }),
});

const services = section({
  echo: toggle('Answers on port 7 with what it is sent.', { default: true }),
  data_exchange: toggle('Takes messages and files of other nodes on port 1001.', { default: true }),
  event_stream: toggle('Takes subscriptions and events of other nodes on port 1002.', {
    default: true,
  }),
});

const events = section({
  publish_per_second: integer('Events a second that another node may publish here.', {
    ...{ unit: 'events', min: 1, max: 1_000_000, default: 100 },
  }),
  publish_burst: integer('Events that another node may publish at once.', {
    ...{ unit: 'events', min: 1, max: 1_000_000, default: 200 },
  }),
});

const files = section({
  received_max_mb: integer('Disk space for files of other nodes; more are refused.', {
    ...{ unit: 'MiB', min: 1, max: 1_048_576, default: 2048 },
  }),
  received_max_files: integer('Files of other nodes kept; more are refused.', {
    ...{ unit: 'files', min: 1, max: 1_000_000, default: 10_000 },
  }),
});

const api = section({
  pilot_ipc: text(
    'A second socket, for clients of the original pilotctl; messages are then also files in PILOT_HOME/.pilot/inbox.',
    {
      expected: 'an absolute path of at most 103 bytes, such as /tmp/pilot.sock, or nothing',
      maxLength: MAX_SOCKET_PATH_BYTES,
      accepts: (path) => path === '' || isSocketPath(path),
    },
  ),
});

const observability = section({
  metrics: choiceList('The groups of metrics to collect.', {
    of: [
      'connection_state',
      'round_trip_latency',
      'relay_usage_ratio',
      'message_success_rate',
      'queues',
      'drops',
    ],
  }),
  logging: section({
    level: choice('The least important lines to write.', {
      of: ['trace', 'debug', 'info', 'warn', 'error', 'fatal'],
      default: 'info',
    }),
    format: choice('One JSON object per line, or text for people.', {
      of: ['json', 'text'],
      default: 'json',
    }),
    correlation_tracing: toggle('Puts the correlation id into every line about a message.', {
      default: true,
    }),
  }),
});

export const CONFIG_SCHEMA = z.strictObject({
  node,
  network,
  protocol,
  trust,
  messaging,
  services,
  events,
  files,
  api,
  observability,
});

/** The effective settings; durations in milliseconds. */
export type Config = z.output<typeof CONFIG_SCHEMA>;

/** Every setting by its dotted key, in the order of the tree. */
export const CONFIG_SETTINGS: ReadonlyMap<string, Setting> = new Map(
  settingsBelow(CONFIG_SCHEMA, ''),
);

/** A section may be left out: then its settings have their defaults. */
function section<Shape extends z.ZodRawShape>(
  shape: Shape,
): z.ZodPrefault<z.ZodObject<Shape, z.core.$strict>> {
  return z.strictObject(shape).prefault({} as never);
}

function settingsBelow(tree: z.ZodObject, prefix: string): [string, Setting][] {
  const children = Object.entries<z.core.$ZodType>(tree.shape);
  return children.flatMap(([name, child]): [string, Setting][] => {
    const setting = SETTINGS.get(child);
    if (setting !== undefined) return [[prefix + name, setting]];
    const below = child instanceof z.ZodPrefault ? child.unwrap() : child;
    if (!(below instanceof z.ZodObject)) throw new TypeError(`${prefix}${name} is no section`);
    return settingsBelow(below, `${prefix}${name}.`);
  });
}

function isServer(text: string): boolean {
  const endpoint = parseEndpoint(text);
  if (endpoint === undefined || endpoint.port === 0) return false;
  const { host } = endpoint;
  return host !== '::' && (host.includes(':') || /^[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?$/i.test(host));
}

function isSocketPath(path: string): boolean {
  const bytes = Buffer.byteLength(path);
  return path.startsWith('/') && !path.includes('\0') && bytes <= MAX_SOCKET_PATH_BYTES;
}
