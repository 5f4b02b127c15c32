import { Readable } from 'node:stream';

import { describe, expect, onTestFinished, test } from 'vitest';

import { systemClock } from '../../src/base/system-clock.ts';
import { Interrupted } from '../../src/cli/io.ts';
import { Echo } from '../../src/daemon/services/echo.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { runCli } from './run-cli.ts';
import { listening, twoDaemons, until, type User } from './two-daemons.ts';

async function withEcho(): Promise<Awaited<ReturnType<typeof twoDaemons>>> {
  const two = await twoDaemons();
  const echo = new Echo({ ports: two.ports[1], clock: systemClock });
  onTestFinished(() => {
    echo.stop();
  });
  return two;
}

/** A port of bob's that takes streams and does nothing with them. */
function silence(two: Awaited<ReturnType<typeof twoDaemons>>, port: number, first = ''): void {
  two.ports[1].listen(port, (incoming) => {
    const stream = incoming.accept();
    stream?.resume();
    if (first !== '') stream?.write(first);
  });
}

describe('connect and send', () => {
  test.each([
    [['connect', 'peer', '7', '--message', 'hello']],
    [['send', 'peer', '7', '--data', 'hello']],
  ])('%j: the answer, and what was sent', async (argv) => {
    const { alice } = await withEcho();
    expect(await alice.run(argv)).toMatchObject({ code: 0, stdout: 'hello', stderr: '' });
    const { json } = await alice.run([...argv, '--json']);
    expect(json.data).toEqual({
      ...{ target: 'peer', port: 7, sent: 'hello', response: 'hello', timeout: false },
    });
  });

  test('bytes that are no text', async () => {
    const { alice } = await withEcho();
    const bytes = Buffer.from('ff00fe', 'hex');
    const argv = ['send', 'peer', '7', '--data', '-'];
    expect((await alice.run(argv, { stdin: bytes })).bytes.equals(bytes)).toBe(true);
    const { json } = await alice.run([...argv, '--json'], { stdin: bytes });
    expect(json.data).toMatchObject({
      ...{ sent: '/wD+', sent_encoding: 'base64', response: '/wD+', response_encoding: 'base64' },
    });
  });

  test('standard input and output are the stream, megabytes of it', async () => {
    const { alice, ports } = await withEcho();
    const bytes = seededRandom(3)(2_000_000);
    const ran = await alice.run(['connect', 'peer', '7'], { stdin: bytes });
    expect(ran.code).toBe(0);
    expect(ran.bytes.equals(bytes)).toBe(true);
    expect(ports[0].openCount).toBe(0);
  });

  test('at a terminal control characters of the other side are shown, not obeyed', async () => {
    const { alice } = await withEcho();
    const ran = await alice.run(['connect', 'peer', '7'], {
      ...{ stdin: 'é\u001b[2J\n', isTerminal: true },
    });
    expect(ran.stdout).toBe('é\\u001b[2J\n');
  });

  test('nothing listens there: refused at once', async () => {
    const { alice } = await twoDaemons();
    for (const argv of [
      ['connect', 'peer', '--message', 'x'],
      ['connect', 'peer'],
      ['send', 'peer', '9', '--data', 'x'],
      ['bench', 'peer'],
    ]) {
      const { code, failure } = await alice.run([...argv, '--json']);
      expect(code).toBe(1);
      expect(failure).toMatchObject({ code: 'connection_refused' });
    }
  });

  test('no end in time: what came, and where nothing came the code timeout', async () => {
    const two = await twoDaemons();
    silence(two, 80, 'so far');
    silence(two, 81);
    const argv = (port: number): string[] => ['send', 'peer', String(port), '--data=x', '--json'];
    const some = await two.alice.run([...argv(80), '--timeout', '300ms']);
    expect(some.json.data).toMatchObject({ response: 'so far', timeout: true });
    const none = await two.alice.run([...argv(81), '--timeout', '50ms']);
    expect(none).toMatchObject({ code: 1, failure: { code: 'timeout' } });
  });

  test('Ctrl-C ends it with its exit code, and the stream with it', async () => {
    const two = await twoDaemons();
    silence(two, 80);
    const stop = new AbortController();
    const running = two.alice.start(['send', 'peer', '80', '--data', 'x'], { signal: stop.signal });
    await until(() => two.ports[1].openCount === 1);
    stop.abort(new Interrupted('SIGINT'));
    expect(await running.finished).toMatchObject({ code: 130, stdout: '', stderr: '' });
    await until(() => two.ports[1].openCount === 0);
  });
});

