import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import type { Endpoint } from '../../src/base/endpoint.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import type { Candidate } from '../../src/ice/candidate.ts';
import { Gatherer } from '../../src/ice/gatherer.ts';
import type { NatReport } from '../../src/ice/nat-behaviour.ts';
import { StunRouter } from '../../src/ice/stun-router.ts';
import { needsProgram } from '../support/foreign-program.ts';
import { Processes } from '../support/processes.ts';

/** coturn at two addresses of loopback; its two ports follow each other. */
async function startCoturn(): Promise<number> {
  const folder = mkdtempSync(path.join(tmpdir(), 'pilot-coturn-'));
  const processes = new Processes();
  onTestFinished(async () => {
    await processes.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const port = await freePortPair();
  const options = [
    ...['-n', '--stun-only', '--no-cli', '--no-tls', '--no-dtls', '--no-tcp'],
    ...['--listening-ip=127.0.0.1', '--listening-ip=127.0.0.2', `--listening-port=${port}`],
    ...['--log-file=stdout', '--simple-log'],
    ...[`--pidfile=${folder}/pid`, `--userdb=${folder}/db`],
  ];
  // Not waited for: it does not flush what it logs, and requests are repeated until it answers.
  processes.start('turnserver', options, { env: process.env, cwd: folder });
  return port;
}

async function bound(port: number): Promise<Socket> {
  const socket = createSocket('udp4').bind(port, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

/** A port that is free together with the next. */
async function freePortPair(): Promise<number> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const first = await bound(0);
    const { port } = first.address();
    try {
      (await bound(port + 1)).close();
      return port;
    } catch {
      // The next is taken, or beyond the last.
    } finally {
      first.close();
    }
  }
  throw new Error('no two free ports side by side');
}

test(
  'coturn tells our address, and what the way to it filters',
  { timeout: 15_000 },
  async (context) => {
    needsProgram(context, 'turnserver', 'coturn');
    const port = await startCoturn();
    const socket = await bound(0);
    onTestFinished(() => {
      socket.close();
    });
    const router = new StunRouter();
    socket.on('message', (bytes, from) => {
      router.receive(bytes, 'v4', { host: from.address, port: from.port });
    });
    const send = (bytes: Uint8Array, _: string, to: Endpoint): void => {
      socket.send(bytes, to.port, to.host);
    };
    const own = { host: '127.0.0.1', port: socket.address().port };
    const candidates: Candidate[] = [];
    const report = await new Promise<NatReport>((finished) => {
      const deps = { clock: systemClock, random: randomBytes, router, send };
      const input = {
        bases: [{ name: 'v4', family: 'v4', port: own.port } as const],
        addresses: [{ name: 'lo', address: '127.0.0.1' }],
        servers: [{ host: '127.0.0.1', port }],
      };
      const handlers = {
        candidate: (candidate: Candidate) => candidates.push(candidate),
        gathered: () => undefined,
        finished,
      };
      new Gatherer(deps, input, handlers, { allowLoopback: true, testsNat: true }).start();
    });
    expect(candidates.map(({ endpoint }) => endpoint)).toEqual([own]);
    expect(report).toMatchObject({
      udp: true,
      servers: [{ outcome: 'answered', mapped: own }],
      bases: [
        {
          mapped: own,
          behindNat: false,
          portKept: true,
          mapping: 'endpoint-independent',
          filtering: 'endpoint-independent',
        },
      ],
    });
  },
);
