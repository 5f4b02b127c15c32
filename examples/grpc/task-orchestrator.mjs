/** The service of agent_service.proto, for the server and the client. */
import path from 'node:path';

import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

const PROTO = path.join(import.meta.dirname, 'agent_service.proto');
const definition = protoLoader.loadSync(PROTO, { keepCase: true, defaults: true });

export const { TaskOrchestrator } = grpc.loadPackageDefinition(definition).agent.v1;

/** HTTP/2 pings: a way that is gone is noticed also when nobody calls. */
export const KEEPALIVE = {
  'grpc.keepalive_time_ms': 15_000,
  'grpc.keepalive_timeout_ms': 5_000,
};
