import type {
  ConfigList,
  ConnectionList,
  DatagramReply,
  DisconnectReply,
  Health,
  HostnameReply,
  IdentityView,
  InboxCleared,
  InboxList,
  IncomingMessage,
  Info,
  Netcheck,
  OutboxList,
  OutgoingMessage,
  PeerList,
  PendingTrustList,
  PingReply,
  PreferDirectReply,
  ReceivedCleared,
  ReceivedList,
  ResolveReply,
  SendMessageReply,
  TaggedList,
  TagsReply,
  TracerouteReply,
  TrustChangeReply,
  TrustedList,
  TrustRequestReply,
} from '../../client/api.ts';
import type { NodeApi } from '../node/node-api.ts';
import type { ParsedRequest } from './api-request.ts';
import type { RouteName } from './api-schemas.ts';
import { connectionsOf, disconnect } from './connection-views.ts';
import { healthOf, type HostFacts, identityOf, infoOf } from './host-view.ts';
import { sendDatagram } from './send-datagram.ts';
import { topicHandlers, type TopicReplies } from './topic-handlers.ts';
import { tunnelHandlers, type TunnelReplies } from './tunnel-handlers.ts';

/** What each route answers with. The other routes write their own text: events, metrics, openapi. */
export interface Replies extends TopicReplies, TunnelReplies {
  info: Info;
  health: Health;
  identity: IdentityView;
  config: ConfigList;
  setHostname: HostnameReply;
  clearHostname: HostnameReply;
  resolve: ResolveReply;
  setTags: TagsReply;
  clearTags: TagsReply;
  findTagged: TaggedList;
  requestTrust: TrustRequestReply;
  approveTrust: TrustChangeReply;
  rejectTrust: TrustChangeReply;
  revokeTrust: TrustChangeReply;
  pendingTrust: PendingTrustList;
  listTrust: TrustedList;
  peers: PeerList;
  preferDirect: PreferDirectReply;
  ping: PingReply;
  netcheck: Netcheck;
  traceroute: TracerouteReply;
  connections: ConnectionList;
  disconnect: DisconnectReply;
  sendDatagram: DatagramReply;
  sendMessage: SendMessageReply;
  messageStatus: OutgoingMessage;
  listOutbox: OutboxList;
  retryOutbox: OutgoingMessage;
  dropOutbox: OutgoingMessage;
  listInbox: InboxList;
  readInbox: IncomingMessage;
  markInbox: IncomingMessage;
  clearInbox: InboxCleared;
  listReceived: ReceivedList;
  clearReceived: ReceivedCleared;
}

export type JsonRouteName = keyof Replies & RouteName;

export interface Call<Name extends RouteName> extends ParsedRequest<Name> {
  /** Aborted when the client hangs up or the daemon stops. */
  readonly signal: AbortSignal;
}

export type Handlers = {
  readonly [Name in JsonRouteName]: (call: Call<Name>) => Replies[Name] | Promise<Replies[Name]>;
};

/** A handler by a name that is known only at run time: which call it takes, no type can tell. */
export type AnyHandler = (call: Call<RouteName>) => unknown;

export function handlersByName(node: NodeApi, host: HostFacts): ReadonlyMap<RouteName, AnyHandler> {
  return new Map(Object.entries(apiHandlers(node, host)) as [JsonRouteName, AnyHandler][]);
}

function apiHandlers(node: NodeApi, host: HostFacts): Handlers {
  return {
    info: () => infoOf(node, host),
    health: () => healthOf(node, host),
    identity: () => identityOf(node, host),
    config: () => host.settings(),
    setHostname: async ({ body }) => node.setHostname(body.hostname),
    clearHostname: async () => node.setHostname(''),
    resolve: async ({ query, signal }) => node.resolve(query.target, signal),
    setTags: async ({ body }) => node.setTags(body.tags),
    clearTags: async () => node.setTags([]),
    findTagged: async ({ query, signal }) => {
      const nodes = await node.findTagged(query.tag, signal);
      return { nodes, total: nodes.length };
    },
    requestTrust: async ({ body, signal }) => node.requestTrust(body, signal),
    approveTrust: async ({ body }) => node.approveTrust(body),
    rejectTrust: async ({ body }) => node.rejectTrust(body),
    revokeTrust: async ({ body }) => node.revokeTrust(body),
    pendingTrust: () => ({ pending: node.pendingTrust() }),
    listTrust: () => {
      const trusted = node.trusted();
      return { trusted, total: trusted.length };
    },
    peers: () => {
      const peers = node.peers();
      return { peers, total: peers.length };
    },
    preferDirect: async ({ body, signal }) => node.preferDirect(body, signal),
    ping: async ({ body, signal }) => node.ping(body, signal),
    netcheck: async ({ body, signal }) => host.netcheck(body, signal),
    traceroute: async ({ body, signal }) => node.traceroute(body, signal),
    connections: () => connectionsOf(node.ports),
    disconnect: ({ params }) => disconnect(node.ports, params.id),
    sendDatagram: async ({ body }) => sendDatagram(node.ports, body),
    sendMessage: async (call) => {
      const { wait_ms = 0, confirm_ms = 0 } = call.body;
      // A call that only stores is over before a signal could matter, and making one costs.
      return wait_ms + confirm_ms > 0 ? node.send(call.body, call.signal) : node.send(call.body);
    },
    messageStatus: ({ params }) => node.messageStatus(params.id),
    listOutbox: () => node.outbox(),
    retryOutbox: async ({ params }) => node.retryOutbox(params.id),
    dropOutbox: async ({ params }) => node.dropOutbox(params.id),
    listInbox: ({ query }) => node.inbox(query),
    readInbox: async ({ params, query }) => node.readInbox(params.id, query),
    markInbox: async ({ params }) => node.markInboxRead(params.id),
    clearInbox: async ({ query }) => node.clearInbox(query),
    ...topicHandlers(host.topics),
    ...tunnelHandlers(host.tunnels),
    listReceived: async ({ query }) => host.received.list(query),
    clearReceived: async ({ query }) => host.received.clear(query),
  };
}
