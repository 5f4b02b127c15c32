import * as z from 'zod';

import { ERROR_CODES } from '../../base/pilot-error.ts';
import { type ApiFailure, ROUTES } from '../../client/api.ts';
import { EVENTS, NAMED_SCHEMAS, REPLIES } from './api-replies.ts';
import { REQUESTS, type RequestSchemas, type RouteName, schemaOf } from './api-schemas.ts';
import { TOPIC_SUMMARIES } from './topic-replies.ts';
import { TUNNEL_SUMMARIES } from './tunnel-replies.ts';

type Json = Record<string, unknown>;

const failure = schemaOf<ApiFailure>()(
  z.object({ code: z.enum(ERROR_CODES), message: z.string(), hint: z.string().exactOptional() }),
);

export const SUMMARIES: Readonly<Record<RouteName, string>> = {
  info: 'All about the node: names, traffic, relays, peers, warnings',
  health: 'Whether a relay is online, in few numbers',
  identity: 'Node ID, address, public key and the file that keeps the key',
  config: 'Every effective setting and where it came from; secrets are masked',
  setHostname: 'Take a hostname',
  clearHostname: 'Give the hostname up',
  resolve: 'Who a target is',
  setTags: 'Say what this node is good for, in up to three tags',
  clearTags: 'Have no tags',
  findTagged: 'Trusted nodes that have a tag',
  requestTrust: 'Ask a node for trust',
  approveTrust: 'Say yes to a request',
  rejectTrust: 'Say no to a request',
  revokeTrust: 'End trust; living sessions are cut at once',
  pendingTrust: 'Requests that wait for an answer',
  listTrust: 'Trusted nodes',
  peers: 'Peers, and the path each is reached by',
  preferDirect: 'Look for a direct path now, for 10 s at most, and say what came of it',
  ping: 'Measure the round trip to a peer',
  netcheck: 'What the network of this host lets through, in 10 s at most, and what to expect of it',
  traceroute:
    'The stations on the way to a peer, with their round trips where they can be measured',
  connections: 'Streams that are open between this node and its peers',
  disconnect: 'End a stream',
  sendDatagram: 'Send one datagram to a port of a peer',
  sendMessage: 'Send a message; answers when it is on disk, confirmed or answered, as asked',
  messageStatus: 'How far a sent message is',
  listOutbox: 'Messages that are not delivered',
  retryOutbox: 'Try a message again, dead ones too',
  dropOutbox: 'Give a message up',
  listInbox: 'Received messages, newest first',
  readInbox: 'One message with its payload; marks it as read unless `peek`',
  markInbox: 'Mark a message as read',
  clearInbox: 'Remove messages',
  listReceived: 'Files of other nodes that lie here, newest first',
  clearReceived: 'Remove received files',
  events: 'What happens, as server-sent events',
  calls: 'All of the calls above over one connection, many at once',
  dialStream: 'A stream to a port of a peer',
  listenStreams: 'Listen on a port: what peers open is offered',
  acceptStream: 'Take a stream that was offered',
  datagrams: 'A port for datagrams, both ways',
  ...TOPIC_SUMMARIES,
  ...TUNNEL_SUMMARIES,
  metrics: 'Metrics in the Prometheus text format',
  openapi: 'This document',
};

const FRAMES = 'upgraded to `pilot-stream`: frames both ways, see docs/local-api.md';
const UPGRADES = {
  calls: 'upgraded to `pilot-calls`: a JSON object a line, both ways',
  dialStream: FRAMES,
  listenStreams: FRAMES,
  acceptStream: FRAMES,
  datagrams: FRAMES,
  subscribeTopic: FRAMES,
  publishTopics: FRAMES,
} as const satisfies Partial<Record<RouteName, string>>;
type UpgradedName = keyof typeof UPGRADES;

function isUpgraded(name: RouteName): name is UpgradedName {
  return Object.hasOwn(UPGRADES, name);
}

