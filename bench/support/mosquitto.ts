import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, createServer } from 'node:net';
import path from 'node:path';

import { eventually } from '../../test/support/processes.ts';

/** Debian's mosquitto on a port of its own of loopback, in a folder that it makes; `settings` are lines of its configuration. */
export async function startMosquitto(
  folder: string,
  settings: readonly string[],
): Promise<{ url: string; stop: () => void }> {
  const port = await freePort();
  mkdirSync(folder);
  const config = path.join(folder, 'mosquitto.conf');
  writeFileSync(
    config,
    [
      `listener ${port} 127.0.0.1`,
      'allow_anonymous true',
      ...settings,
      'max_queued_messages 0',
      'user root',
    ].join('\n'),
  );
  const broker = spawn('mosquitto', ['-c', config], {
    stdio: 'ignore',
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` },
  });
  process.on('exit', () => broker.kill('SIGKILL'));
  const failed = once(broker, 'error').then(([cause]) => {
    throw new Error('mosquitto does not start: apt-get install mosquitto', { cause });
  });
  const up = eventually('mosquitto listens', async () => accepts(port));
  await Promise.race([up, failed]);
  failed.catch(() => undefined);
  return { url: `mqtt://127.0.0.1:${port}`, stop: () => broker.kill('SIGKILL') };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function accepts(port: number): Promise<true | undefined> {
  const socket = connectTcp(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}
