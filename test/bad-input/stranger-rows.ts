import { randomBytes } from 'node:crypto';

import { encodeCbor } from '../../src/base/cbor.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { encodeAppMessage } from '../../src/daemon/messages/app-message.ts';
import { newUuid } from '../../src/daemon/messages/uuid-bytes.ts';
import type { Identity } from '../../src/identity/identity.ts';
import { newIdentity } from '../relay/support/relay-fixture.ts';
import { messageOf, type Outsider, recordOf, requestOf } from './outsider.ts';

/** What a node without trust leaves in another's mailbox. */
export interface StrangerRow {
  readonly name: string;
  readonly envelope: (stranger: Outsider) => Uint8Array;
  /** The reason under which the receiver drops it; undefined: it changes nothing, which is no news. */
  readonly counted: string | undefined;
}

const DAY_MS = 86_400_000;
const uuid = (): string => newUuid(systemClock, randomBytes);

function acceptanceOf(identity: Identity): Uint8Array {
  return encodeAppMessage({ kind: 'accept', record: recordOf(identity), atMs: Date.now() });
}

export const STRANGER_ROWS: readonly StrangerRow[] = [
  { name: 'a message', envelope: (one) => one.seal([messageOf()]), counted: 'untrusted' },
  {
    name: 'a receipt',
    envelope: (one) => one.seal([encodeAppMessage({ kind: 'delivered', ids: [uuid()] })]),
    counted: 'untrusted',
  },
  {
    name: 'a refusal',
    envelope: (one) =>
      one.seal([encodeAppMessage({ kind: 'refused', id: uuid(), code: 'inbox_full', run: 1 })]),
    counted: 'untrusted',
  },
  {
    name: 'something of unknown kind',
    envelope: (one) => one.seal([encodeCbor({ k: 'z', more: 1 })]),
    counted: 'untrusted',
  },
  {
    name: 'an acceptance that nobody asked for',
    envelope: (one) => one.seal([acceptanceOf(one.identity)]),
    counted: undefined,
  },
  {
    name: 'a revocation of nothing',
    envelope: (one) => one.seal([encodeAppMessage({ kind: 'revoke', atMs: Date.now() })]),
    counted: undefined,
  },
  { name: 'an empty body', envelope: () => new Uint8Array(), counted: 'malformed_envelope' },
  { name: 'noise', envelope: () => randomBytes(500), counted: 'malformed_envelope' },
  {
    name: 'more noise than any envelope has bytes',
    envelope: () => Buffer.concat([Uint8Array.of(5, 1, 0, 0), randomBytes(1.4 * 2 ** 20)]),
    counted: 'malformed_envelope',
  },
  {
    name: 'an envelope cut off',
    envelope: (one) => one.seal([messageOf()]).subarray(0, -1),
    counted: 'malformed_envelope',
  },
  {
    name: 'an envelope for another receiver',
    envelope: (one) => one.seal([messageOf()], { recipient: newIdentity().chain }),
    counted: 'malformed_envelope',
  },
  {
    name: 'an item that is no CBOR',
    envelope: (one) => one.seal([Uint8Array.of(0xff, 0xff)]),
    counted: 'malformed_envelope',
  },
  {
    name: 'a message without an id',
    envelope: (one) => one.seal([encodeCbor({ k: 'm', t: 0, b: new Uint8Array(3) })]),
    counted: 'malformed_envelope',
  },
  {
    name: 'a request with a record that is none',
    envelope: (one) => one.seal([requestOf(one.identity, { record: new Uint8Array(50) })]),
    counted: 'malformed_envelope',
  },
  {
    name: 'a request with a thousand and twenty-five characters',
    envelope: (one) => one.seal([requestOf(one.identity, { why: 'x'.repeat(1025) })]),
    counted: 'malformed',
  },
  {
    name: 'a request that writes on the terminal of who reads it',
    envelope: (one) => one.seal([requestOf(one.identity, { why: '\u001b[2Jtrust me' })]),
    counted: 'malformed',
  },
  {
    name: 'a request from days ahead',
    envelope: (one) => one.seal([requestOf(one.identity, { atMs: Date.now() + 2 * DAY_MS })]),
    counted: 'replayed',
  },
  {
    name: 'a request that is older than any mailbox keeps one',
    envelope: (one) => one.seal([requestOf(one.identity, { atMs: Date.now() - 32 * DAY_MS })]),
    counted: 'replayed',
  },
];
