import { describe, expect, test } from 'vitest';

import { PilotClient } from '../../src/client/client.ts';
import { startApi } from '../daemon/api/api-fixture.ts';
import { runCli } from './run-cli.ts';
import { twoDaemons, until } from './two-daemons.ts';

const NOT_PORTS = ['-1', '65536', '99999999999', '7.5', '0x50', '1e3', 'http', ' 7', ''];

describe.each<[string, (port: string) => string[]]>([
  ['connect', (port) => ['connect', 'peer', port, '--message', 'x']],
  ['send', (port) => ['send', 'peer', port, '--data', 'x']],
  ['dgram', (port) => ['dgram', 'peer', port, '--data', 'x']],
  ['recv', (port) => ['recv', port]],
  ['listen', (port) => ['listen', port]],
  ['expose', (port) => ['expose', port, '--to', '127.0.0.1:1']],
  ['forward', (port) => ['forward', '0', `peer:${port}`]],
])('pilotctl %s', (_name, argvOf) => {
  test.each(NOT_PORTS)('refuses %j as a port before it does anything', async (port) => {
    const daemon = await startApi();
    const env = { PILOT_SOCKET: daemon.socketPath };
    const { code, failure } = await runCli([...argvOf(port), '--json'], { env });
    expect(code).not.toBe(0);
    expect(failure).toMatchObject({ status: 'error', code: 'invalid_argument' });
    expect(daemon.node.calls).toEqual([]);
  });
});

describe('the SDK', () => {
  test.each([-1, 65_536, 7.5, Number.NaN, Infinity])('refuses %d as a port', async (port) => {
    const { alice } = await twoDaemons();
    const client = new PilotClient({ socketPath: alice.daemon.socketPath });
    const refused = { code: 'invalid_argument' };
    await expect(client.dial('peer', port)).rejects.toMatchObject(refused);
    await expect(client.listen(port)).rejects.toMatchObject(refused);
    client.close();
  });

  test('a port is bound once, by a listener or a command, and free again after it', async () => {
    const { bob } = await twoDaemons();
    const client = new PilotClient({ socketPath: bob.daemon.socketPath });
    const listener = await client.listen(80);
    await expect(client.listen(80)).rejects.toMatchObject({
      code: 'already_exists',
      hint: expect.stringContaining('another port') as string,
    });
    const { code, failure } = await bob.run(['recv', '80', '--json']);
    expect(code).not.toBe(0);
    expect(failure).toMatchObject({ code: 'already_exists' });
    listener.close();
    await until(() => bob.daemon.node.ports.listenerCount === 0);
    (await client.listen(80)).close();
    client.close();
  });
});

test('a closed port is told at once, with what to do', async () => {
  const { alice } = await twoDaemons();
  const { code, failure } = await alice.run(['connect', 'peer', '9', '--message', 'x', '--json']);
  expect(code).not.toBe(0);
  expect(failure).toMatchObject({
    code: 'connection_refused',
    message: expect.stringContaining('connection refused') as string,
    hint: expect.stringContaining('start the service') as string,
  });
});
