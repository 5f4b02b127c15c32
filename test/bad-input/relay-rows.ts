import { randomBytes } from 'node:crypto';

import { encodeCbor } from '../../src/base/cbor.ts';
import type { Identity } from '../../src/identity/identity.ts';
import { encodeNodeRecord } from '../../src/identity/node-record.ts';
import { encodeNodeMessage } from '../../src/relay/control.ts';
import type { Challenge, Login, NodeMessage } from '../../src/relay/control-message.ts';
import { CLOSE, dataFrame, FRAME, unreachableFrame } from '../../src/relay/protocol.ts';
import { loginFor } from '../relay/support/raw-node.ts';
import { newIdentity } from '../relay/support/relay-fixture.ts';

/** What a node that keeps no rules has to work with. */
export interface StrangerPlace {
  readonly challenge: Challenge;
  readonly identity: Identity;
  /** A node that is online, and has nothing to do with the stranger. */
  readonly other: Uint8Array;
}

/**
 * `lives`: the connection goes on. `reply`: the code of one reply to request 1. `closed`: WebSocket close
 * code, and the reason where one is said.
 */
export type Outcome =
  | { readonly kind: 'closed'; readonly code: number; readonly reason?: string }
  | { readonly kind: 'reply'; readonly code: string }
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'lives' };

export interface RelayRow {
  readonly name: string;
  /** In this order. Text goes out as a text message. */
  readonly frames: (place: StrangerPlace) => readonly (Uint8Array | string)[];
  readonly outcome: Outcome;
  /** The counter that shows it, without `pilot_relay_`; a refusal by a reply's code needs none. */
  readonly counted?: string;
}

const PROTOCOL: Outcome = { kind: 'closed', code: CLOSE.violation, reason: 'protocol' };
const LIVES: Outcome = { kind: 'lives' };
const dropped = (reason: string): string => `drops_total{reason="${reason}"}`;
const refused = (code: string): Pick<RelayRow, 'outcome'> & { counted: string } => ({
  outcome: { kind: 'closed', code: CLOSE.loginRefused, reason: code },
  counted: `logins_total{result="${code}"}`,
});
const violation = { outcome: PROTOCOL, counted: dropped('protocol') };

const control = (map: object): Uint8Array => Uint8Array.of(FRAME.control, ...encodeCbor(map));
const say = (message: NodeMessage): Uint8Array => encodeNodeMessage(message);
const truncated = (frame: Uint8Array): Uint8Array => frame.subarray(0, frame.length - 10);
/** A map of one member, which is a list of one member, and so on. */
const nested = (depth: number): Uint8Array =>
  Uint8Array.of(FRAME.control, ...new Uint8Array(depth).fill(0x81), 0);
/** A map that claims four billion members. */
const HUGE_MAP = Uint8Array.of(FRAME.control, 0xba, 0xff, 0xff, 0xff, 0xff, 0x61, 0x74, 0);

function login(place: StrangerPlace, changes: Partial<Login> = {}): Uint8Array {
  return say({ ...loginFor(place.challenge, place.identity), ...changes });
}

function put(
  to: Uint8Array,
  { expiresAtMs = Date.now() + 60_000, bytes = 100 }: { expiresAtMs?: number; bytes?: number } = {},
): Uint8Array {
  return say({ t: 'put', n: 1, to, id: randomBytes(16), expiresAtMs, body: new Uint8Array(bytes) });
}

function recordOf(identity: Identity, issuedAtMs: number): Uint8Array {
  const fields = { addressCounter: 0, hostname: '', relays: [], issuedAtMs };
  return encodeNodeRecord(identity, fields);
}

/** On a connection that has been challenged and has not logged in. */
export const LOGIN_ROWS: readonly RelayRow[] = [
  { name: 'a truncated login', frames: (place) => [truncated(login(place))], ...violation },
  { name: 'an empty frame', frames: () => [new Uint8Array()], ...violation },
  { name: 'a text message', frames: () => ['hello'], ...violation },
  {
    name: 'data before the login',
    frames: ({ other }) => [dataFrame(other, new Uint8Array(100))],
    ...violation,
  },
  { name: 'a request before the login', frames: ({ other }) => [put(other)], ...violation },
  { name: 'a frame of unknown type', frames: () => [Uint8Array.of(0x42, 1, 2)], ...violation },
  { name: 'lists without end', frames: () => [nested(5000)], ...violation },
  { name: 'a map that is longer than its bytes', frames: () => [HUGE_MAP], ...violation },
  {
    name: 'a signature that is too short',
    frames: (place) => [login(place, { signature: new Uint8Array(63) })],
    ...violation,
  },
  {
    name: 'more bytes than any login has',
    frames: () => [new Uint8Array(40_000)],
    outcome: { kind: 'closed', code: 1006 },
    counted: dropped('too_large'),
  },
  {
    name: 'a message over the frame limit',
    frames: () => [new Uint8Array(2 * 2 ** 20)],
    outcome: { kind: 'closed', code: 1006 },
    counted: dropped('too_large'),
  },
  {
    name: 'a version to come',
    frames: (place) => [login(place, { version: 99 })],
    ...refused('version'),
  },
  {
    name: 'a chain that is none',
    frames: (place) => [login(place, { chain: new Uint8Array(40) })],
    ...refused('bad_login'),
  },
  {
    name: 'the chain of another node',
    frames: (place) => [login(place, { chain: newIdentity().chain.encode() })],
    ...refused('bad_signature'),
  },
  {
    name: 'a signature for another relay',
    frames: ({ challenge, identity }) => [
      say(loginFor({ ...challenge, key: newIdentity().firstKey }, identity)),
    ],
    ...refused('bad_signature'),
  },
  {
    name: 'a login for an earlier challenge, played again',
    frames: ({ challenge, identity }) => [
      say(loginFor({ ...challenge, nonce: randomBytes(32) }, identity)),
    ],
    ...refused('bad_signature'),
  },
  {
    name: 'a login, played again on its own connection',
    frames: (place) => Array<Uint8Array>(2).fill(login(place)),
    ...violation,
  },
];

