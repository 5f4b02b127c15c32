/** Services that answer as they like: real sockets, and the peer's streams in memory. */
import { get } from 'node:http';

import { expect, onTestFinished, test } from 'vitest';

import { ProxyServer } from '../../../src/daemon/tunnels/proxy-server.ts';
import { eventually, STEP_TIMEOUT_MS } from '../../support/processes.ts';
import { joinedPorts } from '../joined-ports.ts';
import { tunnelFixture } from './tunnel-fixture.ts';

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n';

test.each([
  ['switches to another protocol unasked', SWITCH, 502],
  ['has early hints', `HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n`, 200],
  ['speaks no HTTP', 'SSH-2.0-x\r\n', 502],
])(
  'a service that %s: its program is answered, and nothing stays open',
  async (_what, says, code) => {
    const joined = await joinedPorts();
    const [ours, theirs] = joined.ports;
    theirs.listen(80, (incoming) => {
      const stream = incoming.accept();
      stream?.resume().write(says);
      if (code === 200) stream?.end();
    });
    const dial: typeof ours.dial = async (...asked) => ours.dial(...asked);
    const server = new ProxyServer(tunnelFixture({ dial }), '127.0.0.1:0');
    await server.open();
    onTestFinished(() => {
      server.close();
      joined.close();
    });
    const answer = await new Promise<number | undefined>((resolve, reject) => {
      const path = 'http://bob.pilot/';
      const signal = AbortSignal.timeout(STEP_TIMEOUT_MS);
      const request = get({ port: server.port, path, agent: false, signal }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.once('error', reject);
    });
    expect(answer).toBe(code);
    await eventually('nothing is open', () => {
      const isOver = server.connections + ours.openCount + theirs.openCount === 0;
      return isOver || undefined;
    });
  },
);