describe('recv', () => {
  test('takes streams and prints their bytes', async () => {
    const { alice, bob } = await twoDaemons();
    const receiving = bob.start(['recv', '1000', '--count', '2']);
    await listening(bob);
    expect((await alice.run(['connect', 'peer', '--message', 'one,'])).code).toBe(0);
    expect((await alice.run(['connect', 'peer'], { stdin: 'two' })).code).toBe(0);
    expect(await receiving.finished).toMatchObject({ code: 0, stdout: 'one,two', stderr: '' });
    expect(bob.daemon.node.ports.listenerCount).toBe(0);
  });

  test('--json: every stream, and those that broke', async () => {
    const two = await twoDaemons();
    const receiving = two.bob.start(['recv', '1000', '--count', '3', '--json']);
    await listening(two.bob);
    await two.alice.run(['send', 'peer', '1000', '--data', 'hello']);
    const broken = await two.ports[0].dial('peer', 1000);
    broken.write('half');
    broken.abandon('failed');
    await two.alice.run(['send', 'peer', '1000', '--data', '-'], { stdin: Buffer.from([0xff]) });
    const { messages, timeout } = (await receiving.finished).json.data as {
      messages: object[];
      timeout: boolean;
    };
    expect(timeout).toBe(false);
    expect(messages).toMatchObject([
      { seq: 0, port: 1000, data: 'hello', bytes: 5 },
      { seq: 1, port: 1000, error: expect.stringContaining('reset') as string },
      { seq: 2, port: 1000, data: '/w==', data_encoding: 'base64', bytes: 1 },
    ]);
  });

  test('in text a stream that broke is a failure: what was printed is not whole', async () => {
    const two = await twoDaemons();
    const receiving = two.bob.start(['recv', '1000']);
    await listening(two.bob);
    const broken = await two.ports[0].dial('peer', 1000);
    broken.write('half');
    await until(() => receiving.text() === 'half');
    broken.abandon('failed');
    expect(await receiving.finished).toMatchObject({ code: 1, stdout: 'half' });
  });

  test('the time is up: what came is the result', async () => {
    const { bob } = await twoDaemons();
    const ran = await bob.run(['recv', '1000', '--timeout', '20ms', '--json']);
    expect(ran).toMatchObject({ code: 0, json: { data: { messages: [], timeout: true } } });
    const text = await bob.run(['recv', '1000', '--timeout', '20ms']);
    expect(text.stderr).toBe('note:  the time is up: 0 of 1 came\n');
  });

  test('a port that somebody has', async () => {
    const { bob, ports } = await twoDaemons();
    ports[1].listen(1000, () => undefined);
    const { code, failure } = await bob.run(['recv', '1000', '--json']);
    expect(code).toBe(1);
    expect(failure).toMatchObject({ code: 'already_exists' });
  });
});

describe('dgram and listen', () => {
  async function toListener(
    argv: readonly string[],
    send: (alice: User) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<ReturnType<User['start']>> {
    const { alice, bob, ports } = await twoDaemons();
    const running = bob.start(['listen', '5000', ...argv], { ...(signal && { signal }) });
    await until(() => isBound(ports[1]));
    await send(alice);
    return running;
  }

  function isBound(ports: {
    bindDatagrams: User['daemon']['node']['ports']['bindDatagrams'];
  }): boolean {
    try {
      ports.bindDatagrams(5000, () => undefined).close();
      return false;
    } catch {
      return true;
    }
  }

  const sendBoth = async (alice: User): Promise<void> => {
    const { json } = await alice.run(['dgram', 'peer', '5000', '--data', 'hello', '--json']);
    expect(json.data).toEqual({ target: 'peer', port: 5000, bytes: 5 });
    const argv = ['dgram', 'peer', '5000', '--data', '-'];
    expect(await alice.run(argv, { stdin: Buffer.from([0xff]) })).toMatchObject({
      stdout: 'sent: 1 bytes\n',
    });
  };

  test('with bounds one answer', async () => {
    const running = await toListener(['--count', '2', '--json'], sendBoth);
    const { json } = await running.finished;
    expect(json.data).toMatchObject({
      messages: [
        { src_addr: '0:0000.1234.5678', data: 'hello', bytes: 5 },
        { data: '/w==', data_encoding: 'base64', bytes: 1 },
      ],
      timeout: false,
    });
  });

  test('without bounds a line each, until Ctrl-C', async () => {
    const stop = new AbortController();
    const running = await toListener(['--json'], sendBoth, stop.signal);
    await until(() => running.text().split('\n').length === 3);
    stop.abort(new Interrupted('SIGINT'));
    const { code, stdout } = await running.finished;
    expect(code).toBe(130);
    const [first = ''] = stdout.split('\n');
    expect(JSON.parse(first)).toMatchObject({ src_addr: '0:0000.1234.5678', data: 'hello' });
  });

  test('text, and the end of the time', async () => {
    const running = await toListener(['--timeout', '1s'], sendBoth);
    const { code, stdout } = await running.finished;
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^0:0000.1234.5678:\d+ {2}hello\n0:0000.1234.5678:\d+ {2}base64:\/w==\n$/,
    );
  });
});

