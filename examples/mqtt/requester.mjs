/** node requester.mjs [URL] [--tasks N]: hands out N tasks and waits for every result, also over a restart of the broker. */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';

import { connect, RESULTS, TASKS } from './connection.mjs';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { tasks: { type: 'string', default: '100' } },
});
const [url = 'mqtt://127.0.0.1:1883'] = positionals;
const total = Number(values.tasks);

const MAX_UNANSWERED = 20;
const GIVE_UP_MS = 60_000;
/** And at most twice that, drawn anew each time. */
const REPEAT_AFTER_MS = 2_000;

const name = `requester-${randomUUID()}`;
const responseTopic = RESULTS + name;
/** By correlation data: the task's text. */
const unanswered = new Map();
let made = 0;
let answered = 0;
let doubles = 0;

const client = connect(url, name);
let giveUp = setTimeout(fail, GIVE_UP_MS).unref();

function fail() {
  console.error(`no result for ${GIVE_UP_MS / 1000} s, ${answered} of ${total} came`);
  process.exit(1);
}

/** Publishing returns at once; what the broker has not acknowledged is sent again on the next connection. */
function send(id) {
  const properties = { responseTopic, correlationData: Buffer.from(id) };
  client.publish(TASKS, unanswered.get(id), { qos: 1, properties });
}

function fill() {
  while (made < total && unanswered.size < MAX_UNANSWERED) {
    made += 1;
    const id = randomUUID();
    unanswered.set(id, `task ${made}`);
    send(id);
  }
}

/**
 * What nobody subscribes to, for there was never a worker yet, is acknowledged as well, and dropped. So tasks go out again when no
 * result comes; the worker knows by the id what it did.
 */
let repeating;
function repeatLater() {
  clearTimeout(repeating);
  repeating = setTimeout(repeat, REPEAT_AFTER_MS * (1 + Math.random())).unref();
}

function repeat() {
  if (client.connected) {
    console.log(`no results, ${unanswered.size} tasks again`);
    for (const id of unanswered.keys()) send(id);
  }
  repeatLater();
}

client.on('message', (topic, payload, { properties = {} }) => {
  const id = properties.correlationData?.toString() ?? '';
  const text = unanswered.get(id);
  if (text === undefined) {
    doubles += 1;
    return;
  }
  if (payload.toString() !== text.toUpperCase()) throw new Error(`wrong result of ${text}`);
  unanswered.delete(id);
  answered += 1;
  if (answered % 50 === 0) console.log(`answered: ${answered}`);
  clearTimeout(giveUp);
  if (answered < total) {
    giveUp = setTimeout(fail, GIVE_UP_MS).unref();
    repeatLater();
    fill();
  } else {
    console.log(`all ${answered} answered, ${doubles} came twice`);
    clearTimeout(repeating);
    // Nobody comes back for this session.
    client.end(false, { properties: { sessionExpiryInterval: 0 } });
  }
});

// Without its subscription the results of its tasks would go nowhere.
await client.subscribeAsync(responseTopic, { qos: 1 });
fill();
repeatLater();
