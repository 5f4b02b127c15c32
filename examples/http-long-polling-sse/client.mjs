/**
 * node client.mjs sse|poll [URL] [--events N]: follows the server until it has N events, each once and in order, whatever
 * happens to the connection.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { readEventStream } from './event-stream.mjs';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { events: { type: 'string', default: '10' } },
});
const [manner = 'sse', url = 'http://127.0.0.1:8081'] = positionals;
const wanted = Number(values.events);

/** Above the server's 25 s: a way that says nothing for so long is gone. */
const SILENCE_MS = 40_000;
/** A stream begins at once, an answer to a poll when there is something. */
const ANSWER_MS = { sse: 5000, poll: SILENCE_MS };
const LONGEST_PAUSE_MS = 10_000;
const MAX_FAILURES = 20;

let firstPauseMs = 500;
let lastId = 0;
let count = 0;

/** Events that came already are not news. */
function take({ id, text }) {
  if (id <= lastId || count === wanted) return;
  if (lastId !== 0 && id !== lastId + 1) console.log(`${id - lastId - 1} events are lost`);
  lastId = id;
  count += 1;
  console.log(`event ${id}: ${text}`);
}

/** The server began anew or has forgotten where we were. */
function reset() {
  console.log('the server starts over');
  lastId = 0;
}

async function getBody(path, headers, signal) {
  const response = await fetch(new URL(path, url), { headers, signal });
  if (response.ok) return response;
  await response.body?.cancel();
  const later = Number(response.headers.get('retry-after'));
  throw Object.assign(new Error(`${response.status}`), { laterMs: later * 1000 || 0 });
}

/** One request; the stream ends when the server ends it. */
const manners = {
  async sse(signal, heard) {
    const headers = { accept: 'text/event-stream', 'last-event-id': String(lastId) };
    const { body } = await getBody('/events', headers, signal);
    heard();
    for await (const { event, id, data, retry } of readEventStream(body, heard)) {
      if (retry !== undefined) firstPauseMs = Math.min(retry, LONGEST_PAUSE_MS);
      else if (event === 'reset') reset();
      else take({ id: Number(id), text: data });
      if (count === wanted) return;
    }
    console.log(`the stream ended, going on after ${lastId}`);
  },
  async poll(signal) {
    const response = await getBody(`/poll?after=${lastId}`, {}, signal);
    const { events, reset: isReset } = await response.json();
    if (isReset) reset();
    for (const event of events) take(event);
  },
};

/** One request that is ended when nothing is heard for SILENCE_MS. */
async function follow() {
  const silence = new AbortController();
  const end = () => silence.abort(new Error('silence'));
  let timer = setTimeout(end, ANSWER_MS[manner]);
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(end, SILENCE_MS);
  };
  try {
    await manners[manner](silence.signal, heard);
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

if (manners[manner] === undefined) {
  console.error('usage: node client.mjs sse|poll [URL] [--events N]');
  process.exit(2);
}
for (let failures = 0; count < wanted;) {
  try {
    await follow();
    failures = 0;
  } catch (error) {
    failures += 1;
    if (failures > MAX_FAILURES) throw error;
    // Full jitter, from the server's own wish upwards: clients that lost it do not come back all at once.
    const ceilingMs = Math.min(LONGEST_PAUSE_MS, firstPauseMs * 2 ** (failures - 1));
    const ms = Math.max(error.laterMs ?? 0, Math.random() * ceilingMs);
    console.log(`${error.cause?.code ?? error.message}; again in ${Math.round(ms)} ms`);
    await pause(ms);
  }
}
console.log(`${manner}: ${count} events, the last one ${lastId}`);
