// Stands in for pilotd where pilotctl starts one. PILOT_FAKE says what it does:
// run (default), silent, fail-json, fail-text, fail-mute, taken, slow-relay, deaf (ignores SIGTERM).
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { createInterface } from 'node:readline';

const mode = process.env.PILOT_FAKE ?? 'run';
const root = path.join(process.env.PILOT_HOME, '.pilot');
mkdirSync(root, { recursive: true, mode: 0o700 });
const argOf = (name) => process.argv.find((arg) => arg.startsWith(`--${name}=`))?.split('=')[1];
const socket = argOf('socket') ?? path.join(root, 'pilotd.sock');
const pidFile = path.join(root, 'pilot.pid');
writeFileSync(
  path.join(root, 'started.json'),
  JSON.stringify({ args: process.argv.slice(2), token: process.env.PILOT_TOKEN ?? '' }),
);

const failure = {
  'fail-json':
    '{"level":30,"msg":"starting"}\n{"status":"error","code":"invalid_argument","message":"relay: expected ws://","hint":"write ws://x"}\n',
  'fail-text': 'starting\nerror: the disk is full\nhint:  make room\n',
  'fail-mute': '',
  taken:
    '{"code":"already_exists","message":"a daemon runs already (process 1)","hint":"stop it"}\n',
}[mode];
if (failure !== undefined) {
  process.stderr.write(failure);
  process.exit(1);
}
writeFileSync(pidFile, `${process.pid}\n\n`);
process.on('SIGTERM', () => {
  if (mode === 'deaf') return;
  rmSync(pidFile, { force: true });
  rmSync(socket, { force: true });
  process.exit(0);
});

let polls = 0;
const info = () => {
  polls += 1;
  const isOnline = mode !== 'slow-relay' || polls > 3;
  const relay = {
    url: 'ws://127.0.0.1:1',
    relay_id: '',
    rtt_ms: null,
    since: '',
    reason: 'refused',
  };
  return {
    ...{
      id: 'pilot1x',
      node_id: 7,
      address: '0:0000.0000.0007',
      hostname: argOf('hostname') ?? '',
    },
    ...{ pid: process.pid, uptime_secs: 1, peers: 0, connections: 0, socket, warnings: [] },
    log_file: path.join(root, 'pilot.log'),
    relays: process.argv.some((arg) => arg.startsWith('--relay='))
      ? [{ ...relay, state: isOnline ? 'online' : 'connecting' }]
      : [],
  };
};
const server = createServer();
server.on('upgrade', (_request, stream) => {
  stream.on('error', () => {});
  stream.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: pilot-calls\r\n\r\n');
  createInterface(stream).on('line', (line) => {
    const { call } = JSON.parse(line);
    if (call !== undefined) stream.write(`${JSON.stringify({ call, reply: info() })}\n`);
  });
});
if (mode === 'silent') setInterval(() => {}, 1000);
else server.listen(socket);
