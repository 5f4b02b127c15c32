/**
 * Control messages: CBOR maps `{t: type, …}` after the frame type 01.
 *
 *     relay → node                                  node → relay
 *     challenge {v, min, key, nonce}                login {v, chain, nonce, sig, instance, token?}
 *     welcome {sig, limits, stun?, time}            publish {n, record}
 *     reply {n, code, record?}                      lookup {n, key | node | hostname}
 *     presence {key, online}                        put {n, to, id, expires, body}
 *     envelope {id, from, at, body}                 ping {n}
 *     notice {code}                                 watch {add?, remove?}
 *     error {code}                                  taken {from, id}
 *
 * A message with `n` is a request; the `reply` repeats its number. Times are milliseconds since the
 * Unix epoch. Types and members that a reader does not know are ignored: what the decoders then return
 * is undefined. All they throw is `WireError`.
 */
import { encodeCbor } from '../base/cbor.ts';
import { CborFields } from '../base/cbor-fields.ts';
import { WireError } from '../base/wire-error.ts';
import { MAX_KEY_CHAIN_BYTES } from '../identity/key-chain.ts';
import { MAX_NODE_RECORD_BYTES } from '../identity/node-record.ts';
import { SIGNATURE_BYTES } from '../identity/secret-key.ts';
import type {
  Challenge,
  Envelope,
  Login,
  LookupKey,
  NodeMessage,
  RelayMessage,
  Reply,
  Welcome,
} from './control-message.ts';
import { ENVELOPE_ID_BYTES, FRAME, KEY_BYTES, NONCE_BYTES } from './protocol.ts';

export const INSTANCE_BYTES = 16;
/** HMAC-SHA256. */
const TOKEN_PROOF_BYTES = 32;
/** Keys in one `watch`: the client splits longer lists, so that one message stays cheap to take in. */
export const MAX_WATCH_KEYS = 1000;
const MAX_HOSTNAME_LENGTH = 63;
const MAX_CODE_LENGTH = 64;
const MAX_PORT = 0xffff;

export function encodeNodeMessage(message: NodeMessage): Uint8Array {
  return controlFrame(nodeMessageToWire(message));
}

export function encodeRelayMessage(message: RelayMessage): Uint8Array {
  return controlFrame(relayMessageToWire(message));
}

/** A CONTROL frame that a node sent. Byte members are views into the frame. */
export function decodeNodeMessage(frame: Uint8Array): NodeMessage | undefined {
  const fields = fieldsOf(frame);
  const t = fields.text('t', { atMost: MAX_CODE_LENGTH });
  switch (t) {
    case 'login':
      return readLogin(fields);
    case 'publish': {
      const record = fields.bytes('record', { atMost: MAX_NODE_RECORD_BYTES });
      return { t, n: fields.count('n'), record };
    }
    case 'lookup':
      return { t, n: fields.count('n'), by: readLookup(fields) };
    case 'put':
      return readPut(fields);
    case 'ping':
      return { t, n: fields.count('n') };
    case 'watch':
      return { t, add: readKeys(fields, 'add'), remove: readKeys(fields, 'remove') };
    case 'taken':
      return { t, from: readKey(fields, 'from'), id: readId(fields) };
    default:
      return undefined;
  }
}

/** A CONTROL frame that a relay sent. Byte members are views into the frame. */
export function decodeRelayMessage(frame: Uint8Array): RelayMessage | undefined {
  const fields = fieldsOf(frame);
  const t = fields.text('t', { atMost: MAX_CODE_LENGTH });
  switch (t) {
    case 'challenge':
      return readChallenge(fields);
    case 'welcome':
      return readWelcome(fields);
    case 'reply':
      return readReply(fields);
    case 'presence':
      return { t, key: readKey(fields, 'key'), online: fields.flag('online') };
    case 'envelope':
      return readEnvelope(fields);
    case 'notice':
    case 'error':
      return { t, code: readCode(fields) };
    default:
      return undefined;
  }
}

function controlFrame(map: object): Uint8Array {
  const body = encodeCbor(map);
  const frame = new Uint8Array(1 + body.length);
  frame[0] = FRAME.control;
  frame.set(body, 1);
  return frame;
}

function nodeMessageToWire(message: NodeMessage): object {
  switch (message.t) {
    case 'login': {
      const { version, signature, ...rest } = message;
      return { ...rest, v: version, sig: signature };
    }
    case 'lookup':
      return { t: message.t, n: message.n, ...message.by };
    case 'put': {
      const { expiresAtMs, ...rest } = message;
      return { ...rest, expires: expiresAtMs };
    }
    case 'publish':
    case 'ping':
    case 'watch':
    case 'taken':
      return message;
  }
}

