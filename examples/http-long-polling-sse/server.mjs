/**
 * node server.mjs [PORT] [--every-ms N] [--stream-ms N]: numbered events, for whoever asks.
 *
 *     GET /events          server-sent events; the header Last-Event-ID says where to go on
 *     GET /poll?after=ID   a list of events as JSON; waits for one, at most 25 s, and is empty then
 *
 * The log keeps the last events only. Who comes too late, or from before a restart, is told `reset` first.
 */
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    'every-ms': { type: 'string', default: '1000' },
    // Proxies and load balancers end long answers; here the server does, and clients go on where they were.
    'stream-ms': { type: 'string', default: '60000' },
  },
});
const port = Number(positionals[0] ?? 8081);

const MAX_EVENTS = 1000;
const MAX_WAITING = 1000;
/** Below the 30 s after which many middleboxes end a silent connection. */
const POLL_MS = 25_000;
const COMMENT_MS = 15_000;
const RETRY_MS = 1_000;

/** The last MAX_EVENTS, ids rising by one. */
const log = [];
let lastId = 0;
const news = new EventEmitter().setMaxListeners(MAX_WAITING + 1);
let waiting = 0;

const producer = setInterval(() => {
  lastId += 1;
  log.push({ id: lastId, text: `step ${lastId} is done` });
  if (log.length > MAX_EVENTS) log.shift();
  news.emit('event');
}, Number(values['every-ms']));

/** What comes after this id, and whether something between is lost. */
function since(id) {
  const isKnown = id <= lastId && id >= lastId - log.length;
  return isKnown
    ? { events: log.filter((event) => event.id > id), isReset: false }
    : { events: [...log], isReset: true };
}

/** True when there is something new, false when the time is over or nobody waits any more. */
async function somethingNew(signal) {
  return once(news, 'event', { signal }).then(
    () => true,
    () => false,
  );
}

async function streamEvents(request, response, ended) {
  let at = idOf(request.headers['last-event-id']);
  const over = AbortSignal.any([ended, AbortSignal.timeout(Number(values['stream-ms']))]);
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.write(`retry: ${RETRY_MS}\n\n`);
  const comment = setInterval(() => response.write(': still here\n\n'), COMMENT_MS);
  try {
    while (!over.aborted) {
      const { events, isReset } = since(at);
      if (isReset) {
        response.write('event: reset\ndata:\n\n');
        at = lastId - log.length;
      }
      for (const { id, text } of events) {
        at = id;
        // Who reads slowly gets the next one later, out of the log, and is not queued for here.
        const isRoom = response.write(`id: ${id}\ndata: ${text}\n\n`);
        if (!isRoom) await once(response, 'drain', { signal: over });
      }
      if (at === lastId) await somethingNew(over);
    }
  } catch (error) {
    if (error.name !== 'AbortError') throw error;
  } finally {
    clearInterval(comment);
    response.end();
  }
}

async function poll(url, response, ended) {
  const at = idOf(url.searchParams.get('after'));
  const over = AbortSignal.any([ended, AbortSignal.timeout(POLL_MS)]);
  if (at === lastId) await somethingNew(over);
  const { events, isReset } = since(at);
  answer(response, 200, { events, reset: isReset });
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://localhost');
  if (request.method !== 'GET') return answer(response, 405, { error: 'GET only' });
  if (!['/events', '/poll'].includes(url.pathname)) {
    return answer(response, 404, { error: 'no such path' });
  }
  if (waiting >= MAX_WAITING) {
    response.setHeader('retry-after', '5');
    return answer(response, 503, { error: 'too many clients' });
  }
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  waiting += 1;
  try {
    if (url.pathname === '/poll') await poll(url, response, gone.signal);
    else await streamEvents(request, response, gone.signal);
  } finally {
    waiting -= 1;
  }
});

function answer(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}

/** 0, from the first, unless it is a number. */
function idOf(text) {
  const id = Number(text ?? 0);
  return Number.isSafeInteger(id) && id >= 0 ? id : 0;
}

server.listen(port, '127.0.0.1', () => console.log(`listening on 127.0.0.1:${port}`));
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    clearInterval(producer);
    server.close();
    server.closeAllConnections();
  });
}
