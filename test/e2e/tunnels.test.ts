import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

import { describe, expect, test } from 'vitest';

import type { Forward, GatewayView, TunnelFailure } from '../../src/client/api.ts';
import { eventually, STEP_TIMEOUT_MS } from '../support/processes.ts';
import { befriend, type SandboxNode } from '../support/sandbox.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { all, listening, open, tunnelWorld } from './tunnel-world.ts';

const { sandbox, alice, bob, servers } = tunnelWorld();

/** A TCP service of bob's host; the port it has. */
async function service(serve: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    serve(socket);
  });
  servers.push(server);
  return listening(server);
}

/** Exposes it on bob and forwards it on alice; where alice listens. */
async function tunnel(port: number, to: number): Promise<number> {
  await bob.pilotctl('expose', String(port), '--to', `127.0.0.1:${to}`);
  const { listen } = await alice.json<Forward>('forward', '0', `bob:${port}`);
  return Number(listen.split(':')[1]);
}

async function relayOf(node: SandboxNode): Promise<string> {
  const { relays } = await node.client().info();
  return relays[0]?.url ?? '';
}

/** What the socket ended with. */
async function failureOf(port: number): Promise<string> {
  let socket: Socket | undefined;
  try {
    // A refusal may come before the connection is known to be there.
    socket = await open(port);
    await once(socket, 'data', { signal: AbortSignal.timeout(STEP_TIMEOUT_MS) });
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? '';
  } finally {
    socket?.destroy();
  }
  return 'data';
}

