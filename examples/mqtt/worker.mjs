/**
 * node worker.mjs [URL] [NAME]: does tasks and publishes their results. One worker: mosquitto 2.0 forgets shared
 * subscriptions of sessions when it starts again, so `$share/…` would lose tasks here.
 *
 * QoS 1 is at least once: a task's result goes out before its acknowledgement, on the same connection, so a worker that dies
 * in between finds the task waiting; and a task that comes again gets the same result without being done twice.
 */
import { connect, RESULTS, TASKS } from './connection.mjs';

const [url = 'mqtt://127.0.0.1:1883', name = 'worker'] = process.argv.slice(2);
const MAX_REMEMBERED = 10_000;

/** By correlation data; the oldest go first. */
const results = new Map();
let done = 0;

const client = connect(url, name);
client.on('connect', () => {
  client.subscribe(TASKS, { qos: 1 }, (error) => {
    console.log(error ? `cannot subscribe: ${error.message}` : `${name} takes tasks`);
  });
});

/** mqtt.js reads on when `acknowledge` is called: waiting here for the broker to have the result would wait for ever. */
client.handleMessage = ({ payload, properties = {} }, acknowledge) => {
  const { responseTopic = '', correlationData } = properties;
  if (!responseTopic.startsWith(RESULTS) || correlationData === undefined) {
    acknowledge();
    return;
  }
  const id = correlationData.toString();
  const result = results.get(id) ?? work(payload.toString());
  results.set(id, result);
  if (results.size > MAX_REMEMBERED) results.delete(results.keys().next().value);
  client.publish(responseTopic, result, { qos: 1, properties: { correlationData } });
  acknowledge();
};

function work(text) {
  done += 1;
  if (done % 50 === 0) console.log(`done: ${done}`);
  return text.toUpperCase();
}