describe('bench and traceroute', () => {
  test('bench sends there and back, and says how fast', async () => {
    const { alice } = await withEcho();
    const { json } = await alice.run(['bench', 'peer', '0.5', '--json']);
    expect(json.data).toMatchObject({ target: 'peer', sent_bytes: 524_288, recv_bytes: 524_288 });
    for (const name of ['send_duration_ms', 'total_duration_ms', 'send_mbps', 'total_mbps']) {
      expect(json.data?.[name]).toBeGreaterThan(0);
    }
    const text = await alice.run(['bench', 'peer', '0.5'], { isTerminal: true });
    expect(text.stdout).toMatch(/^sent 524288 bytes in \d+ ms: .* MiB\/s\nback after/);
  });

  test('bench knows an echo from something else, and too little time', async () => {
    const two = await twoDaemons();
    two.ports[1].listen(7, (incoming) => {
      const stream = incoming.accept();
      stream?.once('data', () => stream.write('something else'));
    });
    const { failure } = await two.alice.run(['bench', 'peer', '1', '--json']);
    expect(failure).toMatchObject({ code: 'connection_failed' });
    silence(two, 8);
    const slow = await twoDaemons();
    silence(slow, 7);
    const late = await slow.alice.run(['bench', 'peer', '--timeout', '100ms', '--json']);
    expect(late.failure).toMatchObject({ code: 'timeout' });
  });

  test('traceroute: the stations, and samples through the echo service', async () => {
    const { alice } = await withEcho();
    const { json } = await alice.run(['traceroute', 'peer', '--json']);
    expect(json.data).toMatchObject({
      ...{ target: 'peer', path: 'relay', rtt_samples: [{ bytes: 7 }, { bytes: 7 }, { bytes: 7 }] },
      hops: [{ hop: 'local' }, { hop: 'relay', rtt_ms: 12.5 }, { hop: 'peer', rtt_ms: 1.5 }],
    });
    expect(json.data?.['setup_ms']).toBeGreaterThan(0);
    const { stdout } = await alice.run(['traceroute', 'peer']);
    expect(stdout).toMatch(
      /^1 {2}this daemon +[\d.]+ ms\n2 {2}relay +wss:.* 12\.50 ms\n3 {2}fake \(0:0000\.1234\.5678\) +1\.50 ms\nopened in /,
    );
  });

  test('traceroute without an echo service takes pings', async () => {
    const { alice } = await twoDaemons();
    const { json } = await alice.run(['traceroute', 'peer', '--json']);
    expect(json.data?.['rtt_samples']).toEqual(Array(3).fill({ rtt_ms: 1.5, bytes: 0 }));
  });
});

describe('bad input is refused before anything is done', () => {
  test.each<[readonly string[], string]>([
    [['connect', 'bob', '65536'], '"65536" is no port'],
    [['connect', 'bob', '-1'], '-1'],
    [['connect', 'bob', 'http'], '"http" is no port'],
    [['send', 'bob', '1e3', '--data', 'x'], '"1e3" is no port'],
    [['send', 'bob', '7'], 'there is nothing to send'],
    [['dgram', 'bob', '7'], 'there is nothing to send'],
    [['dgram', 'bob', '99999', '--data', 'x'], '"99999" is no port'],
    [['recv', ''], '"" is no port'],
    [['recv', '7', '--count', '0'], '--count'],
    [['recv', '7', '--timeout', 'soon'], '--timeout'],
    [['listen', '70000'], '"70000" is no port'],
    [['listen', '7', '--count', '10001'], '--count'],
    [['disconnect', 'one'], '"one" is not the number of a connection'],
    [['disconnect', '-1'], '-1'],
    [['bench', 'bob', '0'], '"0" is no size'],
    [['bench', 'bob', '4097'], '"4097" is no size'],
    [['bench', 'bob', 'much'], '"much" is no size'],
    [['set-tags'], 'missing required argument'],
    [['set-tags', 'a', 'b', 'c', 'd'], '4 tags'],
    [['set-tags', 'A'], 'a tag that breaks the rule'],
    [['find'], 'name either a hostname or a tag'],
    [['find', 'bob', '--tag', 'x'], 'name either a hostname or a tag'],
  ])('%j', async (argv, message) => {
    const ran = await runCli([...argv, '--json'], { env: { PILOT_HOME: '/nowhere' } });
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.failure).toMatchObject({ code: 'invalid_argument' });
    expect(String(ran.failure['message'])).toContain(message);
  });
});

test('standard input that breaks breaks the stream', async () => {
  const two = await twoDaemons();
  silence(two, 1000);
  const ports = two.ports[1];
  const stdin = new Readable({
    read() {
      void until(() => ports.openCount === 1).then(() => {
        this.destroy(new Error('the disk is gone'));
      });
    },
  });
  const ran = await two.alice.run(['connect', 'peer'], { input: stdin });
  expect(ran).toMatchObject({ code: 1 });
  expect(ran.stderr).toContain('the disk is gone');
  await until(() => ports.openCount === 0);
});
