/**
 * WEBHOOK_SECRET=… node receiver.mjs [PORT] [--lose-answers N]: takes signed events by POST, each once.
 *
 *     204  handled, now or earlier      401  not signed, or too old      413  too large      429  come later
 *
 * With --lose-answers the connection of the first N events breaks after they were handled: the sender cannot know, and sends
 * them again.
 */
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

import { whyNotSigned } from './signature.mjs';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { 'lose-answers': { type: 'string', default: '0' } },
});
const port = Number(positionals[0] ?? 8082);
let answersToLose = Number(values['lose-answers']);
const secret = process.env.WEBHOOK_SECRET;
if (!secret) {
  console.error('WEBHOOK_SECRET is not set');
  process.exit(2);
}

const MAX_BODY_BYTES = 256 * 1024;
const MAX_AT_ONCE = 100;
const REQUEST_WITHIN_MS = 10_000;
/** Ids that are remembered; a sender gives up long before so many others came. In life: a table with a unique key. */
const MAX_REMEMBERED = 100_000;

const handled = new Set();
let open = 0;

/** What the event is for. It is remembered only after this, so that one which fails is sent, and tried, again. */
function handle({ type, data }) {
  console.log(`handled ${type} ${JSON.stringify(data)}`);
}

async function receive(request, response) {
  const body = await read(request);
  if (body === undefined) return end(response, 413);
  const header = (name) => request.headers[`webhook-${name}`] ?? '';
  const id = header('id');
  const signed = { id, timestamp: header('timestamp'), body };
  const reason = whyNotSigned(secret, signed, header('signature'));
  if (reason !== undefined) {
    console.log(`refused: ${reason}`);
    return end(response, 401, reason);
  }
  if (handled.has(id)) console.log(`again: ${id}`);
  else remember(id, JSON.parse(body.toString()));
  if (answersToLose > 0) {
    answersToLose -= 1;
    return request.socket.destroy();
  }
  end(response, 204);
}

function remember(id, event) {
  handle(event);
  handled.add(id);
  if (handled.size > MAX_REMEMBERED) handled.delete(handled.values().next().value);
}

/** Undefined when it is too large; no more than that is kept. */
async function read(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function end(response, status, text = '') {
  response.writeHead(status, status === 413 ? { connection: 'close' } : {}).end(text);
}

const server = createServer({ requestTimeout: REQUEST_WITHIN_MS }, async (request, response) => {
  if (request.method !== 'POST') return end(response, 405);
  if (open >= MAX_AT_ONCE) {
    response.setHeader('retry-after', '5');
    return end(response, 429);
  }
  open += 1;
  try {
    await receive(request, response);
  } catch (error) {
    console.log(`failed: ${error.message}`);
    if (!response.headersSent) end(response, 500);
  } finally {
    open -= 1;
  }
});
server.listen(port, '127.0.0.1', () => console.log(`listening on 127.0.0.1:${port}`));
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    server.close();
    server.closeIdleConnections();
  });
}
