import { once } from 'node:events';

import { expect, test, vi } from 'vitest';

import { EVENTS_STREAM_DEFAULTS } from '../../../src/daemon/api/events-stream.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { eventually } from '../../support/processes.ts';
import { openApi, startApi, temporaryFolder } from './api-fixture.ts';
import { raw } from './call-client.ts';

vi.setConfig({ testTimeout: 15_000 });

const head = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nhost: x\r\n${more}\r\n`;

test.each([
  ['a route that there is not', '/v1/nothing', 'websocket'],
  ['another protocol', '/v1/calls', 'websocket'],
  ['a stream that may not be', '/v1/streams/dial', 'pilot-stream'],
])('an upgrade to %s that was refused does not hold up the end', async (_what, path, protocol) => {
  const clock = new ManualClock();
  const { server, socketPath } = await openApi(temporaryFolder(), { clock });
  const socket = await raw(
    socketPath,
    head(path, `connection: upgrade\r\nupgrade: ${protocol}\r\n`),
  );
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 [45]/);
  const stopped = server.stop();
  clock.advance(2000);
  await stopped;
});

test('who hangs up is no reader of events, also where an earlier request was not answered', async () => {
  const { node, socketPath } = await startApi();
  node.isWaiting = true;
  const body = JSON.stringify({ target: 'bob' });
  const ping = `POST /v1/ping HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  for (let i = 0; i < EVENTS_STREAM_DEFAULTS.maxReaders; i++) {
    const arrived = node.nextWait();
    const socket = await raw(socketPath, ping + head('/v1/events') + ping);
    await arrived;
    const aborted = node.nextAbort();
    socket.destroy();
    await aborted;
  }
  await eventually(
    'all are told',
    () => node.aborted.length === 2 * EVENTS_STREAM_DEFAULTS.maxReaders || undefined,
  );
  const reader = await raw(socketPath, head('/v1/events'));
  const [answer] = (await once(reader, 'data')) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 /);
});
