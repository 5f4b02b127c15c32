/**
 * The SDK: what programs import to use the daemon on their host, and what pilotctl itself uses.
 * Every call throws `PilotError` (branch on `code`), or the reason of the signal it was given.
 */
import { PilotError } from '../base/pilot-error.ts';
import type {
  ConfigList,
  EventName,
  Health,
  HostnameReply,
  IdentityView,
  InboxCleared,
  InboxClearQuery,
  InboxList,
  InboxQuery,
  InboxReadQuery,
  IncomingMessage,
  Info,
  MessageType,
  Netcheck,
  NetcheckRequest,
  OutboxList,
  OutgoingMessage,
  PeerList,
  PeerView,
  PendingTrust,
  PendingTrustList,
  PingReply,
  PreferDirectReply,
  ResolveReply,
  SendMessageReply,
  SendMessageRequest,
  TaggedList,
  TagsReply,
  TrustChangeReply,
  TrustedList,
  TrustedNode,
  TrustRequestReply,
} from './api.ts';
import type { CallOptions } from './call-options.ts';
import { EventStream, type PilotEvent } from './event-stream.ts';
import { FileClient } from './file-client.ts';
import { newMessageId } from './message-id.ts';
import { encodePayload, type Payload } from './payload.ts';
import type { RequestHandler, ServeOptions } from './serve.ts';
import { defaultSocketPath } from './socket-path.ts';
import { TopicClient } from './topic-client.ts';
import { Transport } from './transport.ts';
import { TunnelClient } from './tunnel-client.ts';

export type { ErrorCode } from '../base/pilot-error.ts';
export { PilotError };
export type * from './api.ts';
export { EVENT_NAMES } from './api.ts';
export type { CallOptions } from './call-options.ts';
export type { DatagramSocket, ReceivedDatagram } from './datagram-socket.ts';
export type { EventStream, PilotEvent } from './event-stream.ts';
export type { JsonValue, Payload } from './payload.ts';
export { payloadBytes, payloadJson, payloadText, TypedPayload } from './payload.ts';
export type { PilotStream } from './pilot-stream.ts';
export type { FileReport, SendFileOptions, SendFileProgress } from './send-file.ts';
export type { RequestHandler, ServeFailure, ServeOptions } from './serve.ts';
export { defaultSocketPath } from './socket-path.ts';
export type { OfferedStream, StreamListener } from './stream-listener.ts';
export type { SubscribeTopicOptions, TopicEvent, TopicSubscription } from './topic-stream.ts';

export interface PilotClientOptions {
  /** Default: `PILOT_SOCKET`, else `pilotd.sock` in `${PILOT_HOME:-$HOME}/.pilot`. */
  readonly socketPath?: string | undefined;
  /** Calls in flight at once, not counting those that wait for a peer; default 256, at most 512. */
  readonly maxCalls?: number;
  /** How long the daemon may take over a call, on top of what the call itself waits for; default 30 s. */
  readonly timeoutMs?: number;
}

export interface SendOptions extends CallOptions {
  readonly type?: MessageType;
  /** The id of the message that this one answers. */
  readonly replyTo?: string;
  /** Undelivered after this long, it becomes a dead letter. */
  readonly expiresMs?: number;
  /** How long to wait for `delivered` or `stored`; default 0: return once the daemon has it on disk. */
  readonly confirmMs?: number;
  /** A UUID of the caller's: the same one again sends nothing twice. */
  readonly messageId?: string;
}

const DEFAULT_REPLY_WAIT_MS = 30_000;
const PREFER_DIRECT_MS = 10_000;
const NETCHECK_MS = 10_000;

/** A target is a Node ID, an address, a node number or a hostname. */
export class PilotClient extends FileClient {
  readonly #transport: Transport;

  constructor(options: PilotClientOptions = {}) {
    const transport = new Transport({
      socketPath: options.socketPath ?? defaultSocketPath(process.env),
      maxCalls: options.maxCalls ?? 256,
      timeoutMs: options.timeoutMs ?? 30_000,
    });
    super(transport);
    this.#transport = transport;
  }

  get socketPath(): string {
    return this.#transport.socketPath;
  }

  async info({ signal }: CallOptions = {}): Promise<Info> {
    return this.#transport.json({ route: 'info', signal });
  }

  async health({ signal }: CallOptions = {}): Promise<Health> {
    return this.#transport.json({ route: 'health', signal });
  }

  async identity({ signal }: CallOptions = {}): Promise<IdentityView> {
    return this.#transport.json({ route: 'identity', signal });
  }

  /** The settings that the daemon runs with. */
  async config({ signal }: CallOptions = {}): Promise<ConfigList> {
    return this.#transport.json({ route: 'config', signal });
  }

  /** Prometheus text. */
  async metrics({ signal }: CallOptions = {}): Promise<string> {
    return this.#transport.text({ route: 'metrics', signal });
  }

  async setHostname(hostname: string, { signal }: CallOptions = {}): Promise<HostnameReply> {
    return this.#transport.json({ route: 'setHostname', body: { hostname }, signal });
  }

