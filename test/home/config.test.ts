import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { beforeEach, expect, test } from 'vitest';

import { PilotError } from '../../src/base/pilot-error.ts';
import {
  configKeys,
  configSchemaJson,
  type ConfigSources,
  loadConfig,
  type LoadedConfig,
} from '../../src/home/config.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

let folder: string;
let defaultFile: string;

beforeEach(() => {
  folder = temporaryFolder();
  defaultFile = path.join(folder, 'config.yaml');
});

function load(sources: Partial<ConfigSources> = {}, text?: string): LoadedConfig {
  if (text !== undefined) writeFileSync(defaultFile, text, { mode: 0o600 });
  return loadConfig({ env: {}, defaultFile, ...sources });
}

function errorOf(run: () => unknown): PilotError {
  try {
    run();
  } catch (error) {
    if (error instanceof PilotError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

test('without any source every setting has its default', () => {
  const { config, origins, file, warnings } = load();
  expect(config).toEqual({
    node: { hostname: '' },
    network: {
      topology: 'dynamic',
      nat_traversal: 'required',
      transport: 'auto',
      port_mapping: true,
      max_latency_ms: 200,
    },
    protocol: {
      type: 'pilot_overlay',
      identity: { algorithm: 'ed25519', key_rotation_days: 0 },
      connection: {
        relays: [],
        relay_token: '',
        relay_ca_file: '',
        stun_servers: [],
        listen: ':0',
        relay_fallback: true,
        handshake_timeout_ms: 5000,
      },
    },
    trust: { auto_approve: false, max_pending: 256, requests_per_source_hour: 16 },
    messaging: {
      correlation_id_format: 'uuidv7',
      max_payload_kb: 256,
      retry_policy: {
        max_attempts: 3,
        backoff_multiplier: 2,
        jitter: true,
        initial_delay: 1000,
        max_delay: 60_000,
      },
      expiry: 7 * 86_400_000,
      inbox: { max_messages: 10_000, max_mb: 256 },
      outbox: { max_messages: 100_000, max_mb: 1024 },
    },
    services: { echo: true, data_exchange: true, event_stream: true },
    events: { publish_per_second: 100, publish_burst: 200 },
    files: { received_max_mb: 2048, received_max_files: 10_000 },
    api: { pilot_ipc: '' },
    observability: {
      metrics: [
        'connection_state',
        'round_trip_latency',
        'relay_usage_ratio',
        'message_success_rate',
        'queues',
        'drops',
      ],
      logging: { level: 'info', format: 'json', correlation_tracing: true },
    },
  });
  expect([...origins.keys()]).toEqual(configKeys().map(({ key }) => key));
  expect(new Set(origins.values())).toEqual(new Set(['default']));
  expect(file).toBeUndefined();
  expect(warnings).toEqual([]);
});

test('the template of the source document is accepted as it stands', () => {
  const file = 'test/vectors/agent-communication-config.yaml';
  const loaded = load({ file });
  expect(loaded.file).toBe(file);
  expect(loaded.config.protocol.identity.key_rotation_days).toBe(90);
  expect(loaded.config.protocol.connection.stun_servers).toEqual([
    'stun.l.google.com:19302',
    'stun1.l.google.com:19302',
  ]);
  expect(loaded.config.observability.metrics).toHaveLength(4);
  expect(loaded.origins.get('network.topology')).toBe('file');
  expect(loaded.origins.get('messaging.expiry')).toBe('default');
});

test('command line over environment over file over default', () => {
  const key = 'observability.logging.level';
  const levels = (loaded: LoadedConfig): unknown[] => [
    loaded.config.observability.logging.level,
    loaded.origins.get(key),
  ];
  const env = { PILOT_LOG_LEVEL: 'warn' };
  const flags = { [key]: 'error' };
  expect(levels(load({}))).toEqual(['info', 'default']);
  expect(levels(load({}, 'observability: { logging: { level: debug } }'))).toEqual([
    'debug',
    'file',
  ]);
  expect(levels(load({ env }))).toEqual(['warn', 'environment']);
  expect(levels(load({ env, flags }))).toEqual(['error', 'flag']);
  expect(levels(load({ env: { PILOT_LOG_LEVEL: '' } }))).toEqual(['debug', 'file']);
});

test('every variable of ours sets its key', () => {
  const { config, origins } = load({
    env: {
      PILOT_RELAY: 'wss://one.example, ws://two.example:7443',
      PILOT_TOKEN: 'secret',
      PILOT_HOSTNAME: 'alpha',
      PILOT_LOG_LEVEL: 'trace',
      PILOT_REGISTRY: '127.0.0.1:9000',
    },
  });
  expect(config.protocol.connection.relays).toEqual(['wss://one.example', 'ws://two.example:7443']);
  expect(config.protocol.connection.relay_token).toBe('secret');
  expect(config.node.hostname).toBe('alpha');
  expect(config.observability.logging.level).toBe('trace');
  expect(origins.get('protocol.connection.relay_token')).toBe('environment');
});

test('PILOT_REGISTRY is the relay where none is named', () => {
  const env = { PILOT_REGISTRY: '127.0.0.1:9000' };
  const relays = (loaded: LoadedConfig): unknown => loaded.config.protocol.connection.relays;
  const alone = load({ env });
  expect(relays(alone)).toEqual(['ws://127.0.0.1:9000']);
  expect(alone.origins.get('protocol.connection.relays')).toBe('environment');
  expect(relays(load({ env }, 'protocol: { connection: { relays: [] } }'))).toEqual([
    'ws://127.0.0.1:9000',
  ]);
  expect(relays(load({ env }, 'protocol: { connection: { relays: [wss://r] } }'))).toEqual([
    'wss://r',
  ]);
  const flags = { 'protocol.connection.relays': ['ws://flag:1'] };
  expect(relays(load({ env, flags }))).toEqual(['ws://flag:1']);
  const error = errorOf(() => load({ env: { PILOT_REGISTRY: 'nowhere' } }, ''));
  expect(error.message).toBe('PILOT_REGISTRY: expected host:port, found "nowhere"');
});

test('text from options is read by the kind of its setting', () => {
  const { config } = load({
    flags: {
      'trust.auto_approve': true,
      'messaging.retry_policy.jitter': '0',
      'messaging.retry_policy.backoff_multiplier': '1.5',
      'messaging.max_payload_kb': '512',
      'messaging.expiry': '90',
      'messaging.retry_policy.max_delay': '1m30s',
      'protocol.connection.stun_servers': 'one:3478,[::1]:3479',
      'node.hostname': '123',
      'protocol.connection.listen': undefined,
    },
  });
  expect(config.trust.auto_approve).toBe(true);
  expect(config.messaging).toMatchObject({
    max_payload_kb: 512,
    expiry: 90_000,
    retry_policy: { jitter: false, backoff_multiplier: 1.5, max_delay: 90_000 },
  });
  expect(config.protocol.connection.stun_servers).toEqual(['one:3478', '[::1]:3479']);
  expect(config.node.hostname).toBe('123');
});

test('a wrong option or variable is named with its key', () => {
  const option = errorOf(() => load({ flags: { 'node.hostname': 'My Host' } }));
  expect(option.code).toBe('invalid_argument');
  expect(option.message).toContain('command line: node.hostname: expected 1 to 63');
  expect(option.message).toContain('found "My Host"');
  expect(option.hint).toBe('write my-host');

  const variable = errorOf(() => load({ env: { PILOT_RELAY: 'wss://a,https://b' } }));
  expect(variable.message).toContain('PILOT_RELAY: protocol.connection.relays: expected a relay');
  expect(variable.hint).toBe('a relay is a WebSocket: wss://b');

  const unknown = errorOf(() => load({ flags: { 'node.hostnam': 'a' } }));
  expect(unknown.message).toBe('command line: node.hostnam is not a known setting');
  expect(unknown.hint).toBe('did you mean node.hostname?');
});

test('a file that is named has to exist; the default one need not', () => {
  const file = path.join(folder, 'missing.yaml');
  const error = errorOf(() => load({ file }));
  expect(error.code).toBe('not_found');
  expect(error.message).toContain(file);
  expect(load().file).toBeUndefined();
});

test('the error for a file has its place, its fault and what was meant', () => {
  const error = errorOf(() => load({}, 'messaging:\n  max_payload_kbs: 12\n  expiry: soon\n'));
  expect(error.code).toBe('invalid_argument');
  expect(error.message).toBe(
    `${defaultFile}:2:3: messaging.max_payload_kbs: is not a known setting (and 1 more)`,
  );
  expect(error.hint).toBe('did you mean messaging.max_payload_kb?');
});

test('files that are no text of ours', () => {
  expect(errorOf(() => load({ file: folder })).message).toContain('cannot be read');

  writeFileSync(defaultFile, Buffer.from('node:\n  hostname: \xe9\n', 'latin1'));
  expect(errorOf(() => load()).message).toBe(`${defaultFile}:2:1: is not UTF-8 text`);

  writeFileSync(defaultFile, '#'.repeat(256 * 1024 + 1));
  expect(errorOf(() => load()).message).toBe(`${defaultFile}:1:1: is larger than 256 KiB`);

  expect(errorOf(() => load({ file: '/dev/zero' })).message).toContain('is larger than 256 KiB');
  expect(load({}, '# nothing but a comment\n').config).toEqual(load({ defaultFile: '' }).config);
});

test('a token in a file that others may read is warned about', () => {
  const text = 'protocol: { connection: { relay_token: abc } }';
  expect(load({}, text).warnings).toEqual([]);
  chmodSync(defaultFile, 0o640);
  expect(load().warnings).toEqual([
    `${defaultFile} holds the relay's token and others may read it: chmod 600 ${defaultFile}`,
  ]);
  writeFileSync(defaultFile, 'node: { hostname: a }');
  expect(load().warnings).toEqual([]);
});

test('a token is never part of a message', () => {
  const error = errorOf(() => load({ env: { PILOT_TOKEN: 'two words' } }));
  expect(error.message).toContain('protocol.connection.relay_token: expected up to 512');
  expect(error.message).not.toContain('two words');
});

test('the path of a certificate is seen from the file that names it', () => {
  const inFile = load({}, 'protocol: { connection: { relay_ca_file: ca/relay.pem } }');
  expect(inFile.config.protocol.connection.relay_ca_file).toBe(path.join(folder, 'ca/relay.pem'));
  const flags = { 'protocol.connection.relay_ca_file': 'ca.pem' };
  expect(load({ flags }).config.protocol.connection.relay_ca_file).toBe(path.resolve('ca.pem'));
});

test('sections of which everything is commented out are as good as absent', () => {
  const { config } = load({}, 'trust:\n  # auto_approve: true\nmessaging:\n  inbox:\n');
  expect(config).toEqual(load({ defaultFile: '' }).config);
});

test('the JSON schema describes every key and closes every section', () => {
  interface Node {
    description?: string;
    default?: unknown;
    properties?: Record<string, Node>;
    additionalProperties?: boolean;
  }
  const leaves = new Map<string, Node>();
  const walk = (node: Node, prefix: string): void => {
    expect(node.additionalProperties, prefix).toBe(false);
    for (const [name, child] of Object.entries(node.properties ?? {})) {
      if (child.properties === undefined) leaves.set(prefix + name, child);
      else walk(child, `${prefix}${name}.`);
    }
  };
  walk(configSchemaJson(), '');
  const keys = configKeys();
  expect([...leaves.keys()]).toEqual(keys.map(({ key }) => key));
  for (const { key, description, default: value } of keys) {
    expect(leaves.get(key)).toMatchObject({ description, default: value });
  }
});