describe('a TCP service', () => {
  test('half close: what comes after the question has ended arrives whole', async () => {
    const answer = seededRandom(4)(3_000_000);
    const port = await tunnel(
      5432,
      await service((socket) => {
        void all(socket).then((question) => {
          expect(question.toString()).toBe('all of it?');
          socket.end(answer);
        });
      }),
    );
    const socket = await open(port);
    socket.end('all of it?');
    const got = createHash('sha256').update(await all(socket));
    expect(got.digest('hex')).toBe(createHash('sha256').update(answer).digest('hex'));
  });

  test('a reset goes through, both ways', async () => {
    let theirs: Socket | undefined;
    const port = await tunnel(
      5433,
      await service((socket) => {
        theirs = socket;
        socket.write('hello');
      }),
    );
    const first = await open(port);
    await once(first, 'data');
    theirs?.resetAndDestroy();
    const [error] = (await once(first, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');

    theirs = undefined;
    const second = await open(port);
    await once(second, 'data');
    const gone = once(theirs as unknown as Socket, 'error');
    second.resetAndDestroy();
    expect(((await gone) as [NodeJS.ErrnoException])[0].code).toBe('ECONNRESET');
  });

  test('a reader that stops stops the writer', async () => {
    const written: number[] = [];
    const port = await tunnel(
      5434,
      await service((socket) => {
        const at = written.push(0) - 1;
        const write = (): void => {
          do written[at] = (written[at] ?? 0) + 65_536;
          while (socket.write(Buffer.alloc(65_536)));
        };
        socket.on('drain', write);
        write();
      }),
    );
    const socket = await open(port);
    socket.pause();
    // Another connection, through the same session, gets as much as the first may hold back: then all is full.
    const probe = await open(port);
    let taken = 0;
    for await (const chunk of probe) {
      taken += (chunk as Buffer).length;
      if (taken > 30_000_000) break;
    }
    // The first one's: buffers of two kernels and two daemons, and one window.
    expect(written[0]).toBeLessThan(60_000_000);
    socket.destroy();
  });

  test('that is down: said on both sides, and which side it is', async () => {
    const free = createServer();
    const dead = await listening(free);
    free.close();
    const port = await tunnel(5435, dead);
    const failures: TunnelFailure[] = [];
    const stop = new AbortController();
    const events = await alice.client().subscribe(['tunnel.failed'], { signal: stop.signal });
    const reading = (async () => {
      for await (const { data } of events) {
        failures.push(data);
        return;
      }
    })();
    expect(await failureOf(port)).toBe('ECONNRESET');
    await reading;
    stop.abort();
    expect(failures).toMatchObject([{ kind: 'forward', code: 'connection_failed', port: 5435 }]);
    expect(failures[0]?.message).toContain('the other node offers it, but the service behind it');
    expect(await bob.pilotctl('expose')).toMatch(
      /tcp 5435 .*the service 127\.0\.0\.1:\d+ of this host: connection refused/,
    );
    expect(await alice.pilotctl('forward', '--list')).toMatch(
      /to bob .* port 5435 .*offers it, but/,
    );
  });

  test('only those that were named may use it; nothing else of the host is there', async () => {
    const to = await service((socket) => socket.end('secret'));
    const carol = sandbox.node('carol');
    await carol.start('--relay', await relayOf(alice), '--hostname', 'carol');
    await befriend(bob, carol);
    await bob.pilotctl('expose', '5436', '--to', `127.0.0.1:${to}`, '--allow', 'carol');
    const { listen } = await alice.json<Forward>('forward', '0', 'bob:5436');
    expect(await failureOf(Number(listen.split(':')[1]))).toBe('ECONNRESET');
    // The service's own port is nobody's.
    const direct = await alice.json<Forward>('forward', '0', `bob:${to}`);
    expect(await failureOf(Number(direct.listen.split(':')[1]))).toBe('ECONNRESET');
    const carols = await carol.json<Forward>('forward', '0', 'bob:5436');
    const socket = await open(Number(carols.listen.split(':')[1]));
    expect(String(await all(socket))).toBe('secret');
    socket.destroy();
    await carol.stop();
  });

  test('rules survive restarts; connections work again when the peer is back', async () => {
    const to = await service((socket) => socket.end('here'));
    const port = await tunnel(5437, to);
    await bob.stop();
    await eventually('alice knows', async () => {
      const startedMs = Date.now();
      expect(await failureOf(port)).toBe('ECONNRESET');
      expect(Date.now() - startedMs).toBeLessThan(12_000);
      return (await alice.pilotctl('forward')).includes('not online') || undefined;
    });
    const relay = await relayOf(alice);
    await alice.stop();
    await alice.start('--relay', relay, '--hostname', 'alice');
    await bob.start('--relay', relay, '--hostname', 'bob');
    await eventually('it works again', async () => {
      const socket = await open(port);
      const text = await all(socket).catch(() => '');
      return String(text) === 'here' || undefined;
    });
    await bob.pilotctl('unexpose', '5437');
    expect(await failureOf(port)).toBe('ECONNRESET');
    await alice.pilotctl('unforward', String(port));
    await expect(open(port)).rejects.toThrow('ECONNREFUSED');
  });
});

test('UDP there and back, from two programs at once', async () => {
  const echo = createSocket('udp4');
  echo.on('message', (bytes, from) => {
    echo.send(`${String(bytes)}!`, from.port, from.address);
  });
  echo.bind(0, '127.0.0.1');
  await once(echo, 'listening');
  const { port: to } = echo.address();
  await bob.pilotctl('expose', '5353', '--udp', '--to', `127.0.0.1:${to}`);
  const { listen } = await alice.json<Forward>('forward', '0', 'bob:5353', '--udp');
  const port = Number(listen.split(':')[1]);
  const programs = [createSocket('udp4'), createSocket('udp4')];
  for (const [i, program] of programs.entries()) {
    const answered = once(program, 'message', { signal: AbortSignal.timeout(STEP_TIMEOUT_MS) });
    program.send(`program ${i}`, port, '127.0.0.1');
    expect(String(((await answered) as unknown[])[0])).toBe(`program ${i}!`);
  }
  const { exposed } = await bob.json<{ exposed: { connections: number; protocol: string }[] }>(
    'expose',
  );
  expect(exposed.find(({ protocol }) => protocol === 'udp')?.connections).toBe(2);
  for (const socket of [echo, ...programs]) socket.close();
});

describe('the gateway', () => {
  test('maps, lists, unmaps, stops, and survives a restart', async () => {
    const to = await service((socket) => socket.end('by address'));
    await bob.pilotctl('expose', '8080', '--to', `127.0.0.1:${to}`);
    const ports = ['--ports', '8080,8443'];
    const subnet = ['--subnet', '127.77.0.0/16'];
    const started = await alice.json<GatewayView>('gateway', 'start', ...subnet, ...ports, 'bob');
    expect(started.mappings).toMatchObject([{ local_ip: '127.77.0.1', ports: [8080, 8443] }]);
    expect(String(await all(await open(8080, '127.77.0.1')))).toBe('by address');
    const relay = await relayOf(alice);
    await alice.kill();
    await alice.start('--relay', relay, '--hostname', 'alice');
    const again = await alice.json<GatewayView>('gateway', 'list');
    expect(again).toMatchObject({ running: true, total: 1, subnet: '127.77.0.0/16' });
    await eventually('it carries again', async () => {
      const text = await all(await open(8080, '127.77.0.1')).catch(() => '');
      return String(text) === 'by address' || undefined;
    });
    expect(await alice.json('gateway', 'unmap', '127.77.0.1')).toEqual({ unmapped: '127.77.0.1' });
    await expect(open(8080, '127.77.0.1')).rejects.toThrow('ECONNREFUSED');
    expect(await alice.json('gateway', 'map', 'bob', '127.77.3.4')).toMatchObject({
      local_ip: '127.77.3.4',
    });
    await alice.pilotctl('gateway', 'stop');
    expect(await alice.json<GatewayView>('gateway', 'list')).toMatchObject({ running: false });
    await expect(open(8080, '127.77.3.4')).rejects.toThrow('ECONNREFUSED');
  });
});

test.each<[string[], string]>([
  [['expose', '70000'], 'is no port'],
  [['expose', '5432', '--to', 'nowhere'], 'is no service'],
  [['expose', '5432', '--to', ':80'], 'is no service'],
  [['expose', '5432', '--to', '127.0.0.1:0'], 'is no service'],
  [['expose', '5432', '--to', 'http://a:80'], 'is no service'],
  [['expose', '5432', '--to', '1.2.3.400:80'], 'is no service'],
  [['expose', '5432', '--to', '127.0.0.1:9'], 'is exposed already'],
  [['expose', '99', '--allow', 'nobody'], 'no relay of this node knows nobody'],
  [['expose', '99', '--allow', 'bob'], 'is this node itself'],
  [['expose', '--to', '127.0.0.1:1'], '--to without a port'],
  [['unexpose', '98'], 'is not exposed'],
  [['forward', '0', 'bob'], 'names no port'],
  [['forward', '0', 'bob:1'], 'is this node itself'],
  [['forward', '0'], 'where does it lead'],
  [['forward', 'example.com:80', 'alice:1'], 'is no address to listen on'],
  [['forward', '192.0.2.1:80', 'alice:1'], 'does not have the address 192.0.2.1'],
  [['unforward', '1'], 'nothing is forwarded'],
  [['gateway', 'map', 'alice'], 'the gateway does not run'],
  [['gateway', 'stop'], 'the gateway does not run'],
  [['gateway', 'start', '--subnet', '8.8.8.0/24'], 'is no subnet for a gateway'],
  [['gateway', 'start', '--subnet', '10.0.0.0/31'], 'is no subnet for a gateway'],
  [
    ['gateway', 'start', '--subnet', '10.77.0.0/16', 'alice'],
    'does not have the address 10.77.0.1',
  ],
  [['gateway', 'start', '--ports', '80,x'], 'is no port'],
  [['proxy', 'start', '--listen', 'x'], 'is no address to listen on'],
  [['proxy', 'stop'], 'the proxy does not run'],
])('%j is refused', async (args, text) => {
  const { code, stderr } = await bob.tryPilotctl(args);
  expect(stderr).toContain(text);
  expect(code).not.toBe(0);
});