  async clearHostname({ signal }: CallOptions = {}): Promise<HostnameReply> {
    return this.#transport.json({ route: 'clearHostname', signal });
  }

  /** What this node is good for: up to three of 1 to 32 lowercase letters, digits and inner hyphens; none clears them. */
  async setTags(tags: readonly string[], { signal }: CallOptions = {}): Promise<TagsReply> {
    return this.#transport.json({ route: 'setTags', body: { tags }, signal });
  }

  /** The trusted nodes that have it. */
  async findTagged(tag: string, { signal }: CallOptions = {}): Promise<TaggedList> {
    return this.#transport.json({ route: 'findTagged', query: { tag }, signal });
  }

  async resolve(target: string, { signal }: CallOptions = {}): Promise<ResolveReply> {
    return this.#transport.json({ route: 'resolve', query: { target }, signal });
  }

  /** Asks for trust. Both sides have to; `waitMs` is how long to wait for the other. */
  async handshake(
    target: string,
    options: CallOptions & { justification?: string; waitMs?: number } = {},
  ): Promise<TrustRequestReply> {
    const { justification, waitMs, signal } = options;
    const body = { target, justification, wait_ms: waitMs };
    return this.#transport.json({ route: 'requestTrust', body, waitMs, signal });
  }

  async approve(target: string, { signal }: CallOptions = {}): Promise<TrustChangeReply> {
    return this.#transport.json({ route: 'approveTrust', body: { target }, signal });
  }

  async reject(
    target: string,
    { reason, signal }: CallOptions & { reason?: string } = {},
  ): Promise<TrustChangeReply> {
    return this.#transport.json({ route: 'rejectTrust', body: { target, reason }, signal });
  }

  /** Takes trust back; a live session ends at once. */
  async untrust(target: string, { signal }: CallOptions = {}): Promise<TrustChangeReply> {
    return this.#transport.json({ route: 'revokeTrust', body: { target }, signal });
  }

