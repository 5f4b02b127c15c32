/**
 * node server.mjs [PORT] [--heartbeat-ms N]: answers requests over WebSocket.
 *
 *     { type: 'request', correlationId, payload: { text } }  →  { type: 'response', correlationId, payload: { text } }
 *
 * The same request may come twice, after a reconnect; the answer is the same then, and nothing else happens.
 */
import { parseArgs } from 'node:util';

import { WebSocket, WebSocketServer } from 'ws';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { 'heartbeat-ms': { type: 'string', default: '15000' } },
});
const port = Number(positionals[0] ?? 8080);
const heartbeatMs = Number(values['heartbeat-ms']);

const MAX_MESSAGE_BYTES = 256 * 1024;
/** Above it nothing more is read from this client, until what it was told has gone below the second. */
const PAUSE_ABOVE_BYTES = 1024 * 1024;
const RESUME_BELOW_BYTES = 256 * 1024;
const MAX_CLIENTS = 1000;
/** RFC 6455, 7.4.1. */
const INVALID_DATA = 1007;
const TRY_AGAIN_LATER = 1013;

const server = new WebSocketServer({
  ...{ host: '127.0.0.1', port, maxPayload: MAX_MESSAGE_BYTES },
});
const isAlive = new WeakMap();

server.on('connection', (socket) => {
  socket.on('error', ({ message }) => console.log(`connection failed: ${message}`));
  if (server.clients.size > MAX_CLIENTS) {
    socket.close(TRY_AGAIN_LATER, 'too many clients');
    return;
  }
  isAlive.set(socket, true);
  socket.on('pong', () => isAlive.set(socket, true));
  socket.on('message', (data) => {
    const request = requestOf(data);
    if (request === undefined) socket.close(INVALID_DATA, 'not a request');
    else answer(socket, request);
  });
});

/** Flow control by hand: a client that does not read its answers is not read either. */
function answer(socket, { correlationId, payload }) {
  const text = payload.text.toUpperCase();
  socket.send(JSON.stringify({ type: 'response', correlationId, payload: { text } }), () => {
    if (socket.isPaused && socket.bufferedAmount < RESUME_BELOW_BYTES) socket.resume();
  });
  if (socket.bufferedAmount > PAUSE_ABOVE_BYTES) socket.pause();
}

function requestOf(data) {
  try {
    const { type, correlationId, payload } = JSON.parse(data.toString());
    const isOne =
      type === 'request' && typeof correlationId === 'string' && typeof payload.text === 'string';
    return isOne ? { correlationId, payload } : undefined;
  } catch {
    return undefined;
  }
}

/** Who has not answered the last ping is gone, whatever TCP says. */
const heartbeat = setInterval(() => {
  for (const socket of server.clients) {
    if (isAlive.get(socket) === false) {
      console.log('a client does not answer');
      socket.terminate();
    } else if (socket.readyState === WebSocket.OPEN) {
      isAlive.set(socket, false);
      socket.ping();
    }
  }
}, heartbeatMs);

server.on('listening', () => console.log(`listening on 127.0.0.1:${port}`));
server.on('error', ({ message }) => {
  console.error(`cannot listen on port ${port}: ${message}`);
  process.exit(1);
});

/** RFC 6455, 7.4.1: going away. */
const GOING_AWAY = 1001;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    clearInterval(heartbeat);
    for (const socket of server.clients) socket.close(GOING_AWAY);
    server.close();
  });
}
