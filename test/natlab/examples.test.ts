/**
 * The programs in `examples`, which know nothing of us: servers behind one port-restricted NAT, clients behind another, and
 * between them `pilotctl expose` and `pilotctl forward`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { needsProgram } from '../support/foreign-program.ts';
import type { RunningProcess } from '../support/processes.ts';
import { Sandbox } from '../support/sandbox.ts';
import { describeWithLab } from './describe-with-lab.ts';
import { Lab } from './lab.ts';
import type { Namespace } from './namespace.ts';
import { startServers } from './servers.ts';
import { startStation, type Station, trustEachOther } from './station.ts';

const EXAMPLES = path.resolve(import.meta.dirname, '../../examples');
const DIRECT_WITHIN_MS = 10_000;
const TEST_MS = 40_000;

describeWithLab('the examples, between two hosts behind NATs', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.open();
  }, 60_000);

  afterAll(async () => {
    await world.close();
  });

  test('gRPC: a unary call, a server stream, a refusal', { timeout: TEST_MS }, async () => {
    await world.tunnel(50_051);
    const server = world.server('grpc/server.mjs');
    await server.line(/^listening/);
    const { code, stdout } = await world.client('grpc/client.mjs').finished;
    expect(linesOf(stdout)).toEqual([
      'task-1: SUMMARISE THE REPORT',
      ...['0 % running', '25 % running', '50 % running', '75 % running', '100 % done'].map(
        (progress) => `task-2: ${progress}`,
      ),
      'refused: INVALID_ARGUMENT: task_id is empty',
    ]);
    expect(code).toBe(0);
    expect(await server.stop()).toMatchObject({ code: 0 });
  });

  test(
    'WebSocket: a server that freezes is left, and every request answered',
    {
      timeout: TEST_MS,
    },
    async () => {
      await world.tunnel(8080);
      const heartbeat = ['--heartbeat-ms', '1000'];
      const server = world.server('websocket/server.mjs', '8080', ...heartbeat);
      await server.line(/^listening/);
      const url = 'ws://127.0.0.1:8080';
      const client = world.client('websocket/client.mjs', url, '--requests', '1500', ...heartbeat);
      await client.line(/^answered: 100$/);
      server.child.kill('SIGSTOP');
      await client.line(/^no heartbeat for 1500 ms$/);
      server.child.kill('SIGCONT');
      await client.line(/^connected, [1-9]\d* to repeat$/);
      const { code, stdout } = await client.finished;
      expect(linesOf(stdout).at(-1)).toMatch(/^all 1500 answered over ([2-9]|\d\d) connections$/);
      expect(code).toBe(0);
      expect(await server.stop()).toMatchObject({ code: 0 });
    },
  );

  test(
    'MQTT: no task is lost when the broker starts again',
    { timeout: TEST_MS },
    async (context) => {
      needsProgram(context, 'mosquitto', 'mosquitto');
      await world.tunnel(1883);
      const first = await world.broker();
      const worker = world.server('mqtt/worker.mjs');
      await worker.line(/^worker takes tasks$/);
      const requester = world.client(
        'mqtt/requester.mjs',
        'mqtt://127.0.0.1:1883',
        '--tasks',
        '1000',
      );
      await requester.line(/^answered: 100$/);
      await first.stop();
      const second = await world.broker();
      await requester.line(/^connected, the session goes on$/);
      const { code, stdout } = await requester.finished;
      expect(stdout).toMatch(/^all 1000 answered, \d+ came twice$/m);
      expect(code).toBe(0);
      // A thousand tasks, each done once, however often it came.
      expect(worker.lines.filter((line) => line.startsWith('done: ')).at(-1)).toBe('done: 1000');
      await worker.stop();
      await second.stop();
    },
  );

  test(
    'server-sent events and long polling: every event, once and in order',
    {
      timeout: TEST_MS,
    },
    async () => {
      await world.tunnel(8081);
      const url = 'http://127.0.0.1:8081';
      const streaming = world.client(
        'http-long-polling-sse/client.mjs',
        'sse',
        url,
        '--events',
        '60',
      );
      await streaming.line(/; again in \d+ ms$/);
      const every = ['--every-ms', '20', '--stream-ms', '500'];
      const server = world.server('http-long-polling-sse/server.mjs', '8081', ...every);
      await server.line(/^listening/);
      const polling = world.client(
        'http-long-polling-sse/client.mjs',
        'poll',
        url,
        '--events',
        '60',
      );
      const finished = await Promise.all([streaming.finished, polling.finished]);
      for (const { code, stdout } of finished) {
        const events = linesOf(stdout).filter((line) => line.startsWith('event '));
        expect(events).toEqual(
          Array.from({ length: 60 }, (_, n) => `event ${n + 1}: step ${n + 1} is done`),
        );
        expect(code).toBe(0);
      }
      expect(finished[0].stdout).toMatch(/^the stream ended, going on after \d+$/m);
      expect(await server.stop()).toMatchObject({ code: 0 });
    },
  );

  test('webhooks: signed, sent until taken, handled once', { timeout: TEST_MS }, async () => {
    await world.tunnel(8082);
    const url = 'http://127.0.0.1:8082/';
    const sender = world.client('webhook/sender.mjs', url, '--events', '3');
    await sender.line(/; again in \d+ ms$/);
    const receiver = world.server('webhook/receiver.mjs', '8082', '--lose-answers', '1');
    await receiver.line(/^listening/);
    const sent = await sender.finished;
    expect(linesOf(sent.stdout).at(-1)).toBe('3 of 3 delivered');
    expect(sent.code).toBe(0);
    const stranger = await world.clientWith(
      { WEBHOOK_SECRET: 'another' },
      'webhook/sender.mjs',
      url,
    ).finished;
    expect(stranger.stdout).toMatch(/^given up evt_\S+: 401$/m);
    expect(stranger).toMatchObject({ code: 1 });
    const { code, stdout } = await receiver.stop();
    expect(linesOf(stdout).filter((line) => line.startsWith('handled'))).toEqual(
      [1, 2, 3].map((number) => `handled task.finished {"number":${number}}`),
    );
    expect(stdout).toMatch(/^again: evt_/m);
    expect(stdout).toMatch(/^refused: the signature is wrong$/m);
    expect(code).toBe(0);
  });

  // Direct since before the first of them, and never anything else in between.
  test('all of it went directly from NAT to NAT', async () => {
    expect(await world.path()).toBe('direct');
    expect(world.detours).toEqual([]);
  });
});

/** `alice` has the servers, `bob` the clients. */
class World {
  readonly #lab: Lab;
  readonly #sandbox: Sandbox;
  readonly #alice: Place;
  readonly #bob: Place;
  /** What else than a direct path carried their session since it was direct, as Bob's daemon tells it. */
  readonly detours: string[] = [];
  readonly #isOver = new AbortController();

