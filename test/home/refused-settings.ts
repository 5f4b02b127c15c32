/** A value as YAML source, and what the message says was found (and the hint, where one is due). */
export type Refused = readonly [source: string, found: string, hint?: string];

const NOT_TEXT: readonly Refused[] = [
  ['123', '123'],
  ['true', 'true'],
  ['[a]', 'a list of 1'],
  ['{ a: 1 }', 'a section'],
];
const NOT_NUMBER: readonly Refused[] = [
  ['lots', '"lots"'],
  ['true', 'true'],
  ['[1]', 'a list of 1'],
  ['{ a: 1 }', 'a section'],
  ['.inf', 'Infinity'],
];
const NOT_LIST: readonly Refused[] = [
  ['7', '7'],
  ['true', 'true'],
  ['{ a: 1 }', 'a section'],
];

/** A wrong type for every kind. */
export const REFUSED_BY_KIND: Record<string, readonly Refused[]> = {
  text: NOT_TEXT,
  choice: [...NOT_TEXT, ['nothing_such', '"nothing_such"']],
  integer: [...NOT_NUMBER, ['1.5', '1.5']],
  number: NOT_NUMBER,
  boolean: [
    ['yes', '"yes"', 'write true'],
    ['off', '"off"', 'write false'],
    ['1', '1', 'write true'],
    ['[true]', 'a list of 1'],
    ['{ a: 1 }', 'a section'],
  ],
  duration: [
    ['true', 'true'],
    ['[1s]', 'a list of 1'],
    ['{ a: 1 }', 'a section'],
    ['5 minutes', '"5 minutes"'],
    ['10parsecs', '"10parsecs"'],
    ['-1s', '"-1s"'],
    ['-1', '-1'],
    ['.nan', 'NaN'],
  ],
  list: NOT_LIST,
};

const tooMany = (count: number, item: (index: number) => string): string =>
  `[${Array.from({ length: count }, (_, index) => item(index)).join(', ')}]`;
const below = (min: number): Refused => [String(min), String(min)];
const choiceOf = (wrong: string, meant: string): readonly Refused[] => [
  [wrong, JSON.stringify(wrong), `did you mean ${meant}?`],
];