/** The OpenAPI 3.1 description of the local API, made from the schemas that requests are checked with. */
export function openapiDocument(version: string): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Pilot local API',
      version,
      description:
        'HTTP/1.1 over a Unix socket of mode 0600: `curl --unix-socket ~/.pilot/pilotd.sock http://pilotd/v1/info`',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: 'http://pilotd', description: "over the node's Unix socket" }],
    paths: pathsOf(),
    components: { schemas: componentSchemas() },
  };
}

/** Each schema once, under its own name or that of the first route that answers with it. */
function nameBySchema(): Map<z.ZodType, string> {
  const names = new Map<z.ZodType, string>([[failure, 'Failure']]);
  const add = (name: string, schema: z.ZodType): void => {
    if (!names.has(schema)) names.set(schema, name);
  };
  for (const [name, schema] of Object.entries(NAMED_SCHEMAS)) add(name, schema);
  for (const [route, schema] of Object.entries(REPLIES)) add(`${capitalized(route)}Reply`, schema);
  for (const [event, schema] of Object.entries(EVENTS)) {
    add(`${event.split('.').map(capitalized).join('')}Event`, schema);
  }
  return names;
}

function componentSchemas(): Json {
  const registry = z.registry<{ id: string }>();
  for (const [schema, id] of nameBySchema()) registry.add(schema, { id });
  // As input: a later daemon may answer with members that this document does not know.
  const { schemas } = z.toJSONSchema(registry, { uri: referenceTo, io: 'input' });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, schema]) => [id, bare({ ...schema, $id: undefined })]),
  );
}

function pathsOf(): Json {
  const names = nameBySchema();
  const paths: Record<string, Json> = {};
  for (const [key, { method, path }] of Object.entries(ROUTES)) {
    const name = key as RouteName;
    const template = path.replace(/:(\w+)/g, '{$1}');
    paths[template] = { ...paths[template], [method.toLowerCase()]: operation(name, names) };
  }
  return paths;
}

function operation(name: RouteName, names: ReadonlyMap<z.ZodType, string>): Json {
  const { params, query, body }: RequestSchemas = REQUESTS[name];
  return {
    operationId: name,
    summary: SUMMARIES[name],
    parameters: [...parametersOf(params, 'path'), ...parametersOf(query, 'query')],
    ...(body && {
      requestBody: { required: true, content: { 'application/json': { schema: jsonOf(body) } } },
    }),
    responses: {
      ...(isUpgraded(name)
        ? { '101': { description: UPGRADES[name] } }
        : { '200': { description: 'done', content: contentOf(name, names) } }),
      default: {
        description: 'it failed; the code says why',
        content: { 'application/json': { schema: { $ref: referenceTo('Failure') } } },
      },
    },
  };
}

function contentOf(
  name: Exclude<RouteName, UpgradedName>,
  names: ReadonlyMap<z.ZodType, string>,
): Json {
  const refTo = (schema: z.ZodType): Json => ({ $ref: referenceTo(names.get(schema) ?? '') });
  if (name === 'metrics') return { 'text/plain': { schema: { type: 'string' } } };
  if (name === 'openapi') return { 'application/json': { schema: { type: 'object' } } };
  if (name === 'events') {
    const events = Object.entries(EVENTS).map(([event, schema]) => [event, refTo(schema)]);
    const data = Object.fromEntries(events) as Json;
    return { 'text/event-stream': { schema: { type: 'string' }, 'x-event-data': data } };
  }
  return { 'application/json': { schema: refTo(REPLIES[name]) } };
}

function parametersOf(schema: z.ZodObject | undefined, place: 'path' | 'query'): Json[] {
  if (schema === undefined) return [];
  // As output: queries are text on the wire, but a number or a list is what they mean.
  const { properties = {}, required = [] } = jsonOf(schema) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: required.includes(name),
    schema: property,
    ...(property['type'] === 'array' && { style: 'form', explode: false }),
  }));
}

function jsonOf(schema: z.ZodType): Json {
  return bare(z.toJSONSchema(schema));
}

/** Without the keyword that OpenAPI states for the whole document. */
function bare(schema: object): Json {
  return JSON.parse(JSON.stringify({ ...schema, $schema: undefined })) as Json;
}

function referenceTo(id: string): string {
  return `#/components/schemas/${id}`;
}

function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
