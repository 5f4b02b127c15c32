/**
 * node client.mjs [URL] [--requests N] [--heartbeat-ms N]: sends N requests and waits for every answer, also when the
 * connection breaks in between: it connects again and repeats what is unanswered.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { WebSocket } from 'ws';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    requests: { type: 'string', default: '1000' },
    'heartbeat-ms': { type: 'string', default: '15000' },
  },
});
const [url = 'ws://127.0.0.1:8080'] = positionals;
const total = Number(values.requests);
/** The server pings once in an interval; half of one for the way. */
const silenceMs = 1.5 * Number(values['heartbeat-ms']);

/** Unanswered at a time: what the server and the way between have to hold of ours. */
const MAX_UNANSWERED = 64;
const TEXT_BYTES = 16 * 1024;
const CONNECT_WITHIN_MS = 5_000;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 10_000;
const MAX_FAILURES = 20;

/** By correlation id: the text that was sent. The same id each time it is sent. */
const unanswered = new Map();
let made = 0;
let answered = 0;
let connections = 0;

function newRequest() {
  made += 1;
  const id = randomUUID();
  unanswered.set(id, `request ${made} `.padEnd(TEXT_BYTES, 'abc '));
  return id;
}

/** One connection, until it ends or everything is answered. */
async function converse() {
  const socket = new WebSocket(url, { handshakeTimeout: CONNECT_WITHIN_MS });
  let watchdog;
  const heard = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => {
      console.log(`no heartbeat for ${silenceMs} ms`);
      socket.terminate();
    }, silenceMs);
  };
  const send = (id) => {
    const message = { type: 'request', correlationId: id, payload: { text: unanswered.get(id) } };
    socket.send(JSON.stringify(message));
  };
  const fill = () => {
    while (made < total && unanswered.size < MAX_UNANSWERED) send(newRequest());
    if (answered === total) socket.close();
  };
  socket.on('open', () => {
    connections += 1;
    console.log(`connected, ${unanswered.size} to repeat`);
    heard();
    for (const id of unanswered.keys()) send(id);
    fill();
  });
  socket.on('ping', heard);
  socket.on('message', (data) => {
    heard();
    take(JSON.parse(data.toString()));
    fill();
  });
  return new Promise((resolve) => {
    let reason = '';
    socket.on('error', ({ message }) => {
      reason = message;
    });
    socket.on('close', (code) => {
      clearTimeout(watchdog);
      resolve(reason === '' ? `closed with ${code}` : reason);
    });
  });
}

/** An answer to nothing we wait for is the second one to a repeated request. */
function take({ type, correlationId, payload }) {
  const text = unanswered.get(correlationId);
  if (type !== 'response' || text === undefined) return;
  if (payload.text !== text.toUpperCase()) throw new Error(`wrong answer to ${correlationId}`);
  unanswered.delete(correlationId);
  answered += 1;
  if (answered % 100 === 0) console.log(`answered: ${answered}`);
}

/** Full jitter: clients that lost the same server do not come back all at once. */
function pauseMs(failures) {
  return Math.random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures);
}

for (let failures = 0; answered < total;) {
  const before = answered;
  const reason = await converse();
  if (answered === total) break;
  failures = answered > before ? 0 : failures + 1;
  if (failures > MAX_FAILURES) {
    console.error(`gave up: ${reason}`);
    process.exit(1);
  }
  const ms = pauseMs(failures);
  console.log(`disconnected: ${reason}; again in ${Math.round(ms)} ms`);
  await pause(ms);
}
console.log(`all ${answered} answered over ${connections} connections`);