/** What is wrong for a setting in particular: its range, its unit, its form. None may be missing. */
export const REFUSED_BY_KEY: Record<string, readonly Refused[]> = {
  'node.hostname': [
    ['Alpha_1', '"Alpha_1"', 'write alpha-1'],
    ['-a', '"-a"'],
    ['123', '123', 'put it in quotes: "123"'],
    ['a.b', '"a.b"', 'write a-b'],
    ['a'.repeat(64), `"${'a'.repeat(60)}…"`],
  ],
  'network.topology': choiceOf('dynamc', 'dynamic'),
  'network.nat_traversal': choiceOf('prefered', 'preferred'),
  'network.transport': choiceOf('webrct', 'webrtc').concat([['udp', '"udp"', 'did you mean udx?']]),
  'network.port_mapping': [],
  'network.max_latency_ms': [
    below(0),
    below(60_001),
    ['200ms', '"200ms"', '200ms is 200 milliseconds: write 200'],
  ],
  'protocol.type': [
    ['pilot', '"pilot"'],
    ['wireguard', '"wireguard"'],
  ],
  'protocol.identity.algorithm': choiceOf('ed25518', 'ed25519').concat([['rsa', '"rsa"']]),
  'protocol.identity.key_rotation_days': [
    below(-1),
    below(3651),
    ['12w', '"12w"', 'write the number of days alone'],
    ['48h', '"48h"', '48h is 2 days: write 2'],
  ],
  'protocol.connection.relays': [
    ['wss://relay.example', '"wss://relay.example"', 'write a list: [first, second]'],
    [
      '[https://relay.example]',
      '"https://relay.example"',
      'a relay is a WebSocket: wss://relay.example',
    ],
    ['[relay.example:7443]', '"relay.example:7443"', 'write ws://relay.example:7443'],
    ['[relay.example]', '"relay.example"', 'write wss://relay.example'],
    [
      '["wss://relay.example#pilot1q"]',
      '"wss://relay.example#pilot1q"',
      'what follows # is the Node ID of the relay',
    ],
    ['[wss://user:pass@relay.example]', '"wss://user:pass@relay.example"'],
    ['["wss://"]', '"wss://"'],
    ['[wss://a:70000]', '"wss://a:70000"'],
    ['[5]', '5'],
    ['[wss://a, wss://a]', 'an item twice'],
    [tooMany(5, (index) => `wss://relay-${index}`), 'a list of 5'],
    [`[wss://${'a'.repeat(256)}]`, `"wss://${'a'.repeat(54)}…"`],
  ],
  'protocol.connection.relay_token': [
    ['123', 'something else', 'put it in quotes'],
    ['two words', 'something else'],
    ['x'.repeat(513), 'something else'],
  ],
  'protocol.connection.relay_ca_file': [['"a\\0b"', '"a\\u0000b"']],
  'protocol.connection.stun_servers': [
    ['stun.example:3478', '"stun.example:3478"', 'write a list: [first, second]'],
    ['[stun.example]', '"stun.example"', 'write stun.example:3478'],
    ['[stun.example:0]', '"stun.example:0"'],
    ['[stun.example:70000]', '"stun.example:70000"'],
    ['["stun:stun.example:3478"]', '"stun:stun.example:3478"'],
    ['[":3478"]', '":3478"'],
    ['[a:1, a:1]', 'an item twice'],
    [tooMany(17, (index) => `stun-${index}:3478`), 'a list of 17'],
  ],
  'protocol.connection.listen': [
    ['"7443"', '"7443"', 'write ":7443"'],
    ['"::1"', '"::1"'],
    ['":65536"', '":65536"'],
  ],
  'protocol.connection.relay_fallback': [],
  'protocol.connection.handshake_timeout_ms': [
    below(99),
    below(60_001),
    ['5s', '"5s"', '5s is 5000 milliseconds: write 5000'],
  ],
  'trust.auto_approve': [],
  'trust.max_pending': [below(0), below(65_537)],
  'trust.requests_per_source_hour': [
    below(0),
    below(3601),
    ['16/h', '"16/h"', 'write the number of requests alone'],
  ],
  'messaging.correlation_id_format': choiceOf('uuidv4', 'uuidv7').concat([['ulid', '"ulid"']]),
  'messaging.max_payload_kb': [
    below(0),
    below(1025),
    ['256kB', '"256kB"', 'write the number of KiB alone'],
  ],
  'messaging.expiry': [
    ['999ms', '"999ms"'],
    ['31d', '"31d"'],
    ['1w', '"1w"'],
    ['2592001', '2592001'],
  ],
  'messaging.retry_policy.max_attempts': [below(0), below(101)],
  'messaging.retry_policy.backoff_multiplier': [
    ['0.9', '0.9'],
    ['10.1', '10.1'],
    ['2x', '"2x"'],
  ],
  'messaging.retry_policy.jitter': [],
  'messaging.retry_policy.initial_delay': [
    ['9ms', '"9ms"'],
    ['61m', '"61m"'],
    ['1s500', '"1s500"'],
  ],
  'messaging.retry_policy.max_delay': [
    ['9ms', '"9ms"'],
    ['25h', '"25h"'],
  ],
  'messaging.inbox.max_messages': [below(0), below(10_000_001)],
  'messaging.inbox.max_mb': [
    below(0),
    below(1_048_577),
    ['256MB', '"256MB"', 'write the number of MiB alone'],
  ],
  'messaging.outbox.max_messages': [below(0), below(10_000_001)],
  'messaging.outbox.max_mb': [
    below(0),
    below(1_048_577),
    ['1G', '"1G"', 'write the number of MiB alone'],
  ],
  'services.echo': [],
  'services.data_exchange': [],
  'services.event_stream': [],
  'events.publish_per_second': [below(0), below(1_000_001)],
  'events.publish_burst': [below(0), below(1_000_001)],
  'files.received_max_mb': [below(0), below(1_048_577)],
  'files.received_max_files': [below(0), below(1_000_001)],
  'api.pilot_ipc': [
    ['pilot.sock', '"pilot.sock"'],
    [`/${'a'.repeat(103)}`, `"/${'a'.repeat(59)}…"`],
  ],
  'observability.metrics': [
    ['queues', '"queues"', 'write a list: [first, second]'],
    ['[queue]', '"queue"', 'did you mean queues?'],
    ['[queues, queues]', 'an item twice'],
    ['[1]', '1'],
  ],
  'observability.logging.level': choiceOf('debg', 'debug').concat([['loud', '"loud"']]),
  'observability.logging.format': choiceOf('jsn', 'json').concat([['xml', '"xml"']]),
  'observability.logging.correlation_tracing': [],
};