  /** Who asks for our trust. */
  async pending({ signal }: CallOptions = {}): Promise<readonly PendingTrust[]> {
    const list = await this.#transport.json<PendingTrustList>({
      route: 'pendingTrust',
      signal,
    });
    return list.pending;
  }

  async trusted({ signal }: CallOptions = {}): Promise<readonly TrustedNode[]> {
    const list = await this.#transport.json<TrustedList>({ route: 'listTrust', signal });
    return list.trusted;
  }

  async peers({ signal }: CallOptions = {}): Promise<readonly PeerView[]> {
    const list = await this.#transport.json<PeerList>({ route: 'peers', signal });
    return list.peers;
  }

  /** Looks for a direct path now, for 10 s at most; opens a session where there is none. */
  async preferDirect(target: string, { signal }: CallOptions = {}): Promise<PreferDirectReply> {
    const body = { target };
    return this.#transport.json({ route: 'preferDirect', body, waitMs: PREFER_DIRECT_MS, signal });
  }

  /** `path`: measured over this one, whichever is in use. */
  async ping(
    target: string,
    options: CallOptions & { timeoutMs?: number; path?: 'direct' | 'relay' | undefined } = {},
  ): Promise<PingReply> {
    const { timeoutMs, path, signal } = options;
    const body = { target, timeout_ms: timeoutMs, path };
    return this.#transport.json({ route: 'ping', body, waitMs: timeoutMs ?? 1, signal });
  }

  /** What the network of this host lets through, for 10 s at most; see `NetcheckRequest` for `force`. */
  async netcheck({ signal, ...body }: CallOptions & NetcheckRequest = {}): Promise<Netcheck> {
    return this.#transport.json({ route: 'netcheck', body, waitMs: NETCHECK_MS, signal });
  }

  /** Resolves once the daemon has the message on disk: from then on it is not lost. */
  async send(
    target: string,
    payload: Payload,
    options: SendOptions = {},
  ): Promise<OutgoingMessage> {
    return this.sendMessage(requestOf(target, payload, options), options);
  }

  /** Sends and waits for the answer: `timeout` when none comes in `waitMs` (default 30 s). */
  async request(
    target: string,
    payload: Payload,
    options: SendOptions & { waitMs?: number } = {},
  ): Promise<IncomingMessage> {
    const waitMs = options.waitMs ?? DEFAULT_REPLY_WAIT_MS;
    const request = { ...requestOf(target, payload, options), wait_ms: waitMs };
    const { reply } = await this.sendMessage(request, options);
    if (reply !== undefined) return reply;
    throw new PilotError('timeout', `no reply from ${target} within ${waitMs / 1000} s`);
  }

  /** Answers a received message; its sender gets the answer under the same correlation id. */
  async reply(
    message: IncomingMessage,
    payload: Payload,
    options: Omit<SendOptions, 'replyTo'> = {},
  ): Promise<OutgoingMessage> {
    return this.send(message.from.id, payload, { ...options, replyTo: message.id });
  }

  /** The call behind `send`, `request` and `reply`. Without a `message_id` it gets one here, so that it can be repeated. */
  async sendMessage(
    request: SendMessageRequest,
    { signal }: CallOptions = {},
  ): Promise<SendMessageReply> {
    return this.#transport.json({
      route: 'sendMessage',
      body: { message_id: newMessageId(), ...request },
      waitMs: (request.wait_ms ?? 0) + (request.confirm_ms ?? 0),
      signal,
    });
  }

  /** Where an outgoing message is now. */
  async message(id: string, { signal }: CallOptions = {}): Promise<OutgoingMessage> {
    return this.#transport.json({ route: 'messageStatus', params: { id }, signal });
  }

  async outbox({ signal }: CallOptions = {}): Promise<OutboxList> {
    return this.#transport.json({ route: 'listOutbox', signal });
  }

  async retryOutbox(id: string, { signal }: CallOptions = {}): Promise<OutgoingMessage> {
    return this.#transport.json({ route: 'retryOutbox', params: { id }, signal });
  }

  async dropOutbox(id: string, { signal }: CallOptions = {}): Promise<OutgoingMessage> {
    return this.#transport.json({ route: 'dropOutbox', params: { id }, signal });
  }

  /** Newest first. */
  async inbox(query: InboxQuery = {}, { signal }: CallOptions = {}): Promise<InboxList> {
    return this.#transport.json({ route: 'listInbox', query, signal });
  }

  /** One message with its payload. Marks it as read unless `peek` is set. */
  async readInbox(
    id: string,
    { peek, signal }: CallOptions & InboxReadQuery = {},
  ): Promise<IncomingMessage> {
    return this.#transport.json({
      route: 'readInbox',
      params: { id },
      query: { peek },
      signal,
    });
  }

  async markRead(id: string, { signal }: CallOptions = {}): Promise<IncomingMessage> {
    return this.#transport.json({ route: 'markInbox', params: { id }, signal });
  }

  async clearInbox({ before, signal }: CallOptions & InboxClearQuery = {}): Promise<InboxCleared> {
    return this.#transport.json({ route: 'clearInbox', query: { before }, signal });
  }

  /** Resolves when the daemon has begun to tell: whatever happens after is in the stream. See `EventStream`. */
  async subscribe<Name extends EventName = EventName>(
    types?: readonly Name[],
    { signal }: CallOptions = {},
  ): Promise<EventStream<Name>> {
    const query = { types: types?.join(',') };
    const response = await this.#transport.stream({ route: 'events', query, signal });
    return new EventStream<Name>(response, signal);
  }

  /** What happens from now on. Does not reconnect: it throws `connection_failed` when the daemon goes. */
  async *events<Name extends EventName = EventName>(
    types?: readonly Name[],
    options: CallOptions = {},
  ): AsyncGenerator<PilotEvent<Name>, void, undefined> {
    yield* await this.subscribe(types, options);
  }

  /** Messages as they arrive, with their payloads; they stay unread. Ends as `events` does. */
  async *messages(options: CallOptions = {}): AsyncGenerator<IncomingMessage, void, undefined> {
    for await (const { data } of this.events(['message.received'], options)) yield data;
  }

  /**
   * Answers each unread request with what the handler returns, and marks it as read: at least one
   * run of the handler per request over crashes of either side, one reply at most. Resolves when the
   * signal is aborted, rejects when the daemon goes.
   */
  async serve(handler: RequestHandler, options: ServeOptions = {}): Promise<void> {
    // Few programs serve, and every pilotctl has to start quickly.
    const { RequestServer } = await import('./serve.ts');
    const server = new RequestServer(
      {
        subscribe: async () => this.subscribe(['message.received']),
        unread: async (limit) => this.inbox({ unread: true, limit }),
        peek: async (id) => this.readInbox(id, { peek: true }),
        reply: async (message, payload, messageId) => this.reply(message, payload, { messageId }),
        markRead: async (id) => this.markRead(id),
      },
      handler,
      options,
    );
    await server.run(options.signal);
  }

  /** Events by topic, at the broker of this node or of a peer. */
  get topics(): TopicClient {
    return new TopicClient(this.#transport);
  }

  /** Services of this host for peers, ports of this host that lead to peers, the gateway, the proxy. */
  get tunnels(): TunnelClient {
    return new TunnelClient(this.#transport);
  }

  /** Closes the kept connection: calls in flight fail. The client cannot be used afterwards. */
  close(): void {
    this.#transport.close();
  }
}

function requestOf(target: string, payload: Payload, options: SendOptions): SendMessageRequest {
  return {
    target,
    ...encodePayload(payload, options.type),
    ...(options.replyTo !== undefined && { reply_to: options.replyTo }),
    ...(options.expiresMs !== undefined && { expires_ms: options.expiresMs }),
    ...(options.confirmMs !== undefined && { confirm_ms: options.confirmMs }),
    ...(options.messageId !== undefined && { message_id: options.messageId }),
  };
}
