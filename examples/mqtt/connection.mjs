/** What worker and requester have in common: a session that outlives connections, and pauses with jitter. */
import mqtt from 'mqtt';

export const TASKS = 'tasks/request';
export const RESULTS = 'tasks/result/';

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 10_000;
const SESSION_EXPIRY_SECONDS = 3600;
/** The broker hears something from us so often, or takes us for gone after one and a half of it. */
const KEEPALIVE_SECONDS = 15;

export function connect(url, clientId) {
  const client = mqtt.connect(url, {
    ...{ clientId, protocolVersion: 5, keepalive: KEEPALIVE_SECONDS },
    // The broker keeps our subscriptions, and messages of QoS 1, while we are away.
    ...{ clean: false, properties: { sessionExpiryInterval: SESSION_EXPIRY_SECONDS } },
    ...{ reconnectPeriod: FIRST_PAUSE_MS, connectTimeout: 5_000 },
  });
  let failures = 0;
  client.on('connect', ({ sessionPresent }) => {
    failures = 0;
    console.log(`connected${sessionPresent ? ', the session goes on' : ''}`);
  });
  client.on('error', ({ code, message }) => {
    // After our DISCONNECT the broker may be faster to close than we are.
    if (!client.disconnecting) console.log(`broker: ${code ?? message}`);
  });
  // Full jitter: clients that lost the same broker do not come back all at once.
  client.on('close', () => {
    const ceilingMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures);
    failures += 1;
    client.options.reconnectPeriod = 1 + Math.round(Math.random() * ceilingMs);
  });
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      client.end();
    });
  }
  return client;
}
