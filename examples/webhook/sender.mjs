/**
 * WEBHOOK_SECRET=… node sender.mjs [URL] [--events N] [--attempts N]: sends N signed events, each until it is taken, at most so often.
 * What is refused for good, or never taken, goes as a line of JSON into dead-letters.jsonl in the working directory.
 */
import { randomUUID } from 'node:crypto';
import { appendFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { sign } from './signature.mjs';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    events: { type: 'string', default: '3' },
    attempts: { type: 'string', default: '8' },
  },
});
const [url = 'http://127.0.0.1:8082/'] = positionals;
const secret = process.env.WEBHOOK_SECRET;
if (!secret) {
  console.error('WEBHOOK_SECRET is not set');
  process.exit(2);
}

const ANSWER_WITHIN_MS = 10_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 60_000;

/** Nothing when it was taken; else why not, whether to try again, and the earliest moment the receiver wishes. */
async function post(id, body) {
  // Signed anew each time: the receiver believes a time for five minutes only.
  const timestamp = String(Math.floor(Date.now() / 1000));
  const headers = {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': sign(secret, { id, timestamp, body }),
  };
  // Not AbortSignal.timeout, which lets the process end while a request hangs: Node's fetch never hears of some resets.
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error('no answer')), ANSWER_WITHIN_MS);
  try {
    const request = { method: 'POST', headers, body, signal: late.signal, redirect: 'error' };
    const response = await fetch(url, request);
    await response.body?.cancel();
    if (response.ok) return undefined;
    const { status } = response;
    const laterMs = Number(response.headers.get('retry-after')) * 1000 || 0;
    return { reason: `${status}`, isFinal: status < 500 && ![408, 429].includes(status), laterMs };
  } catch (error) {
    return { reason: error.cause?.code ?? error.message, isFinal: false, laterMs: 0 };
  } finally {
    clearTimeout(timer);
  }
}

async function deliver(event) {
  const id = `evt_${randomUUID()}`;
  const body = JSON.stringify(event);
  for (let attempt = 1; ; attempt += 1) {
    const failure = await post(id, body);
    if (failure === undefined) {
      console.log(`delivered ${id} at attempt ${attempt}`);
      return true;
    }
    const { reason, isFinal, laterMs } = failure;
    if (isFinal || attempt >= Number(values.attempts)) {
      console.log(`given up ${id}: ${reason}`);
      await appendFile('dead-letters.jsonl', `${JSON.stringify({ id, reason, event })}\n`);
      return false;
    }
    // Full jitter: what failed at the same time is not tried again at the same time.
    const ceilingMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1));
    const ms = Math.max(laterMs, Math.random() * ceilingMs);
    console.log(`${id}: ${reason}; again in ${Math.round(ms)} ms`);
    await pause(ms);
  }
}

let delivered = 0;
for (let number = 1; number <= Number(values.events); number += 1) {
  if (await deliver({ type: 'task.finished', data: { number } })) delivered += 1;
}
console.log(`${delivered} of ${values.events} delivered`);
if (delivered < Number(values.events)) process.exitCode = 1;
