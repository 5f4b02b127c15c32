/** node server.mjs [ADDRESS:PORT]: serves TaskOrchestrator; a task is a text, its result the text in capitals. */
import { setTimeout as pause } from 'node:timers/promises';

import grpc from '@grpc/grpc-js';

import { KEEPALIVE, TaskOrchestrator } from './task-orchestrator.mjs';

const [address = '127.0.0.1:50051'] = process.argv.slice(2);
const STEPS = 4;
const STEP_MS = 50;
const STOP_WITHIN_MS = 2_000;
const MAX_MESSAGE_BYTES = 1024 * 1024;

/** What is wrong with a request, as gRPC says it; undefined: nothing. */
function fault({ task_id: id }) {
  if (id !== '') return undefined;
  return { code: grpc.status.INVALID_ARGUMENT, details: 'task_id is empty' };
}

function executeTask(call, callback) {
  const { task_id, payload } = call.request;
  const wrong = fault(call.request);
  if (wrong !== undefined) return callback(wrong);
  callback(null, { task_id, result: payload.toUpperCase(), success: true });
}

/** Ends early when the caller has gone away or its deadline is over. */
async function streamProgress(call) {
  const wrong = fault(call.request);
  if (wrong !== undefined) {
    call.emit('error', wrong);
    return;
  }
  const { task_id } = call.request;
  for (let step = 0; step <= STEPS && !call.cancelled; step += 1) {
    const status = step === STEPS ? 'done' : 'running';
    call.write({ task_id, completion_pct: (100 * step) / STEPS, status });
    if (step < STEPS) await pause(STEP_MS);
  }
  call.end();
}

const server = new grpc.Server({
  ...KEEPALIVE,
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
});
server.addService(TaskOrchestrator.service, {
  ExecuteTask: executeTask,
  StreamProgress: streamProgress,
});
server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error) => {
  if (error !== null) {
    console.error(`cannot listen on ${address}: ${error.message}`);
    process.exit(1);
  }
  console.log(`listening on ${address}`);
});

/** Lets calls finish that have begun, but not for ever. */
function stop() {
  const late = setTimeout(() => server.forceShutdown(), STOP_WITHIN_MS);
  server.tryShutdown(() => clearTimeout(late));
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop);