  private constructor(lab: Lab, sandbox: Sandbox, alice: Place, bob: Place) {
    this.#lab = lab;
    this.#sandbox = sandbox;
    this.#alice = alice;
    this.#bob = bob;
  }

  static async open(): Promise<World> {
    const lab = await Lab.open();
    const sandbox = new Sandbox();
    try {
      const servers = await startServers(lab, sandbox);
      const place = async (name: string): Promise<Place> => {
        const { host } = await lab.site('home', { name });
        return { host, station: await startStation(sandbox, servers, { name, host }) };
      };
      const [alice, bob] = await Promise.all([place('alice'), place('bob')]);
      await trustEachOther([[alice.station, bob.station]]);
      const world = new World(lab, sandbox, alice, bob);
      await world.#becomeDirect();
      return world;
    } catch (error) {
      await sandbox.close();
      await lab.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#isOver.abort();
    for (const { station } of [this.#alice, this.#bob]) station.client.close();
    await this.#sandbox.close();
    await this.#lab.close();
  }

  /** The port of Alice's host is a port of Bob's. */
  async tunnel(port: number): Promise<void> {
    const [{ station: alice }, { station: bob }] = [this.#alice, this.#bob];
    await alice.node.pilotctl('expose', `${port}`, '--to', `127.0.0.1:${port}`);
    await bob.node.pilotctl('forward', `127.0.0.1:${port}`, `${alice.id}:${port}`);
  }

  async path(): Promise<string | undefined> {
    return (await this.#bob.station.peer(this.#alice.station))?.path;
  }

  async #becomeDirect(): Promise<void> {
    const [{ station: alice }, { station: bob }] = [this.#alice, this.#bob];
    const { signal } = this.#isOver;
    await bob.client.ping(alice.id);
    const directAtMs = await bob.untilDirect(alice, performance.now() + DIRECT_WITHIN_MS);
    if (directAtMs === undefined) throw new Error('no direct path was found');
    const events = await bob.client.subscribe(['path.opened', 'path.changed'], { signal });
    void (async () => {
      try {
        for await (const { data } of events) {
          if (data.path !== 'direct') this.detours.push(`${data.path} (${data.reason})`);
        }
      } catch (error) {
        if (!signal.aborted) this.detours.push(`not known any more: ${String(error)}`);
      }
    })();
  }

  server(program: string, ...args: readonly string[]): RunningProcess {
    return this.#start(this.#alice, program, args);
  }

  client(program: string, ...args: readonly string[]): RunningProcess {
    return this.#start(this.#bob, program, args);
  }

  clientWith(env: NodeJS.ProcessEnv, program: string, ...args: readonly string[]): RunningProcess {
    return this.#start(this.#bob, program, args, env);
  }

  /** With what it stored, when it ran here before. */
  async broker(): Promise<RunningProcess> {
    const { folder } = this.#sandbox;
    const settings = readFileSync(path.join(EXAMPLES, 'mqtt/mosquitto.conf'), 'utf8');
    const file = path.join(folder, 'mosquitto.conf');
    // As root it would go on as a user who cannot write here.
    writeFileSync(file, `${settings}\nuser root\npersistence_location ${folder}/\n`);
    const broker = this.#run(this.#alice.host, ['mosquitto', '-v', '-c', file]);
    await broker.line(/ running$/);
    return broker;
  }

  #start(
    { host }: Place,
    program: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ): RunningProcess {
    return this.#run(host, [process.execPath, path.join(EXAMPLES, program), ...args], env);
  }

  /** `ip netns exec` becomes the program, so signals reach it; files that it writes go into the sandbox. */
  #run(host: Namespace, argv: readonly string[], env: NodeJS.ProcessEnv = {}): RunningProcess {
    const [command = '', ...args] = [...host.inside, ...argv];
    return this.#sandbox.processes.start(command, args, {
      env: { ...process.env, WEBHOOK_SECRET: 'of alice and bob', ...env },
      cwd: this.#sandbox.folder,
    });
  }
}

interface Place {
  readonly host: Namespace;
  readonly station: Station;
}

function linesOf(text: string): string[] {
  return text.trimEnd().split('\n');
}
