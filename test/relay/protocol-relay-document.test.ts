import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { fromHex, toHex } from '../../src/base/bytes.ts';
import { Identity } from '../../src/identity/identity.ts';
import { KeyChain } from '../../src/identity/key-chain.ts';
import { encodeNodeId } from '../../src/identity/node-id.ts';
import { SecretKey } from '../../src/identity/secret-key.ts';
import { signStatement } from '../../src/identity/signing.ts';
import {
  decodeNodeMessage,
  decodeRelayMessage,
  encodeNodeMessage,
  encodeRelayMessage,
} from '../../src/relay/control.ts';
import {
  ERROR_CODES,
  type NodeMessage,
  type RelayMessage,
  REPLY_CODES,
} from '../../src/relay/control-message.ts';
import {
  answerChallenge,
  checkLogin,
  isProven,
  loginStatement,
  makeWelcome,
  tokenProof,
} from '../../src/relay/login.ts';
import { CLOSE } from '../../src/relay/protocol.ts';
import { dataFrame, unreachableFrame } from '../../src/relay/protocol.ts';

const DOCUMENT = readFileSync(new URL('../../docs/protocol-relay.md', import.meta.url), 'utf8');
/** Blocks fenced with "```hex NAME"; white space in them does not count. */
const VECTORS = new Map(
  [...DOCUMENT.matchAll(/```hex (\S+)\n([\s\S]*?)```/g)].map(([, name = '', hex = '']) => {
    return [name, hex.replace(/\s/g, '')] as const;
  }),
);

const fill = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);
const nodeSecret = SecretKey.fromSeed(fill(32, 0x01));
const identity = new Identity(KeyChain.start(nodeSecret.publicKey), nodeSecret, 0);
const secret = SecretKey.fromSeed(fill(32, 0x02));
const peer = fill(32, 0x0a);
const envelopeId = fill(16, 0x0b);
const challenge = {
  t: 'challenge',
  version: 1,
  oldest: 1,
  key: secret.publicKey,
  nonce: fill(32, 0x03),
} as const;
const nonce = fill(32, 0x04);
const instance = fill(16, 0x05);
const token = 'open sesame';
const login = answerChallenge(challenge, { identity, instance, nonce, token });
const statement = loginStatement(challenge, nonce);
const limits = { frameBytes: 1_572_864, bodyBytes: 1_572_352, watch: 10_000 };
const atMs = Date.UTC(2026, 0, 1);
const told = { limits, timeMs: atMs };
const welcome = makeWelcome({ secret, challenge }, { chain: identity.chain, login }, told);

const nodeMessages: Record<string, NodeMessage> = {
  login,
  publish: { t: 'publish', n: 1, record: fill(3, 0x0c) },
  'lookup-key': { t: 'lookup', n: 2, by: { key: peer } },
  'lookup-node': { t: 'lookup', n: 3, by: { node: 0xa91f7c2e } },
  'lookup-hostname': { t: 'lookup', n: 4, by: { hostname: 'alpha' } },
  put: {
    t: 'put',
    n: 5,
    to: peer,
    id: envelopeId,
    expiresAtMs: atMs + 60_000,
    body: fill(4, 0x0d),
  },
  ping: { t: 'ping', n: 6 },
  watch: { t: 'watch', add: [peer], remove: [] },
  taken: { t: 'taken', from: peer, id: envelopeId },
};
const relayMessages: Record<string, RelayMessage> = {
  challenge,
  welcome,
  'welcome-stun': { ...welcome, stunPort: 3478 },
  'reply-record': { t: 'reply', n: 2, code: 'ok', record: fill(3, 0x0c) },
  'reply-stored': { t: 'reply', n: 5, code: 'stored' },
  presence: { t: 'presence', key: peer, online: true },
  envelope: { t: 'envelope', id: envelopeId, from: peer, atMs, body: fill(4, 0x0d) },
  notice: { t: 'notice', code: 'rate_limited' },
  error: { t: 'error', code: 'auth_required' },
};
const values: Record<string, Uint8Array> = {
  'node-key': identity.firstKey,
  'relay-key': secret.publicKey,
  'login-statement': statement,
  'login-signature': signStatement(identity.secret, 'relay-login', statement),
  'token-proof': tokenProof(token, statement),
  data: dataFrame(peer, fill(4, 0x0d)),
  unreachable: unreachableFrame(peer),
};

describe('every vector of the document', () => {
  test('is checked here', () => {
    const checked = [nodeMessages, relayMessages, values].flatMap((group) => Object.keys(group));
    expect([...VECTORS.keys()].sort()).toEqual(checked.sort());
  });

  test.each(Object.entries(values))('%s', (name, value) => {
    expect(toHex(value)).toBe(VECTORS.get(name));
  });

  test.each(Object.entries(nodeMessages))('%s', (name, message) => {
    const hex = VECTORS.get(name) ?? '';
    expect(toHex(encodeNodeMessage(message))).toBe(hex);
    expect(decodeNodeMessage(fromHex(hex))).toEqual(message);
  });

  test.each(Object.entries(relayMessages))('%s', (name, message) => {
    const hex = VECTORS.get(name) ?? '';
    expect(toHex(encodeRelayMessage(message))).toBe(hex);
    expect(decodeRelayMessage(fromHex(hex))).toEqual(message);
  });
});

test('the login and the welcome in it hold', () => {
  expect(checkLogin(challenge, login)).toHaveProperty('chain');
  expect(isProven(challenge, { identity, nonce }, welcome)).toBe(true);
});

test('it names every code and the relay of its example', () => {
  for (const code of [...REPLY_CODES, ...ERROR_CODES]) expect(DOCUMENT).toContain(`\`${code}\``);
  for (const code of Object.values(CLOSE)) expect(DOCUMENT).toContain(String(code));
  expect(DOCUMENT).toContain(encodeNodeId(secret.publicKey));
});