function relayMessageToWire(message: RelayMessage): object {
  switch (message.t) {
    case 'challenge': {
      const { version, oldest, ...rest } = message;
      return { ...rest, v: version, min: oldest };
    }
    case 'welcome': {
      const { t, signature, stunPort, timeMs } = message;
      const { frameBytes, bodyBytes, watch } = message.limits;
      const limits = { frame: frameBytes, body: bodyBytes, watch };
      return { t, sig: signature, limits, stun: stunPort, time: timeMs };
    }
    case 'envelope': {
      const { atMs, ...rest } = message;
      return { ...rest, at: atMs };
    }
    case 'reply':
    case 'presence':
    case 'notice':
    case 'error':
      return message;
  }
}

function fieldsOf(frame: Uint8Array): CborFields {
  if (frame[0] !== FRAME.control) throw new WireError('not a control frame');
  return CborFields.decode(frame.subarray(1));
}

function readChallenge(fields: CborFields): Challenge {
  const version = fields.count('v');
  const oldest = fields.has('min') ? fields.count('min') : version;
  const nonce = fields.bytes('nonce', { exactly: NONCE_BYTES });
  return { t: 'challenge', version, oldest, key: readKey(fields, 'key'), nonce };
}

function readLogin(fields: CborFields): Login {
  return {
    t: 'login',
    version: fields.count('v'),
    chain: fields.bytes('chain', { atMost: MAX_KEY_CHAIN_BYTES }),
    nonce: fields.bytes('nonce', { exactly: NONCE_BYTES }),
    signature: fields.bytes('sig', { exactly: SIGNATURE_BYTES }),
    instance: fields.bytes('instance', { exactly: INSTANCE_BYTES }),
    token: fields.has('token') ? fields.bytes('token', { exactly: TOKEN_PROOF_BYTES }) : undefined,
  };
}

function readWelcome(fields: CborFields): Welcome {
  const limits = fields.map('limits');
  return {
    t: 'welcome',
    signature: fields.bytes('sig', { exactly: SIGNATURE_BYTES }),
    limits: {
      frameBytes: limits.count('frame'),
      bodyBytes: limits.count('body'),
      watch: limits.count('watch'),
    },
    stunPort: fields.has('stun') ? readPort(fields, 'stun') : undefined,
    timeMs: fields.count('time'),
  };
}

function readLookup(fields: CborFields): LookupKey {
  if (fields.has('key')) return { key: readKey(fields, 'key') };
  if (fields.has('hostname')) {
    return { hostname: fields.text('hostname', { atMost: MAX_HOSTNAME_LENGTH }) };
  }
  const node = fields.count('node');
  if (node > 0xffffffff) throw new WireError('a node number has 32 bits');
  return { node };
}

function readPut(fields: CborFields): NodeMessage {
  return {
    t: 'put',
    n: fields.count('n'),
    to: readKey(fields, 'to'),
    id: readId(fields),
    expiresAtMs: fields.count('expires'),
    body: fields.bytes('body', {}),
  };
}

function readReply(fields: CborFields): Reply {
  const record = fields.has('record')
    ? fields.bytes('record', { atMost: MAX_NODE_RECORD_BYTES })
    : undefined;
  return { t: 'reply', n: fields.count('n'), code: readCode(fields), record };
}

function readEnvelope(fields: CborFields): Envelope {
  return {
    t: 'envelope',
    id: readId(fields),
    from: readKey(fields, 'from'),
    atMs: fields.count('at'),
    body: fields.bytes('body', {}),
  };
}

function readKeys(fields: CborFields, name: string): readonly Uint8Array[] {
  return fields.has(name)
    ? fields.bytesList(name, { each: KEY_BYTES, atMost: MAX_WATCH_KEYS })
    : [];
}

function readKey(fields: CborFields, name: string): Uint8Array {
  return fields.bytes(name, { exactly: KEY_BYTES });
}

function readId(fields: CborFields): Uint8Array {
  return fields.bytes('id', { exactly: ENVELOPE_ID_BYTES });
}

function readPort(fields: CborFields, name: string): number {
  const port = fields.count(name);
  if (port < 1 || port > MAX_PORT) throw new WireError(`${name} is no port`);
  return port;
}

function readCode(fields: CborFields): string {
  return fields.text('code', { atMost: MAX_CODE_LENGTH });
}
