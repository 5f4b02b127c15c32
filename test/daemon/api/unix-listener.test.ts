import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import path from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { listenOnSocket } from '../../../src/daemon/api/unix-listener.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

function newServer(greeting = 'ours'): Server {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(greeting);
  });
  onTestFinished(() => {
    server.close();
  });
  return server;
}

async function answerOf(socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(socketPath);
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.on('end', () => {
      resolve(text);
    });
    socket.on('error', reject);
  });
}

/** A socket file that nobody serves any more, as a killed process leaves it. */
async function leaveStaleSocket(socketPath: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${socketPath}.bound`, resolve));
  renameSync(`${socketPath}.bound`, socketPath);
  await new Promise((resolve) => server.close(resolve));
}

test('the socket is for its owner alone, and never there with another mode', async () => {
  const folder = temporaryFolder();
  const socketPath = path.join(folder, 's');
  const modes = new Set<number>();
  const look = (): void => {
    const mode = statSync(socketPath, { throwIfNoEntry: false })?.mode;
    if (mode !== undefined) modes.add(mode & 0o777);
  };
  const watcher = watch(folder, look);
  const umask = process.umask(0);
  const remove = await listenOnSocket(newServer(), socketPath);
  expect(process.umask(umask)).toBe(0);
  look();
  watcher.close();
  expect([...modes]).toEqual([0o600]);
  expect(await answerOf(socketPath)).toBe('ours');
  expect(readdirSync(folder)).toEqual(['s']);
  remove();
  expect(readdirSync(folder)).toEqual([]);
});

test('a missing folder is made, for its owner alone', async () => {
  const folder = path.join(temporaryFolder(), 'new');
  await listenOnSocket(newServer(), path.join(folder, 's'));
  expect(statSync(folder).mode & 0o777).toBe(0o700);
});

test('a stale socket is replaced', async () => {
  const socketPath = path.join(temporaryFolder(), 's');
  await leaveStaleSocket(socketPath);
  await listenOnSocket(newServer(), socketPath);
  expect(await answerOf(socketPath)).toBe('ours');
});

test('a living one stays, and is said to be there', async () => {
  const socketPath = path.join(temporaryFolder(), 's');
  const living = newServer('theirs');
  await new Promise<void>((resolve) => living.listen(socketPath, resolve));
  await expect(listenOnSocket(newServer(), socketPath)).rejects.toMatchObject({
    code: 'already_exists',
    message: `another process serves ${socketPath}`,
  });
  expect(await answerOf(socketPath)).toBe('theirs');
});

test('another kind of file stays as it is', async () => {
  const socketPath = path.join(temporaryFolder(), 's');
  writeFileSync(socketPath, 'precious');
  await expect(listenOnSocket(newServer(), socketPath)).rejects.toMatchObject({ code: 'conflict' });
  expect(readFileSync(socketPath, 'utf8')).toBe('precious');
});

test('a socket that another process has put there since is not removed', async () => {
  const folder = temporaryFolder();
  const socketPath = path.join(folder, 's');
  const remove = await listenOnSocket(newServer(), socketPath);
  const successor = newServer('theirs');
  await new Promise<void>((resolve) => successor.listen(path.join(folder, 't'), resolve));
  renameSync(path.join(folder, 't'), socketPath);
  remove();
  expect(await answerOf(socketPath)).toBe('theirs');
});

test('a path that the system would cut off is refused', async () => {
  const socketPath = path.join(temporaryFolder(), 'x'.repeat(100));
  await expect(listenOnSocket(newServer(), socketPath)).rejects.toMatchObject({
    code: 'invalid_argument',
    hint: 'choose a shorter PILOT_HOME, or another place with --socket',
  });
});

test.skipIf(process.getuid?.() === 0)('a folder that is not ours is refused', async () => {
  const folder = path.join(temporaryFolder(), 'closed');
  mkdirSync(folder);
  chmodSync(folder, 0o500);
  await expect(listenOnSocket(newServer(), path.join(folder, 's'))).rejects.toMatchObject({
    code: 'permission_denied',
  });
});
