/** node client.mjs [ADDRESS:PORT]: one unary call, one server stream, and one call that is refused. */
import { once } from 'node:events';
import { promisify } from 'node:util';

import grpc from '@grpc/grpc-js';

import { KEEPALIVE, TaskOrchestrator } from './task-orchestrator.mjs';

const [address = '127.0.0.1:50051'] = process.argv.slice(2);
const DEADLINE_MS = 15_000;

/** A server that is away for a moment is asked again, up to five times, with jitter (gRFC A6). */
const SERVICE_CONFIG = {
  methodConfig: [
    {
      name: [{ service: 'agent.v1.TaskOrchestrator' }],
      retryPolicy: {
        maxAttempts: 5,
        initialBackoff: '0.2s',
        maxBackoff: '3s',
        backoffMultiplier: 2,
        retryableStatusCodes: ['UNAVAILABLE'],
      },
    },
  ],
};

const client = new TaskOrchestrator(address, grpc.credentials.createInsecure(), {
  ...KEEPALIVE,
  'grpc.service_config': JSON.stringify(SERVICE_CONFIG),
});
const deadline = () => new Date(Date.now() + DEADLINE_MS);
const metadata = () => new grpc.Metadata({ waitForReady: true });
const execute = promisify(client.ExecuteTask.bind(client));
const task = (task_id, payload) => ({ task_id, payload, priority: 1 });

try {
  const request = task('task-1', 'summarise the report');
  const { result, success } = await execute(request, metadata(), { deadline: deadline() });
  console.log(`task-1: ${success ? result : 'failed'}`);

  const call = client.StreamProgress(task('task-2', ''), metadata(), { deadline: deadline() });
  call.on('data', ({ task_id, completion_pct, status }) => {
    console.log(`${task_id}: ${completion_pct} % ${status}`);
  });
  await once(call, 'end');

  await execute(task('', 'nobody asked'), metadata(), { deadline: deadline() }).catch((error) => {
    console.log(`refused: ${grpc.status[error.code]}: ${error.details}`);
  });
} catch (error) {
  console.error(`no answer from ${address}: ${error.details ?? error.message}`);
  process.exitCode = 1;
} finally {
  client.close();
}
