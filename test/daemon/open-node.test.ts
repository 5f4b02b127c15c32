import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { systemClock } from '../../src/base/system-clock.ts';
import type { DaemonNode } from '../../src/daemon/daemon.ts';
import { silentLog } from '../../src/daemon/log/log.ts';
import { openNode } from '../../src/daemon/open-node.ts';
import { loadConfig } from '../../src/home/config.ts';
import { Identity } from '../../src/identity/identity.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const random = seededRandom(11);

async function open(
  flags: Record<string, string | readonly string[]>,
  folder = temporaryFolder(),
): Promise<{ node: DaemonNode; identity: Identity }> {
  const env = { PILOT_NAT_TRAVERSAL: 'off' };
  const { config } = loadConfig({
    ...{ flags, env },
    defaultFile: path.join(folder, 'none.yaml'),
  });
  const identity = Identity.create(random, systemClock.now());
  const dataFolder = path.join(folder, 'data');
  const receivedFolder = path.join(folder, 'received');
  const deps = {
    ...{ config, identity, dataFolder, receivedFolder, random, env },
    ...{ clock: systemClock, log: silentLog },
  };
  const node = await openNode(deps);
  onTestFinished(async () => node.stop());
  return { node, identity };
}

test('a node without relays knows its names and waits for nothing', async () => {
  const { node, identity } = await open({ 'node.hostname': 'alpha' });
  expect(node.api.names()).toMatchObject({ id: identity.nodeId, hostname: 'alpha' });
  expect(node.api.relays()).toEqual([]);
  node.onWake();
  await node.stop();
  await node.stop();
});

test('one relay in two spellings is one relay', async () => {
  // Port 9, discard: nothing answers there.
  const relays = ['ws://127.0.0.1:9', 'ws://127.0.0.1:9/', 'ws://127.0.0.1:10'];
  const { node } = await open({ 'protocol.connection.relays': relays });
  expect(node.api.relays().map(({ url }) => url)).toEqual([
    'ws://127.0.0.1:9/',
    'ws://127.0.0.1:10/',
  ]);
});

test.each([
  ['is not there', undefined, 'ENOENT'],
  ['has no certificate', 'hello', 'it has no certificate'],
])('an authority file that %s is refused before anything is opened', async (_what, text, fault) => {
  const folder = temporaryFolder();
  const file = path.join(folder, 'ca.pem');
  if (text !== undefined) writeFileSync(file, text);
  const flags = {
    'protocol.connection.relays': ['wss://127.0.0.1:9'],
    'protocol.connection.relay_ca_file': file,
  };
  await expect(open(flags, folder)).rejects.toMatchObject({
    code: 'invalid_argument',
    message: expect.stringContaining(fault) as string,
    hint: expect.stringContaining('PEM') as string,
  });
  expect(existsSync(path.join(folder, 'data'))).toBe(false);
});
