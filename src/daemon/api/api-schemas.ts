import * as z from 'zod';

import { HOSTNAME_PATTERN } from '../../base/hostname.ts';
import { MAX_TAGS, TAG_PATTERN } from '../../base/tag.ts';
import {
  type AcceptQuery,
  type DatagramRequest,
  type DialQuery,
  EVENT_NAMES,
  type HostnameRequest,
  type InboxClearQuery,
  type InboxQuery,
  type InboxReadQuery,
  type NetcheckRequest,
  type PingRequest,
  type PortQuery,
  type ReceivedClearQuery,
  type ReceivedQuery,
  type RouteName,
  type SendMessageRequest,
  type TaggedQuery,
  type TagsRequest,
  type TargetRequest,
  type TracerouteRequest,
  type TrustRejectRequest,
  type TrustRequest,
} from '../../client/api.ts';
import { flag } from './query-flag.ts';
import { schemaOf } from './schema-of.ts';
import { TOPIC_REQUESTS } from './topic-requests.ts';
import { TUNNEL_REQUESTS } from './tunnel-requests.ts';

export type { RouteName };
export { schemaOf };

/** The parts of a request that a route reads; every part it does not name must be empty. */
export interface RequestSchemas {
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodObject;
}

/** A day: longer than anyone waits in one call, and within what a timer can hold (2^31 ms). */
const MAX_WAIT_MS = 86_400_000;
const MAX_EXPIRY_MS = 30 * 86_400_000;
/** Printable: no control characters, line ends or broken surrogates; counted in characters. */
const PRINTABLE_1024 = /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]{0,1024}$/u;
/** More than any datagram has, as base64 too; the exact limit is the datagram's. */
const MAX_DATAGRAM_TEXT = 128 * 1024;
const LONE_SURROGATE = /\p{Cs}/u;

const target = z.string().min(1).max(256).describe('Node ID, address, node number or hostname');
const printable = z.string().regex(PRINTABLE_1024, 'at most 1,024 printable characters');
const waitMs = z.int().min(0).max(MAX_WAIT_MS);
const messageName = z.string().min(1).max(128);
const byId = z.strictObject({ id: messageName });
const byTarget = schemaOf<TargetRequest>()(z.strictObject({ target }));

const number = z
  .string()
  .regex(/^\d{1,9}$/, 'expected a whole number')
  .transform(Number);
const count = number.pipe(z.int().min(1).max(100_000));
const port = number.pipe(z.int().min(0).max(65_535));
const queryWaitMs = number.pipe(waitMs.min(1));
const tag = z.string().regex(TAG_PATTERN, '1 to 32 lowercase letters, digits and inner hyphens');
const byPort = schemaOf<PortQuery>()(z.strictObject({ port: port.exactOptional() }));
const eventNames = z
  .string()
  .transform((text) => text.split(','))
  .pipe(z.array(z.enum(EVENT_NAMES)));