/** On a connection that has logged in. */
export const FRAME_ROWS: readonly RelayRow[] = [
  {
    name: 'data without a receiver',
    frames: () => [Uint8Array.of(FRAME.data, 1, 2, 3)],
    ...violation,
  },
  {
    name: 'data for nobody',
    frames: () => [dataFrame(newIdentity().firstKey, new Uint8Array(100))],
    outcome: { kind: 'unreachable' },
    counted: dropped('unreachable'),
  },
  {
    name: 'data for a node that does not watch the sender',
    frames: ({ other }) => [
      say({ t: 'watch', add: [other], remove: [] }),
      dataFrame(other, new Uint8Array(100)),
    ],
    outcome: { kind: 'unreachable' },
    counted: dropped('unreachable'),
  },
  {
    name: 'a frame of unknown type',
    frames: () => [Uint8Array.of(0x42, 1, 2, 3)],
    outcome: LIVES,
    counted: dropped('unknown_frame'),
  },
  {
    name: 'a frame that only relays send',
    frames: ({ other }) => [unreachableFrame(other)],
    outcome: LIVES,
    counted: dropped('unknown_frame'),
  },
  {
    name: 'a control message of unknown type',
    frames: () => [control({ t: 'dance', partner: 'any' })],
    outcome: LIVES,
    counted: dropped('unknown_control'),
  },
  {
    name: 'a control message that only relays send',
    frames: ({ other }) => [control({ t: 'presence', key: other, online: true })],
    outcome: LIVES,
    counted: dropped('unknown_control'),
  },
  { name: 'a truncated request', frames: ({ other }) => [truncated(put(other))], ...violation },
  { name: 'a request without a number', frames: () => [control({ t: 'ping' })], ...violation },
  {
    name: 'a lookup of 33 bits',
    frames: () => [control({ t: 'lookup', n: 1, node: 2 ** 32 })],
    ...violation,
  },
  {
    name: 'a hostname without end',
    frames: () => [control({ t: 'lookup', n: 1, hostname: 'x'.repeat(64) })],
    ...violation,
  },
  {
    name: 'a thousand and one watched keys at once',
    frames: ({ other }) => [
      control({ t: 'watch', add: Array.from({ length: 1001 }, () => other) }),
    ],
    ...violation,
  },
  { name: 'a text message', frames: () => ['{"t":"ping","n":1}'], ...violation },
  {
    name: 'a message over the frame limit',
    frames: () => [new Uint8Array(1.5 * 2 ** 20 + 1)],
    outcome: { kind: 'closed', code: 1009 },
    counted: dropped('malformed'),
  },
  {
    name: 'an envelope that has expired',
    frames: ({ other }) => [put(other, { expiresAtMs: Date.now() - 1 })],
    outcome: { kind: 'reply', code: 'expired' },
  },
  {
    name: 'an envelope over the limit, in a frame that is not',
    frames: ({ other }) => [put(other, { bytes: 1.5 * 2 ** 20 - 300 })],
    outcome: { kind: 'reply', code: 'too_large' },
  },
  {
    name: 'the record of another node',
    frames: () => [say({ t: 'publish', n: 1, record: recordOf(newIdentity(), Date.now()) })],
    outcome: { kind: 'reply', code: 'bad_record' },
  },
  {
    name: 'a record from the far future',
    frames: ({ identity }) => [
      say({ t: 'publish', n: 1, record: recordOf(identity, Date.now() + 86_400_000) }),
    ],
    outcome: { kind: 'reply', code: 'bad_record' },
  },
  {
    name: 'two records in the wrong order',
    frames: ({ identity }) => [
      say({ t: 'publish', n: 2, record: recordOf(identity, Date.now()) }),
      say({ t: 'publish', n: 1, record: recordOf(identity, Date.now() - 60_000) }),
    ],
    outcome: { kind: 'reply', code: 'stale_record' },
  },
  {
    name: 'more lookups than are allowed',
    frames: () =>
      Array.from({ length: 2500 }, () => say({ t: 'lookup', n: 1, by: { hostname: 'x' } })),
    outcome: { kind: 'reply', code: 'rate_limited' },
    counted: dropped('rate_limited'),
  },
];