export const REQUESTS = {
  info: {},
  health: {},
  identity: {},
  config: {},
  setHostname: {
    body: schemaOf<HostnameRequest>()(
      z.strictObject({
        hostname: z
          .string()
          .regex(HOSTNAME_PATTERN, '1 to 63 lowercase letters, digits and inner hyphens'),
      }),
    ),
  },
  clearHostname: {},
  resolve: { query: byTarget },
  setTags: {
    body: schemaOf<TagsRequest>()(
      z.strictObject({
        tags: z
          .array(tag)
          .max(MAX_TAGS)
          .refine((tags) => new Set(tags).size === tags.length, 'has the same tag twice'),
      }),
    ),
  },
  clearTags: {},
  findTagged: { query: schemaOf<TaggedQuery>()(z.strictObject({ tag })) },
  requestTrust: {
    body: schemaOf<TrustRequest>()(
      z.strictObject({
        target,
        justification: printable.exactOptional(),
        wait_ms: waitMs.exactOptional(),
      }),
    ),
  },
  approveTrust: { body: byTarget },
  rejectTrust: {
    body: schemaOf<TrustRejectRequest>()(
      z.strictObject({ target, reason: printable.exactOptional() }),
    ),
  },
  revokeTrust: { body: byTarget },
  pendingTrust: {},
  listTrust: {},
  peers: {},
  preferDirect: { body: byTarget },
  ping: {
    body: schemaOf<PingRequest>()(
      z.strictObject({
        target,
        timeout_ms: waitMs.min(1).exactOptional(),
        path: z.enum(['direct', 'relay']).exactOptional(),
      }),
    ),
  },
  netcheck: {
    body: schemaOf<NetcheckRequest>()(z.strictObject({ force: z.boolean().exactOptional() })),
  },
  traceroute: {
    body: schemaOf<TracerouteRequest>()(
      z.strictObject({ target, timeout_ms: waitMs.min(1).exactOptional() }),
    ),
  },
  connections: {},
  disconnect: { params: byId },
  sendDatagram: {
    body: schemaOf<DatagramRequest>()(
      z.strictObject({
        target,
        port: z.int().min(0).max(65_535),
        data: z.string().max(MAX_DATAGRAM_TEXT),
        encoding: z.enum(['utf8', 'base64']).exactOptional(),
      }),
    ),
  },
  sendMessage: {
    body: schemaOf<SendMessageRequest>()(
      z.strictObject({
        target,
        type: z.enum(['text', 'json', 'binary']),
        data: z
          .string()
          .refine((text) => !LONE_SURROGATE.test(text), 'has half a character (a lone surrogate)')
          .describe('UTF-8 text, or base64 when `encoding` says so'),
        encoding: z.enum(['utf8', 'base64']).exactOptional(),
        // Lower case, so that one id has one spelling.
        message_id: z.guid('expected a UUID').toLowerCase().exactOptional(),
        reply_to: messageName.exactOptional(),
        expires_ms: z.int().min(1).max(MAX_EXPIRY_MS).exactOptional(),
        confirm_ms: waitMs.exactOptional(),
        wait_ms: waitMs.exactOptional(),
      }),
    ),
  },
  messageStatus: { params: byId },
  listOutbox: {},
  retryOutbox: { params: byId },
  dropOutbox: { params: byId },
  listInbox: {
    query: schemaOf<InboxQuery>()(
      z.strictObject({
        limit: count.exactOptional(),
        from: target.exactOptional(),
        since: z.string().max(64).exactOptional(),
        full: flag.exactOptional(),
        unread: flag.exactOptional(),
      }),
    ),
  },
  readInbox: {
    params: byId,
    query: schemaOf<InboxReadQuery>()(z.strictObject({ peek: flag.exactOptional() })),
  },
  markInbox: { params: byId },
  clearInbox: {
    query: schemaOf<InboxClearQuery>()(
      z.strictObject({ before: z.string().max(64).exactOptional() }),
    ),
  },
  listReceived: {
    query: schemaOf<ReceivedQuery>()(
      z.strictObject({
        limit: count.exactOptional(),
        since: z.string().max(64).exactOptional(),
        before: z.string().max(64).exactOptional(),
      }),
    ),
  },
  clearReceived: {
    query: schemaOf<ReceivedClearQuery>()(
      z.strictObject({ before: z.string().max(64).exactOptional() }),
    ),
  },
  events: { query: z.strictObject({ types: eventNames.exactOptional() }) },
  calls: {},
  dialStream: {
    query: schemaOf<DialQuery>()(
      z.strictObject({ target, port, timeout_ms: queryWaitMs.exactOptional() }),
    ),
  },
  listenStreams: { query: byPort },
  acceptStream: { query: schemaOf<AcceptQuery>()(z.strictObject({ stream: messageName })) },
  datagrams: { query: byPort },
  ...TOPIC_REQUESTS,
  ...TUNNEL_REQUESTS,
  metrics: {},
  openapi: {},
} as const satisfies Record<RouteName, RequestSchemas>;
